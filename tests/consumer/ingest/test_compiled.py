"""The compiled decoder takes a part of what the contract's own decoder takes, and says the same."""

import json
from zlib import crc32

import pytest
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaError, Message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.errors import ConsumerError
from consumer.events import DAY_MS, MAX_MS, MAX_START_MS, MIN_MS, encode
from consumer.events.units import LEAST_MS
from consumer.ingest import _decode, compiled
from consumer.ingest.rows import RowBuilder
from support.data.contract import GIG, KNOWN, NOW_MS, events, json_values, texts
from support.data.records import message

examples = settings(deadline=None, max_examples=400)
CREATE_TIME = 1


def record(offset, value, *, stamp_ms=NOW_MS, **more) -> Message:
    return message(offset, value, timestamp=(CREATE_TIME, stamp_ms), **more)


def gathered(messages, of, **how) -> list[dict]:
    builder = RowBuilder(topic_id="T")
    builder._decoder = of
    builder.take(messages, now_ms=NOW_MS, **how)
    return sorted(builder.table().to_pylist(), key=lambda row: row["offset"])


def both_ways(*messages) -> list[dict]:
    """The rows of these messages, which come out the same either way."""
    found = gathered(list(messages), compiled._compiled())
    assert found == gathered(list(messages), compiled.PythonDecoder())
    return found


def taken(value, **more) -> bool:
    """Whether the compiled decoder takes it."""
    rows = compiled._compiled()
    _, errors, rest = rows.take([record(0, value, **more)], None, NOW_MS, NOW_MS)
    assert not errors
    assert len(rows) + len(rest) == 1
    return len(rows) == 1


def gig(**fields) -> bytes:
    """A gig with these fields; one that is ``...`` is left out."""
    whole = {name: value for name, value in (GIG | fields).items() if value is not ...}
    return json.dumps(whole, ensure_ascii=False).encode()


def raw_gig(**fields: str) -> bytes:
    """A gig with these fields as they stand in JSON."""
    whole = {name: json.dumps(value) for name, value in GIG.items()} | fields
    return ("{" + ",".join(f'"{name}":{raw}' for name, raw in whole.items()) + "}").encode()


def test_it_is_built_here():
    assert compiled.built()
    assert isinstance(compiled.decoder(), _decode.Rows)


PLAIN = {
    "least": gig(),
    "spaces": json.dumps(GIG, indent=1).replace('":', '"\t:\r\n').encode() + b" \n",
    "nulls": gig(**dict.fromkeys(KNOWN - {*GIG})),
    "whole": gig(
        source="box",
        status="cancelled",
        version=7,
        starts_at="2018-11-02T20:00:00+01:00",
        artist_name="Motörhead",
        venue_name="東京ドーム",
        venue={"lng": 13, "lat": -52.50, "country": "DE", "city": "Köln", "capacity": 0},
        artist={"genres": ["jazz", "post rock"]},
    ),
    "no genres": gig(artist={"genres": []}, venue={"city": None}),
    "empty objects": gig(artist={"genres": None}, venue={"lat": 0.5}),
    "epoch": gig(time=-100_000_000_000, starts_at=-100_000_000_000),
    "empty texts": gig(artist_name="", venue_name="", venue={"city": "", "country": ""}),
    "date": gig(starts_at="2016-02-29"),
    "fraction": gig(time="2018-10-31T12:00:00.5-00:30", starts_at="2018-10-31T12:00:00.123Z"),
    "a day ahead": gig(time=NOW_MS + DAY_MS),
    "five years ahead": gig(time=LEAST_MS, starts_at=LEAST_MS + MAX_START_MS),
    "longest id": gig(artist_id="é" * 128, venue_id="x" * 256),
    "emoji": gig(artist_name="🎸", event_id="\u00a0\ud7ff\ue000\U0010ffff"),
}


@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN)
def test_what_is_plain_is_taken_as_the_contract_reads_it(value):
    (row,) = both_ways(record(0, value))

    assert taken(value)
    assert row["kind"] == "event"
    assert row["digest"] == crc32(value)


