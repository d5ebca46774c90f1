"""The event contract: what is taken, what is refused, and in which words."""

import json
import shutil
import string
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import consumer
from consumer.events import DAY_MS, MAX_MS, STATUSES, Event, InvalidEvent, Tombstone, decode, encode
from support.data.contract import GIG, KNOWN, NOW_MS, OPTIONAL, events, extras, json_values

examples = settings(deadline=None, max_examples=300)


def said(**fields) -> Event | Tombstone:
    """A gig with these fields, decoded; a field that is ``...`` is left out."""
    whole = {name: value for name, value in (GIG | fields).items() if value is not ...}
    return decode(json.dumps(whole).encode(), record_ms=NOW_MS)


def refused(value: bytes | None, **context) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        decode(value, record_ms=NOW_MS, **context)
    assert "\n" not in str(caught.value)
    return caught.value


def refusal(**fields) -> InvalidEvent:
    whole = {name: value for name, value in (GIG | fields).items() if value is not ...}
    return refused(json.dumps(whole).encode())


@examples
@given(events())
def test_what_is_encoded_decodes_to_the_same_event(event):
    assert decode(encode(event), record_ms=NOW_MS) == event


def test_the_least_event_has_four_fields_and_gets_the_defaults():
    assert said() == Event(
        event_id="e1",
        artist_id="a1",
        venue_id="v1",
        time_ms=1_540_987_200_000,
        source="default",
        status="confirmed",
    )


def test_an_optional_field_that_is_null_is_as_good_as_left_out():
    nothing = dict.fromkeys(OPTIONAL)

    assert said(**nothing) == said()
    assert said(**nothing, more=1) == said(more=1)


@pytest.mark.parametrize(
    ("time", "time_ms"),
    [
        ("2018-10-31T12:00:00Z", 1_540_987_200_000),
        ("2018-10-31T13:00:00.1239+01:00", 1_540_987_200_124),
        ("2018-10-31t12:00:00z", 1_540_987_200_000),
        (1_540_987_200_000, 1_540_987_200_000),
        (-100_000_000_000, -100_000_000_000),
        (100_000_000_000, 100_000_000_000),
        ("1969-12-31T23:59:59.999Z", -1),
        (NOW_MS + DAY_MS, NOW_MS + DAY_MS),
    ],
)
def test_time_is_an_instant_with_an_offset_or_epoch_milliseconds(time, time_ms):
    assert said(time=time).time_ms == time_ms


@pytest.mark.parametrize(
    ("start", "start_ms"),
    [
        ("2018-11-02", 1_541_116_800_000),
        ("2018-11-02T20:00:00+01:00", 1_541_185_200_000),
        (1_541_185_200_000, 1_541_185_200_000),
        ("1965-05-01", -147_398_400_000),
        ("2023-10-31T12:00:00Z", 1_698_753_600_000),
    ],
)
def test_starts_at_is_an_instant_or_a_bare_date_which_means_midnight_utc(start, start_ms):
    assert said(starts_at=start).starts_at_ms == start_ms


@pytest.mark.parametrize(
    ("status", "means"),
    [
        *[(status, status) for status in STATUSES],
        ("CANCELED", "cancelled"),
        ("canceled", "cancelled"),
        ("EventCancelled", "cancelled"),
        ("EventPostponed", "postponed"),
        ("EventRescheduled", "rescheduled"),
        ("eventscheduled", "confirmed"),
        ("https://schema.org/EventCancelled", "cancelled"),
        ("http://schema.org/EventScheduled", "confirmed"),
        ("EventMovedOnline", "rescheduled"),
        ("https://schema.org/EventMovedOnline", "rescheduled"),
        *[
            (spelling.format("EventCancelled"), "cancelled")
            for spelling in (
                "https://www.schema.org/{}",
                "schema:{}",
                "schema.org/{}",
                "https://schema.org/{}/",
                "http://schema.org#{}",
                " {} ",
            )
        ],
        ("TENTATIVE", "confirmed"),
        ("CONFIRMED", "confirmed"),
        ("CANCELLED", "cancelled"),
        ("scheduled", "confirmed"),
        ("onsale", "confirmed"),
        ("off_sale", "confirmed"),
        ("Sold Out", "confirmed"),
        ("sold-out", "confirmed"),
        ("moved", "rescheduled"),
        ("completed", "performed"),
        ("declined", "cancelled"),
        ("deleted", "cancelled"),
        ("cancelled by promoter", "cancelled"),
        ("CANCELLED_BY_ARTIST", "cancelled"),
        ("EventCancelledByOrganizer", "cancelled"),
        ("the event was cancelled!", "cancelled"),
        ("cancelado", "cancelled"),
        ("annulé", "cancelled"),
        ("abgesagt", "cancelled"),
    ],
)
def test_status_knows_its_aliases(status, means):
    assert said(status=status).status == means


