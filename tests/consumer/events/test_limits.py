"""A record that is too large, deep or odd is soon a dead letter, and takes little memory."""

import json
import logging
import time
import tracemalloc
from pathlib import Path

import pyarrow.compute as pc
import pytest

from consumer.events import MAX_ID_BYTES, Event, InvalidEvent, decode, limits
from consumer.events.cloudevents import MAX_ATTRIBUTE_BYTES
from consumer.events.lenient import MAX_NAME_CHARACTERS
from consumer.ids.mentions import HashedIdMatcher, PlainIdMatcher, in_bytes, without
from consumer.ingest import compiled as quick
from consumer.ingest import rows
from consumer.ingest.rows import RowBuilder
from consumer.table import schema
from support.data.contract import GIG, NOW_MS
from support.data.raw import received
from support.data.records import gig, message

CONTRACT = Path(__file__).parents[3] / "docs" / "contract" / "events.md"
MEGABYTE = 1_000_000
SHAPES = {"[": "]", '{"a":': "1}"}
CLOUD = [("content-type", b"application/cloudevents+json")]


def judged(value: bytes | None, headers=(), key=None) -> Event | str:
    try:
        return decode(value, key=key, headers=headers, record_ms=NOW_MS)
    except InvalidEvent as error:
        return str(error)


def within(seconds: float, work):
    began_s = time.process_time()
    found = work()
    assert time.process_time() - began_s < seconds
    return found


def nested(field: str, opening: str, depth: int) -> bytes:
    """A gig whose field holds brackets to that depth; the gig's own is one more."""
    closing = SHAPES[opening]
    inner = opening * depth + "1" * (closing == "]") + closing[-1] * depth
    inner = inner if closing == "]" else opening * depth + "1" + "}" * depth
    fields = {name: json.dumps(value) for name, value in GIG.items()} | {field: inner}
    return ("{" + ",".join(f'"{name}":{raw}' for name, raw in fields.items()) + "}").encode()


@pytest.mark.parametrize("opening", SHAPES)
@pytest.mark.parametrize("field", ["event_id", "time", "venue", "artist", "version", "more"])
@pytest.mark.parametrize("depth", [64, 200, 960, 990, 995, 1_000, 1_490, 5_000, 10_000])
def test_what_is_nested_too_deep_is_a_dead_letter(field, opening, depth):
    (row,) = rows.table([message(0, nested(field, opening, depth))], topic_id="T").to_pylist()

    assert row["kind"] == "dead"
    assert "more than 64 levels deep at byte" in row["reason"]


@pytest.mark.parametrize("opening", SHAPES)
def test_what_is_nested_as_deep_as_allowed_is_kept(opening):
    said = judged(nested("more", opening, limits.MAX_DEPTH - 1))

    assert isinstance(said, Event)
    assert opening in (said.extra or "")


def test_brackets_within_texts_are_no_nesting():
    assert isinstance(judged(gig(1, more='[{"' * 500 + "\\" * 99)), Event)


@pytest.mark.parametrize(
    "value",
    [
        b"[" * MEGABYTE,
        b"[]" * MEGABYTE,
        b'"' + b'\\"' * MEGABYTE,
        b'\\"' * MEGABYTE + b"[" * 100,
        gig(1, more="-" * MEGABYTE),
        gig(1, artist_name="x" * MEGABYTE),
        gig(1, version=[[]] * 300_000),
        json.dumps({**GIG, "x": 1}).encode() + b" " * MEGABYTE,
    ],
    ids=range(8),
)
def test_a_megabyte_of_anything_is_judged_at_once(value):
    within(3.0, lambda: judged(value))


@pytest.mark.parametrize("last", [".", "x", ".v", ".v2", "v1" * 9, "#"])
def test_a_cloud_event_of_a_long_type_is_judged_at_once(last):
    kind = "a" * 200_000 + last
    cloud = {"specversion": "1.0", "id": "1", "source": "s", "type": kind, "data": GIG}

    said = within(1.0, lambda: judged(json.dumps(cloud).encode(), CLOUD))

    assert "attribute of over 4096 bytes" in said