FIELDS_LEFT = {
    "event_id": ['""', '"\\u0041"', '"a\x7f"', '"a\x01"', '"\x85"', f'"{"x" * 257}"', "null", "7"],
    "time": [
        *['"2018-10-31"', '"2018-10-31 12:00:00Z"', '"2018-10-31t12:00:00z"', "1.0", "1e3", "true"],
        *['"2018-10-31T12:00:60Z"', '"2018-10-31T24:00:00Z"', '"2018-02-29T12:00:00Z"', '""'],
        *['"2018-10-31T12:00:00.1234Z"', '"2018-10-31T12:00:00.Z"', '"2018-10-31T12:00:00"'],
        *['"2018-10-31T12:00:00-00:00"', '"2018-10-31T12:00:00+24:00"', "01", "-0", "-", "null"],
        *[str(NOW_MS + DAY_MS + 1), str(MAX_MS + 1), str(MIN_MS - 1), "9" * 30, "-" + "9" * 30],
        *['"0001-01-01T00:00:00+00:01"', '"9999-12-31T23:59:59Z"', '"20181031T120000Z"'],
        *["0", "20393", "1541000000", str(LEAST_MS - 1), str(1 - LEAST_MS), "20181031"],
        *['0"2018-10-31T12:00:00Z"', '-"2018-10-31T12:00:00Z"', '1 "2018-10-31T12:00:00Z"'],
    ],
    "source": ['""', "7"],
    "status": [
        *['"canceled"', '"deleted"', '"Confirmed"', "1", '""', '" "', '"sold out"', '"hold"'],
        *['"schema:EventCancelled"', '"CANCELLED_BY_ARTIST"', '"not cancelled"', '["cancelled"]'],
    ],
    "version": ["-1", "1.0", "1e2", "01", "-0", "9" * 19, '"1"', "true", '" 3 "', '""', "1e999"],
    "starts_at": [
        *['"2023-11-01T12:00:00.001Z"', '"2018-13-01"', '"2018-10-3"', '"soon"', "1.5"],
        *['""', '" "', "0", "1776366400", "20514", "1776366400000000"],
    ],
    "artist_name": [
        '"\\n"',
        "1",
        '"\x1f"',
        '"a',
        f'"{"x" * 1001}"',
        "true",
        '["a"]',
        '{"name":"a"}',
        '{"name":7}',
    ],
    "venue_name": ["1.5", '{"name":"a","id":1}', "1e999"],
    "venue": [
        *["{}", "[]", '{"web":1}', '{"lat":91}', '{"lng":-180.5}', '{"lat":0}', '{"lat":1e1}'],
        *['{"lat":0.0001}', '{"lat":01}', '{"lat":-0.0}', '{"lat":1.}', '{"lat":.5}'],
        *['{"lat":1.2345678901234567}', '{"city":1}', '{"capacity":-1}', '{"lat":1,"lat":1}'],
        *['{"city":"a",}', '{"city":"a"', "{,}", '"Werft"', '""', "1", '{"lat":"53.54","lng":"x"}'],
        *['{"city":{"name":"a"}}', '{"country":{"code":"DE"}}', '{"capacity":"1200"}'],
        *['{"capacity":1200.0}', '{"capacity":1.5}', '{"capacity":""}', '{"capacity":"1e3"}'],
        *['{"lat":" 1.5 ","lng":181}', '{"lat":true}', '{"lat":1e999}', '{"city":["a"],"web":1}'],
    ],
    "artist": [
        *["{}", '{"genres":"a"}', '{"genres":[1]}', '{"genres":["a",]}', '{"genres":["a"'],
        *['"x"', '[{"genres":["a"]}]', '{"genres":["a",null]}', '{"genres":[{"name":"a"}]}'],
        *['{"genres":""}', '{"genres":[["a"]]}', '{"genres":[true]}', '{"genres":[7,""]}'],
    ],
    "more": ["1", "null"],
}


@pytest.mark.parametrize(
    ("field", "raw"), [(field, raw) for field, raws in FIELDS_LEFT.items() for raw in raws]
)
def test_what_needs_a_thought_is_left_to_the_contracts_own_decoder(field, raw):
    value = raw_gig(**{field: raw})

    assert not taken(value)
    both_ways(record(0, value))


WHOLES_LEFT = [
    *[b"", b"{}", b"[]", b"null", b"\0", gig() + b"x", b"\xef\xbb\xbf" + gig()],
    *[gig(event_id=...), gig()[:-1] + b',"time":0}', gig()[:-1] + b",}", gig()[:-1] + b"\0}"],
]
NOT_UTF8 = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"]


@pytest.mark.parametrize("value", WHOLES_LEFT, ids=range(len(WHOLES_LEFT)))
def test_what_is_no_whole_plain_object_is_left(value):
    assert not taken(value)
    both_ways(record(0, value))