@pytest.mark.parametrize("status", ["not cancelled", "un-cancelled", "cancellation pending"])
def test_a_status_that_may_say_cancelled_is_a_loud_dead_letter(status):
    assert "may mean that the gig is off" in str(refusal(status=status))


def test_a_sources_own_words_are_its_own():
    words = {"box": {"hold": "postponed", "soldout": "performed"}}

    def status(source: str, word: str) -> str:
        value = json.dumps(GIG | {"source": source, "status": word}).encode()
        return decode(value, record_ms=NOW_MS, statuses=words).status

    assert status("box", "HOLD") == "postponed"
    assert status("box", "sold out") == "performed"
    assert status("box", "cancelled") == "cancelled"
    assert status("other", "sold out") == "confirmed"
    with pytest.raises(InvalidEvent):
        status("other", "hold")


@pytest.mark.parametrize(
    ("number", "unit"),
    [
        (0, "a missing value"),
        (20_514, "days"),
        (20_261_205, "a date"),
        (1_772_366_400, "seconds"),
        (1_772_366_400_000_000, "microseconds"),
        (1_772_366_400_000_000_000, "nanoseconds"),
    ],
)
@pytest.mark.parametrize("field", ["time", "starts_at"])
def test_a_number_of_another_unit_is_refused_with_its_name(field, number, unit):
    assert f"{field}: {number} looks like {unit}; send milliseconds" in str(
        refusal(**{field: number})
    )


def test_time_is_held_against_the_readers_clock_too():
    ahead = json.dumps(GIG | {"time": "2036-02-07T06:28:16Z"}).encode()

    with pytest.raises(InvalidEvent) as caught:
        decode(ahead, record_ms=2_085_978_496_000, now_ms=NOW_MS)
    later = decode(ahead, record_ms=2_085_978_496_000, now_ms=2_085_978_496_000 - DAY_MS)

    assert str(caught.value).startswith(
        "time: '2036-02-07T06:28:16+00:00' is over a day ahead of the consumer's clock (record's "
        "timestamp 2036-02-07T06:28:16.000Z, consumer's clock 2018-10-31T15:33:20.000Z); "
    )
    assert "when the gig is goes into starts_at" in str(caught.value)
    assert later.time_ms == 2_085_978_496_000
    with pytest.raises(InvalidEvent):  # the wall clock, where none is given
        decode(json.dumps(GIG | {"time": MAX_MS}).encode(), record_ms=MAX_MS)


def test_an_old_timestamp_of_the_record_is_shown():
    value = json.dumps(GIG).encode()

    with pytest.raises(InvalidEvent, match=r"record's timestamp 1970-01-21T12:19:26\.400Z"):
        decode(value, record_ms=1_772_366_400)


def test_nested_objects_become_json_with_sorted_keys():
    event = said(venue={"lng": 13, "lat": 52.5, "city": None}, artist={"genres": ["jazz"]})

    assert event.venue == '{"lat":52.5,"lng":13.0}'
    assert event.artist == '{"genres":["jazz"]}'


@examples
@given(extras)
def test_unknown_fields_are_kept_as_they_came(unknown):
    event = said(**unknown)

    assert json.loads(event.extra) == json.loads(json.dumps(unknown))
    assert event.artist_id == "a1"


def test_numbers_of_unknown_fields_are_not_rounded():
    value = json.dumps(GIG)[:-1] + ', "price": 1.10, "serial": 123456789012345678901234567890}'

    event = decode(value.encode(), record_ms=NOW_MS)

    assert event.extra == '{"price":1.10,"serial":123456789012345678901234567890}'