@pytest.mark.parametrize("last", [".", "x", ".v2"])
def test_a_long_type_in_a_header_is_judged_at_once(last):
    kind = b"a" * (limits.MAX_HEADER_BYTES - 100) + last.encode()
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", kind)]

    said = within(1.0, lambda: judged(json.dumps(GIG).encode(), headers))

    assert "attribute of over 4096 bytes" in said


def test_the_contract_states_each_limit():
    page = CONTRACT.read_text("utf-8")
    stated = page.partition("### Limits\n")[2].partition("\n## ")[0]

    for limit in (limits.MAX_VALUE_BYTES, MAX_ATTRIBUTE_BYTES, MAX_NAME_CHARACTERS):
        assert f"{limit:,}" in stated
    assert f"the outermost included | {limits.MAX_DEPTH} |" in stated
    assert f"| {limits.MAX_HEADERS}, of {limits.MAX_HEADER_BYTES >> 10} KiB in all" in stated
    assert f"at most {MAX_ID_BYTES} bytes of UTF-8" in page


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("com.box.gig.cancelled", "cancelled"),
        ("com.box.gig.cancelled.v12", "cancelled"),
        ("cancelled", "cancelled"),
        ("x#postponed", "postponed"),
        ("gig/cancelled.v1.v2", "confirmed"),
        ("cancelled.", "confirmed"),
        (".v2", "confirmed"),
    ],
)
def test_the_last_word_of_a_type_is_its_status(kind, status):
    cloud = {"specversion": "1.0", "id": "1", "source": "s", "type": kind, "data": GIG}

    said = judged(json.dumps(cloud).encode(), CLOUD)

    assert isinstance(said, Event)
    assert said.status == status


LONG = ["-", ".", '\\"', '"\\"', "'", '"', "é", "-a", ":/@", '\\\n"', "[", '{"a":', "a "]