def test_what_is_cut_short_is_left():
    for value in PLAIN.values():
        for end in range(1, len(value.rstrip())):
            assert not taken(value[:end])
            both_ways(record(0, value[:end]))


@pytest.mark.parametrize("wrong", NOT_UTF8, ids=repr)
def test_what_is_not_utf8_is_left(wrong):
    value = gig(artist_name="X").replace(b"X", wrong)

    assert not taken(value)
    both_ways(record(0, value))


@examples
@given(st.lists(events().map(encode), max_size=5))
def test_valid_events_come_out_the_same_either_way(values):
    rows = both_ways(*(record(offset, value) for offset, value in enumerate(values)))

    assert [row["kind"] for row in rows] == ["event"] * len(values)


numbers = st.from_regex(r"-?[0-9]{1,17}(\.[0-9]{0,17})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
times = st.from_regex(
    r"\"[0-9]{4}-[01][0-9]-[0-3][0-9]([Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{0,7})?"
    r"([Zz]|[+-][0-2][0-9]:[0-5][0-9])?)?\"",
    fullmatch=True,
)
words = texts.map(lambda text: json.dumps(text, ensure_ascii=False)) | texts.map(json.dumps)
nested = st.dictionaries(
    st.sampled_from(["lat", "lng", "city", "country", "capacity", "genres", "web"]),
    numbers
    | words
    | st.just("null")
    | st.lists(words, max_size=3).map(lambda w: f"[{','.join(w)}]"),
    max_size=5,
).map(lambda parts: "{" + ", ".join(f'"{name}" :{raw}' for name, raw in parts.items()) + "}")
anything = numbers | times | words | nested | json_values.map(json.dumps)


@examples
@given(
    st.lists(st.tuples(st.sampled_from([*sorted(KNOWN), "more"]), anything), max_size=6),
    st.integers(MIN_MS, MAX_MS) | st.just(NOW_MS),
)
@example([("version", "9" * 18)], NOW_MS)
@example([("venue", '{"lat":89.999999999999,"lng":-179.99}')], NOW_MS)
def test_whatever_fields_hold_it_comes_out_the_same_either_way(fields, stamp_ms):
    parts = [f'"{name}":{json.dumps(value)}' for name, value in GIG.items()]
    replaced = {name for name, _ in fields}
    parts = [part for part in parts if part.split('"')[1] not in replaced]
    parts += [f'"{name}": {raw}' for name, raw in fields]

    both_ways(record(0, ("{" + ",".join(parts) + "}").encode(), stamp_ms=stamp_ms))


@examples
@given(
    st.sampled_from(sorted(PLAIN)),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3)), max_size=3),
)
def test_a_plain_record_with_bytes_changed_comes_out_the_same_either_way(name, changes):
    value = bytearray(PLAIN[name])
    for at, new, gone in changes:
        value[at : at + gone] = new

    both_ways(record(0, bytes(value)))


@examples
@given(st.binary(max_size=80))
def test_any_bytes_come_out_the_same_either_way(value):
    both_ways(record(0, value))


@examples
@given(st.binary(max_size=300))
def test_the_digest_is_zlibs(value):
    assert _decode.crc32(value) == crc32(value)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        *[(name, True) for name in ("content-type", "Content-Type", "ce_id", "CE_id", "source")],
        *[(name, True) for name in ("gigstream-replay-of", "__value_schema_id", "trâce")],
        *[(name, False) for name in ("traceparent", "x", "", "c", "content", "_")],
    ],
)
def test_headers_that_may_change_the_meaning_are_left_and_others_are_not(name, left):
    headers = [("trace", b"1"), (name, b"application/json")]

    assert taken(gig(), headers=headers) is not left
    both_ways(record(0, gig(), headers=headers))


@pytest.mark.parametrize("ahead_ms", [DAY_MS, DAY_MS + 1])
def test_a_time_is_held_against_the_consumers_clock_either_way(ahead_ms):
    ahead = record(0, gig(time=NOW_MS + ahead_ms), stamp_ms=MAX_MS)
    (row,) = both_ways(ahead)

    assert row["kind"] == ("event" if ahead_ms == DAY_MS else "dead")
    builder = RowBuilder(topic_id="T", past=True)
    builder.take([ahead], now_ms=NOW_MS)
    assert builder.table()["kind"].to_pylist() == ["event"]