def test_unknown_fields_within_venue_and_artist_are_kept_too():
    event = said(venue={"city": "Berlin", "web": "x"}, artist={"label": {"b": 1}})

    assert event.venue == '{"city":"Berlin"}'
    assert event.artist == "{}"
    assert event.extra == '{"artist":{"label":{"b":1}},"venue":{"web":"x"}}'
    assert decode(encode(event), record_ms=NOW_MS) == event


WRONG_IDS = ["", None, 7, ["a"], "a\x00b", "a\nb", "a\x7fb", "a\x9fb", "é" * 129, "x" * 257]
WRONG = {
    **{field: [*WRONG_IDS, ...] for field in ("event_id", "artist_id", "venue_id")},
    "source": [wrong for wrong in WRONG_IDS if wrong],
    "time": [
        *[None, ..., "", "yesterday", "2018-10-31", "2018-10-31T12:00:00", 1.5, True, {}],
        *[NOW_MS + DAY_MS + 1, "2018-11-02T00:00:00Z", 10**30, -(10**30), 10**17],
        *[0, -1, 20_393, 1_541_000_000, 20_181_031, 10**11 - 1],
    ],
    "status": ["hold", "unknown", "not cancelled", "x" * 300, 1, ["confirmed"]],
    "version": [-1, 1.5, "one", "1.0", True, 2**63, {}],
    "starts_at": [
        *["soon", "2018-10-31T20:00:00", "2018-13-01", "2018-W01-1", "20181031", 1.5, True],
        *["2023-11-03", 10**17, -(10**30), 0, 20_514],
    ],
}


@pytest.mark.parametrize("unknown", [{}, {"more": {"x": 1}}], ids=["plain", "with-unknown"])
@pytest.mark.parametrize(
    ("field", "wrong"), [(field, wrong) for field, wrongs in WRONG.items() for wrong in wrongs]
)
def test_each_wrong_field_is_named_with_a_remedy(field, wrong, unknown):
    error = refusal(**{field: wrong}, **unknown)

    assert error.field == field
    assert str(error).startswith(f"{field}: ")
    assert "; send " in str(error)


READ = [
    ({"venue": {"lat": "53.54", "lng": " -9.98 "}}, {"venue": '{"lat":53.54,"lng":-9.98}'}, None),
    ({"venue": {"city": {"name": "Hamburg"}}}, {"venue": '{"city":"Hamburg"}'}, None),
    ({"venue": {"capacity": "1200"}}, {"venue": '{"capacity":1200}'}, None),
    ({"venue": {"capacity": 1200.0}}, {"venue": '{"capacity":1200}'}, None),
    ({"venue": {"capacity": "", "city": ""}}, {"venue": "{}"}, None),
    ({"venue": ""}, {}, None),
    ({"artist": {"genres": "jazz"}}, {"artist": '{"genres":["jazz"]}'}, None),
    ({"artist": {"genres": ["jazz", None]}}, {"artist": '{"genres":["jazz"]}'}, None),
    ({"artist": {"genres": [{"name": "jazz"}]}}, {"artist": '{"genres":["jazz"]}'}, None),
    ({"venue_name": 42}, {"venue_name": "42"}, None),
    ({"artist_name": {"name": "Velo"}}, {"artist_name": "Velo"}, None),
    ({"artist_name": "", "venue_name": ""}, {}, None),
    ({"version": "3"}, {"version": 3}, None),
    ({"version": 3.0}, {"version": 3}, None),
    ({"version": ""}, {}, None),
    ({"source": "", "status": " ", "starts_at": ""}, {}, None),
]
LEFT = [
    ({"venue": "Werft"}, {}, {"venue": "Werft"}),
    ({"venue": []}, {}, {"venue": []}),
    ({"venue": {"capacity": -1}}, {"venue": "{}"}, {"venue": {"capacity": -1}}),
    ({"venue": {"capacity": 2**63}}, {"venue": "{}"}, {"venue": {"capacity": 2**63}}),
    (
        {"venue": {"lat": 535400000, "lng": True, "city": "a", "web": 1}},
        {"venue": '{"city":"a"}'},
        {"venue": {"lat": 535400000, "lng": True, "web": 1}},
    ),
    (
        {"venue": {"city": {"name": "a", "id": 7}, "country": {"countryCode": "DE"}}},
        {"venue": "{}"},
        {"venue": {"city": {"name": "a", "id": 7}, "country": {"countryCode": "DE"}}},
    ),
    ({"artist": "Velo"}, {}, {"artist": "Velo"}),
    ({"artist": [{"genres": ["jazz"]}]}, {}, {"artist": [{"genres": ["jazz"]}]}),
    ({"artist": {"genres": [["a"]]}}, {"artist": "{}"}, {"artist": {"genres": [["a"]]}}),
    ({"artist_name": ["Velo"]}, {}, {"artist_name": ["Velo"]}),
    ({"venue_name": True}, {}, {"venue_name": True}),
]