@pytest.mark.parametrize(
    "test", [HashedIdMatcher({"a1"}.__contains__), PlainIdMatcher(["a1"])], ids=["hash", "id"]
)
@pytest.mark.parametrize("piece", LONG)
def test_a_long_text_is_searched_for_erased_ids_at_once(piece, test):
    text = piece * (400_000 // len(piece))

    def search() -> bool:
        found = [
            test.text(text),
            in_bytes(text.encode(), test),
            in_bytes(b"\xff" + text.encode(), test),
        ]
        return any(found) or without(json.dumps({"x": text}), test) is None

    assert not within(5.0, search)


def test_an_id_in_a_string_that_never_ends_is_found():
    assert in_bytes(b'{"q": "\\u0061\\u0031', PlainIdMatcher(["a1"]))
    assert in_bytes(b"{'q': 'a1", HashedIdMatcher({"a1"}.__contains__))
    assert in_bytes(b"[" * 500 + b'"a1"' + b"]" * 500, HashedIdMatcher({"a1"}.__contains__))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_header_name_that_is_not_utf8_is_a_dead_letter(kafka, monkeypatch, compiled):
    if not compiled:
        monkeypatch.setattr(quick, "decoder", quick.PythonDecoder)
    names = [(b"trace", b"1"), (b"\xff\xfe", b"x"), (b"after", None)]
    messages = received(kafka, [(gig(1), []), (gig(2), names), (None, names), (gig(3), [])])

    found = rows.table(messages, topic_id="T").sort_by("offset").to_pylist()

    assert [row["kind"] for row in found] == ["event", "dead", "dead", "event"]
    assert found[1]["raw"] == gig(2)
    for row in found[1:3]:
        assert "a name is not UTF-8" in row["reason"]
        assert row["field"] == "headers"
        held = dict(schema.raw_headers(row["raw_headers"]))
        assert limits.INCOMPLETE in held
        assert not compiled or (held["trace"], held["\ufffd"], held["after"]) == (b"1", b"x", None)


@pytest.mark.parametrize(
    "headers",
    [
        [("x", b"")] * (limits.MAX_HEADERS + 1),
        [("x", b"y" * limits.MAX_HEADER_BYTES)],
        [("x" * limits.MAX_HEADER_BYTES, b"yy")],
    ],
    ids=["many", "large", "long names"],
)
@pytest.mark.parametrize("value", [gig(1), None])
def test_too_many_or_too_large_headers_are_a_dead_letter_that_keeps_some(headers, value):
    (row,) = rows.table([message(0, value, key=b"e1", headers=headers)], topic_id="T").to_pylist()

    assert (row["kind"], row["field"]) == ("dead", "headers")
    assert str(limits.MAX_HEADERS) in row["reason"]
    kept = schema.raw_headers(row["raw_headers"])
    assert limits.size(kept[:-1]) <= limits.MAX_HEADER_BYTES
    name, said = kept[-1]
    assert (name, said.split(b" of ")[1]) == (limits.INCOMPLETE, b"%d" % len(headers))


def test_headers_at_the_limit_are_taken():
    headers = [("x", b"y" * 255)] * limits.MAX_HEADERS

    (row,) = rows.table([message(0, gig(1), headers=headers)], topic_id="T").to_pylist()

    assert row["kind"] == "event"


def test_of_a_value_over_the_limit_the_beginning_is_kept_and_it_is_never_taken_for_whole():
    value = gig(1) + b" " * limits.MAX_VALUE_BYTES
    (row,) = rows.table([message(0, value)], topic_id="T").to_pylist()

    assert row["kind"] == "dead"
    assert f"is {len(value)} bytes long; send at most {limits.MAX_VALUE_BYTES}" in row["reason"]
    assert row["raw"] == value[: limits.KEPT_BYTES]
    headers = schema.raw_headers(row["raw_headers"])
    # Sent again, the kept part reads as a valid gig, which it need not have been.
    assert "incomplete" in judged(row["raw"], headers)
    assert isinstance(judged(row["raw"]), Event)


def test_a_value_at_the_limit_is_taken():
    padding = limits.MAX_VALUE_BYTES - len(gig(1))

    (row,) = rows.table([message(0, gig(1) + b" " * padding)], topic_id="T").to_pylist()

    assert row["kind"] == "event"


def test_what_waits_is_counted_with_keys_and_headers_and_nothing_else_is_kept():
    builder = RowBuilder(topic_id="T")
    big = [("x", b"y" * 60_000)]
    sizes = []
    tracemalloc.start()
    for number in range(200):
        good = message(number, gig(number), key=b"k" * 60_000, headers=[("source", b"x"), *big])
        dead = message(1_000 + number, b"?", key=b"k" * 60_000, headers=big)
        sizes.append([builder.take([each]).bytes for each in (good, dead)])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    dead_bytes = sum(size for _, size in sizes)
    assert all(size >= 120_000 for _, size in sizes)
    assert held < 1.5 * dead_bytes


class Broken:
    """A compiled decoder that fails in the middle of a list."""

    def __len__(self) -> int:
        return 0

    def take(self, _messages, positions, *_clocks):
        positions[0] = 7
        raise MemoryError

    def cut(self, _rows) -> None:
        pass


def test_where_the_compiled_decoder_fails_each_message_is_judged_alone(caplog):
    builder = RowBuilder(topic_id="T")
    builder._decoder = Broken()
    positions = {0: 1}

    taken = builder.take([message(0), message(1), message(2, b"?")], positions)

    dead = builder.table().filter(pc.field("kind") == "dead")
    assert (taken.rows, dead.num_rows, positions) == (2, 1, {0: 3})
    assert "MemoryError" in caplog.text


def test_whatever_a_record_raises_makes_it_a_dead_letter_with_one_traceback_a_kind(
    monkeypatch, caplog
):
    def fail(value, **how):
        if b"odd" in (value or b""):
            raise RecursionError("too deep")
        return decode(value, **how)

    monkeypatch.setattr(rows, "decode", fail)
    values = [gig(0, more=1), gig(1, more="odd"), gig(2, more="odd"), gig(3, more=1)]
    with caplog.at_level(logging.ERROR):
        found = rows.table(list(map(message, range(4), values)), topic_id="T").to_pylist()

    kinds = {row["offset"]: row["kind"] for row in found}
    assert kinds == {0: "event", 1: "dead", 2: "dead", 3: "event"}
    (one, other) = [row for row in found if row["kind"] == "dead"]
    assert "could not be judged (RecursionError at test_limits.py:" in one["reason"]
    assert (one["raw"], other["raw"]) == (values[1], values[2])
    assert caplog.text.count("Traceback") == 1