def test_tombstones_are_left():
    assert not taken(None, key=b"e1")
    both_ways(record(0, None, key=b"e1"))


@pytest.mark.parametrize(
    "stamp", [(TIMESTAMP_NOT_AVAILABLE, -1), (1, 2**62), (1, -(2**62)), (2, 0)]
)
def test_timestamps_come_out_the_same_either_way(stamp):
    both_ways(message(0, gig(time=0), timestamp=stamp), message(1, gig(), timestamp=stamp))


places = st.tuples(
    st.integers(0, 3), st.integers(0, 12), st.sampled_from(["plain", "bad", "error"])
)


def message_at(partition, offset, kind) -> Message:
    if kind == "error":
        return Message(
            partition=partition, offset=offset, error=KafkaError(KafkaError._PARTITION_EOF)
        )
    value = gig(event_id=f"{partition}/{offset}") if kind == "plain" else b"?"
    return record(offset, value, partition=partition)


@examples
@given(
    st.lists(places, max_size=30),
    st.dictionaries(st.integers(0, 2), st.just(compiled.UNKNOWN) | st.integers(0, 8)),
)
def test_what_is_passed_over_and_how_far_positions_move_is_the_same_either_way(what, positions):
    messages = [message_at(*place) for place in what]
    outcomes = []
    for of in (compiled._compiled(), compiled.PythonDecoder()):
        moved, builder = dict(positions), RowBuilder(topic_id="T")
        builder._decoder = of
        found = builder.take(messages, moved, now_ms=NOW_MS)
        rows = builder.table().select(["kind", "partition", "offset", "event_id"]).to_pylist()
        outcomes.append((found, moved, sorted(rows, key=repr)))

    assert outcomes[0] == outcomes[1]


def test_a_message_without_a_place_is_an_error_and_leaves_no_row():
    rows = compiled._compiled()
    rows.take([record(0, gig())], None, NOW_MS, NOW_MS)

    with pytest.raises(ValueError, match="without an offset"):
        rows.take([record(1, gig()), Message(partition=0, value=gig())], None, NOW_MS, NOW_MS)
    with pytest.raises(TypeError):
        rows.take([record(1, gig()), "a message"], None, NOW_MS, NOW_MS)

    assert len(rows) == 1
    assert list(rows.finish()["offset"][1]) == [0]


def test_a_failure_that_is_not_the_records_leaves_no_row_of_that_list(monkeypatch):
    def fail(*_args, **_how):
        raise ConsumerError("the registry is away")

    builder = RowBuilder(topic_id="T")
    builder.take([record(0, gig()), record(1, b"?")])
    with monkeypatch.context() as patched:
        patched.setattr("consumer.ingest.rows.decode", fail)
        with pytest.raises(ConsumerError, match="away"):
            builder.take([record(2, gig(venue={"lat": 1})), record(3, b"?")])
    builder.take([record(4, gig(artist_name="x"))])

    assert sorted(builder.table()["offset"].to_pylist()) == [0, 1, 4]


@given(st.lists(st.sampled_from(sorted(PLAIN)), max_size=40), st.integers(0, 40))
@examples
def test_rows_cut_off_are_as_if_they_had_never_been(names, keep):
    keep = min(keep, len(names))
    messages = [record(offset, PLAIN[name]) for offset, name in enumerate(names)]
    cut, never = compiled._compiled(), compiled._compiled()
    cut.take(messages, None, NOW_MS, NOW_MS)
    cut.cut(keep)
    cut.take(messages[:3], None, NOW_MS, NOW_MS)
    never.take(messages[:keep], None, NOW_MS, NOW_MS)
    never.take(messages[:3], None, NOW_MS, NOW_MS)

    builders = []
    for of in (cut, never):
        builder = RowBuilder(topic_id="T")
        builder._decoder = of
        builders.append(builder.table())
    assert builders[0].equals(builders[1])


def test_without_compiled_code_every_message_is_decoded_in_python_and_that_is_said_once(
    monkeypatch, caplog
):
    def missing():
        raise ImportError("No module named 'consumer.ingest._decode'")

    monkeypatch.setattr(compiled, "_compiled", missing)
    compiled.built.cache_clear()
    try:
        for _ in range(2):
            builder = RowBuilder(topic_id="T")
            assert builder.take([record(0, gig())]).rows == 1
    finally:
        compiled.built.cache_clear()

    assert [line.getMessage().partition(",")[0] for line in caplog.records] == [
        "Messages are decoded in Python"
    ]