@pytest.mark.parametrize(("fields", "read", "extra"), [*READ, *LEFT])
def test_what_is_for_people_is_read_or_kept_and_never_costs_the_statement(fields, read, extra):
    event = said(**fields, more=1)

    assert event == msgspec.structs.replace(said(more=1), **read, extra=event.extra)
    assert json.loads(event.extra) == {"more": 1, **(extra or {})}
    assert decode(encode(event), record_ms=NOW_MS) == event
    assert said(**fields) == msgspec.structs.replace(event, extra=said(**fields).extra)


@examples
@given(
    st.sampled_from(["event_id", "artist_id", "venue_id", "source"]),
    st.text(max_size=20),
    st.characters(categories=("Cc",)),
    st.text(max_size=20),
)
def test_a_control_character_anywhere_in_an_id_is_refused(field, before, control, after):
    assert refusal_or_surrogate(field, before + control + after) == field


def refusal_or_surrogate(field: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return field  # no UTF-8 can say this
    return refusal(**{field: text}).field


@examples
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_bytes_are_they_are_an_event_or_invalid(value):
    assert complaint(value) in {None, "value", *KNOWN}


@examples
@given(st.sampled_from(sorted(KNOWN)), json_values, st.integers(-(10**19), 10**19))
def test_whatever_a_field_holds_the_record_is_an_event_or_invalid_by_that_field(
    field, value, record_ms
):
    found = complaint(json.dumps(GIG | {field: value}).encode(), record_ms)

    assert found in {None, field, "time"}


def complaint(value: bytes, record_ms: int = NOW_MS) -> str | None:
    """The (outer) field that is wrong with it, if any; any other error goes through."""
    try:
        decode(value, record_ms=record_ms)
    except InvalidEvent as error:
        return error.field.split(".")[0]
    return None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}x",
        b"[]",
        b"null",
        b'"gig"',
        b"\xff\xfe",
        b'{"event_id":"\\ud800"}',
        b'{"a":' + b"[" * 100_000,
        json.dumps(GIG)[:-1].encode() + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        json.dumps(GIG)[:-1].encode() + b',"x":"\xff"}',
    ],
    ids=repr,
)
def test_what_is_no_json_object_in_utf8_is_refused_as_a_whole(value):
    assert refused(value).field == "value"


def test_the_message_shows_the_value_cut_short():
    assert str(refusal(artist_id="")) == (
        "artist_id: '' is empty; send a string of 1 to 256 UTF-8 bytes without control characters"
    )
    assert len(str(refusal(artist_id="x" * 10_000))) < 250


def test_the_content_type_chooses_the_decoder():
    value = json.dumps(GIG).encode()
    plain = decode(value, record_ms=NOW_MS)

    for content_type in (b"application/json", b"Application/JSON; charset=utf-8"):
        headers = [("Content-Type", content_type)]
        assert decode(value, headers=headers, record_ms=NOW_MS) == plain
    assert decode(value, headers=[("trace", b"1"), ("x", None)], record_ms=NOW_MS) == plain
    error = refused(value, headers=[("content-type", b"application/avro")])
    assert error.field == "content-type"
    assert "application/json" in error.remedy


def test_a_record_without_value_is_a_tombstone_of_its_key():
    assert decode(None, key=b"e1", record_ms=NOW_MS) == Tombstone(source="default", event_id="e1")
    for name in ("source", "ce_source", "Source"):
        headers = [(name, b"box-office"), ("trace", b"1")]
        tombstone = decode(None, key=b"e1", headers=headers, record_ms=NOW_MS)
        assert tombstone == Tombstone(source="box-office", event_id="e1")


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"a\x00", b"x" * 257, b'""'])
def test_a_tombstone_needs_a_key_that_is_an_id(key):
    assert refused(None, key=key).field == "key"


CONNECT = b'{"schema": {"type": "string"}, "payload": %b}'


@pytest.mark.parametrize(
    ("key", "event_id"),
    [
        (b'"T2"', "T2"),
        (b'{"event_id": "T3"}', "T3"),
        (CONNECT % b'"T4"', "T4"),
        (CONNECT % b'{"event_id": "T4"}', "T4"),
        (b"T5\r\n", "T5"),
        (b"T5 ", "T5 "),
        (b"{3F2504E0-4F89-11D3-9A0C-0305E82C3301}", "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}"),
        (b'"T6', '"T6'),
        (b"null", "null"),
        (b"42", "42"),
    ],
)
def test_a_key_that_a_serializer_wrapped_is_opened(key, event_id):
    found = decode(None, key=key, record_ms=NOW_MS)

    assert found == Tombstone(source="default", event_id=event_id)


@pytest.mark.parametrize(
    "key",
    [
        *[b"{}", b'{"id": "T3"}', b'{"event_id": 3}', b'{"event_id": "e", "artist_id": "a"}'],
        *[b'["T2"]', CONNECT % b"null", CONNECT % b"7", b'{"event_id": "e", "source": 1}'],
    ],
)
def test_a_key_that_is_other_json_says_that_a_plain_key_was_meant(key):
    error = refused(None, key=key)

    assert error.field == "key"
    assert "send null with the plain event_id as the record's key" in str(error)


def test_a_tombstones_source_may_be_quoted_or_stand_in_the_key():
    key = b'{"event_id": "e1", "source": "box"}'
    deletes = Tombstone(source="box", event_id="e1")

    assert decode(None, key=b"e1", headers=[("source", b'"box"')], record_ms=NOW_MS) == deletes
    assert decode(None, key=key, record_ms=NOW_MS) == deletes
    assert decode(None, key=key, headers=[("source", b"box")], record_ms=NOW_MS) == deletes
    assert "another source" in str(refused(None, key=key, headers=[("source", b"kasse")]))


@pytest.mark.parametrize("value", [b"", b"null", b" null\n", b" "])
def test_a_value_that_is_nearly_null_says_that_null_was_meant(value):
    for headers in ([], [("content-type", b"application/json")]):
        error = refused(value, key=b"T7", headers=headers)

        assert error.field == "value"
        assert "not null; to delete a bill send null" in str(error)


@pytest.mark.parametrize("name", ["source", "ce_source"])
@pytest.mark.parametrize("source", [b"", b"\xff", b"x" * 257])
def test_a_tombstones_source_is_an_id(name, source):
    error = refused(None, key=b"e1", headers=[(name, source)])

    assert error.field == name
    assert "; send " in str(error)


def test_a_tombstones_own_source_goes_before_that_of_cloudevents():
    headers = [("ce_source", b"/box"), ("source", b"box")]

    assert decode(None, key=b"e1", headers=headers, record_ms=NOW_MS).source == "box"


@pytest.mark.parametrize("kind", [b"application/json", b"application/vnd.box+json", b"text/json"])
def test_json_goes_by_several_content_types(kind):
    headers = [("content-type", kind)]

    assert decode(json.dumps(GIG).encode(), headers=headers, record_ms=NOW_MS) == said()


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"\x00\x00\x00\x00\x07rest", []),
        (b"\x01" + bytes(16) + b"rest", []),
        (b"\x02rest", [("__value_schema_id", b"\x01" + bytes(16))]),
    ],
)
def test_a_framed_value_needs_a_registry(value, headers):
    error = refused(value, headers=headers)

    assert error.field == "value"
    assert "set schema_registry_url" in str(error)


@pytest.mark.parametrize("value", [b"\0", b"\0\0\0\0", b"\1" + bytes(15)])
def test_half_a_frame_is_refused(value):
    assert "no whole frame" in str(refused(value, unframe=lambda frame: frame.payload))


def test_json_whose_schema_is_named_in_a_header_needs_no_registry():
    headers = [("__value_schema_id", b"\x01" + bytes(16))]

    assert decode(b" " + json.dumps(GIG).encode(), headers=headers, record_ms=NOW_MS) == said()


def test_what_a_registry_unframes_is_judged_like_any_json():
    def unframe(frame):
        assert frame == (7, b"avro")
        return json.dumps(GIG | {"venue_id": ""}).encode()

    headers = [("content-type", b"application/avro")]

    assert refused(b"\0\0\0\0\7avro", headers=headers, unframe=unframe).field == "venue_id"


def test_every_printable_ascii_character_may_stand_in_an_id():
    assert said(artist_id=string.printable.strip()).artist_id == string.printable.strip()


def test_a_booking_system_needs_msgspec_alone(tmp_path):
    for package in (Path(msgspec.__file__).parent, Path(consumer.__file__).parent):
        shutil.copytree(package, tmp_path / package.name)
    code = (
        f"import sys; sys.path.append({str(tmp_path)!r}); from consumer.events import *\n"
        "event = Event(event_id='e', artist_id='a', venue_id='v', time_ms=0)\n"
        "assert decode(encode(event), record_ms=0) == event\n"
        "assert not {'typing_extensions', 'numpy', 'pydantic'} & set(sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert (done.returncode, done.stderr) == (0, "")


WHOLE = json.dumps(GIG).encode()
OPEN = WHOLE[:-1]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (OPEN + b', "x": NaN}', f"NaN at byte {len(OPEN) + 7}"),
        (OPEN + b', "venue": {"lat": NaN}}', f"NaN at byte {len(OPEN) + 19}"),
        (OPEN + b', "x": Infinity}', f"Infinity at byte {len(OPEN) + 7}"),
        (OPEN + b", }", f"trailing comma in object at byte {len(OPEN) + 2}"),
        (WHOLE + b"\0", f"trailing characters at byte {len(WHOLE) + 1}"),
        (b"{'event_id': 1}", "object keys must be strings at byte 1"),
        (OPEN, "it ends too early"),
        (b"{", "it ends too early"),
    ],
)
def test_the_reason_says_where_json_breaks(value, fault):
    error = refused(value)

    assert error.field == "value"
    assert f"is not JSON: {fault}; " in str(error)


def test_the_reason_says_where_utf8_breaks():
    assert "is not UTF-8 at byte 2; " in str(refused(b'{"\xff": 1}'))


def test_a_byte_order_mark_is_passed_over():
    assert decode(b"\xef\xbb\xbf" + WHOLE, record_ms=NOW_MS) == said()


@pytest.mark.parametrize(
    ("fields", "named", "remedy"),
    [
        ({"schema": {}, "payload": GIG}, "Kafka Connect (schema, payload)", "schemas.enable=false"),
        ({"before": None, "after": GIG, "op": "c"}, "Debezium", "ExtractNewRecordState"),
    ],
)
def test_an_envelope_is_named_with_its_remedy(fields, named, remedy):
    error = refused(json.dumps(fields).encode())

    assert error.field == "value"
    assert named in str(error)
    assert remedy in error.remedy


def test_a_gig_with_an_envelopes_fields_is_a_gig():
    assert json.loads(said(schema=1, payload=2).extra or "") == {"schema": 1, "payload": 2}


@pytest.mark.parametrize(
    "headers", [[("trace", None)], [("content-type", None)], [("trace", None), ("", b"")]]
)
def test_null_headers_are_as_none(headers):
    assert decode(WHOLE, headers=headers, record_ms=NOW_MS) == said()
    deleted = decode(None, key=b"e1", headers=[("source", None)], record_ms=NOW_MS)
    assert deleted == Tombstone(source="default", event_id="e1")
