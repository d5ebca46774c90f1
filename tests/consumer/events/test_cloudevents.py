"""CloudEvents: both modes say what plain JSON says, and errors name the attribute."""

import base64
import contextlib
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events import Event, InvalidEvent, decode, encode
from support.data.contract import GIG, NOW_MS, canonical, events, ids, texts

examples = settings(deadline=None, max_examples=300)

REQUIRED = {"specversion": "1.0", "id": "m-1", "source": "/box", "type": "com.box.gig"}
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]
WITHOUT_SOURCE = {name: value for name, value in GIG.items() if name != "source"}

attributes = st.fixed_dictionaries(
    {"id": texts.filter(bool), "source": ids, "type": st.sampled_from(["gig", "com.box.gig.v2"])},
    optional={"traceparent": texts, "partitionkey": texts, "dataschema": texts},
).map(lambda chosen: {"specversion": "1.0"} | chosen)


def structured(data, said=REQUIRED, headers=STRUCTURED) -> Event:
    return decode(json.dumps({**said, "data": data}).encode(), headers=headers, record_ms=NOW_MS)


def binary(data, said=REQUIRED, headers=()) -> Event:
    named = [(f"ce_{name}", str(value).encode()) for name, value in said.items()]
    return decode(json.dumps(data).encode(), headers=[*named, *headers], record_ms=NOW_MS)


MODES = pytest.mark.parametrize("mode", [structured, binary])


def refused(mode, *args) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        mode(*args)
    assert "\n" not in str(caught.value)
    assert "; send " in str(caught.value)
    return caught.value


def without_attributes(event: Event) -> Event:
    extra = json.loads(event.extra, parse_float=str, parse_int=str)
    extra.pop("cloudevents")
    return msgspec.structs.replace(event, extra=extra or None)


def with_numbers_as_text(event: Event) -> Event:
    extra = event.extra and json.loads(event.extra, parse_float=str, parse_int=str)
    return msgspec.structs.replace(event, extra=extra)


@examples
@given(events(), attributes)
def test_both_modes_say_what_plain_json_says(event, said):
    value = encode(event)
    envelope = canonical(said | {"data": msgspec.Raw(value)}).encode()
    headers = [(f"ce_{name}", text.encode()) for name, text in said.items()]

    in_headers = decode(value, headers=headers, record_ms=NOW_MS)

    assert in_headers == decode(envelope, headers=STRUCTURED, record_ms=NOW_MS)
    assert without_attributes(in_headers) == with_numbers_as_text(event)


@examples
@given(ids, ids)
def test_attributes_fill_what_the_data_leave_out(source, subject):
    said = REQUIRED | {"source": source, "subject": subject, "time": "2018-10-31T11:00:00Z"}
    data = {"artist_id": "a1", "venue_id": "v1", "event_id": None}

    for event in (structured(data, said), binary(data, said)):
        assert (event.source, event.event_id) == (source, subject)
        assert event.time_ms == 1_540_983_600_000


@MODES
def test_the_data_go_before_the_attributes(mode):
    said = REQUIRED | {"subject": "other", "time": "2018-10-01T00:00:00Z", "type": "gig.cancelled"}

    event = mode(GIG | {"source": "mine", "status": "performed"}, said)

    assert (event.event_id, event.source, event.status) == ("e1", "mine", "performed")
    assert event.time_ms == 1_540_987_200_000


@MODES
def test_the_id_of_a_message_is_never_a_gigs(mode):
    data = {name: value for name, value in GIG.items() if name != "event_id"}

    assert refused(mode, data).field == "event_id"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("com.box.gig.cancelled", "cancelled"),
        ("com.box.gig.canceled.v2", "cancelled"),
        ("https://schema.org/EventPostponed", "postponed"),
        ("gig/performed", "performed"),
        ("com.box.gig.updated", "confirmed"),
        ("com.box.cancelled.gig", "confirmed"),
        (".", "confirmed"),
    ],
)
@MODES
def test_the_last_word_of_the_type_is_the_status_where_it_is_one(mode, kind, status):
    assert mode(GIG, REQUIRED | {"type": kind}).status == status


@MODES
def test_a_type_that_may_mean_a_cancellation_does_not_pass_as_confirmed(mode):
    kind = {"type": "com.box.gig.cancellation.v2"}

    assert "may mean that the gig is off" in str(refused(mode, GIG, REQUIRED | kind))
    assert mode(GIG | {"status": "moved"}, REQUIRED | kind).status == "rescheduled"


@MODES
def test_attributes_that_fill_nothing_are_kept(mode):
    event = mode(GIG | {"price": 3}, REQUIRED | {"traceparent": "00-1", "subject": "e1"})

    kept = {"id": "m-1", "subject": "e1", "traceparent": "00-1", "type": "com.box.gig"}
    assert json.loads(event.extra) == {"price": 3, "cloudevents": kept}
    assert decode(encode(event), record_ms=NOW_MS) == event


def test_extensions_keep_their_json_types():
    event = structured(GIG, REQUIRED | {"sampledrate": 30, "urgent": True, "none": None})

    kept = json.loads(event.extra)["cloudevents"]
    assert (kept["sampledrate"], kept["urgent"]) == (30, True)
    assert "none" not in kept


@MODES
def test_a_field_of_the_data_named_cloudevents_stays_as_it_came(mode):
    assert json.loads(mode(GIG | {"cloudevents": 7}).extra) == {"cloudevents": 7}


def test_header_names_are_of_any_case_and_the_first_of_a_name_counts():
    value = json.dumps(WITHOUT_SOURCE).encode()
    headers = [("CE_" + name.title(), text.encode()) for name, text in REQUIRED.items()]
    headers += [("ce_source", b"second"), ("Content-Type", b"Application/JSON"), ("ce_null", None)]

    event = decode(value, headers=headers, record_ms=NOW_MS)

    assert event == binary(WITHOUT_SOURCE)
    assert event.source == "/box"


def test_data_may_be_json_in_base64():
    encoded = base64.b64encode(json.dumps(GIG).encode()).decode()
    value = json.dumps(REQUIRED | {"data_base64": encoded}).encode()

    assert decode(value, headers=STRUCTURED, record_ms=NOW_MS) == structured(GIG)


@MODES
@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_each_missing_attribute_is_named(mode, name):
    said = {key: value for key, value in REQUIRED.items() if key != name}
    said |= {"traceparent": "1"}

    error = refused(mode, GIG, said)

    assert error.field == f"ce_{name}"
    assert "is missing" in str(error)


@MODES
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("specversion", "0.3"),
        ("id", ""),
        ("source", ""),
        ("type", ""),
        ("source", "x" * 257),
        ("subject", "a\x00b"),
        ("time", "yesterday"),
        ("time", "2018-11-02T00:00:00Z"),
    ],
)
def test_each_wrong_attribute_is_named(mode, name, wrong):
    data = {"artist_id": "a1", "venue_id": "v1"}
    said = REQUIRED | {"subject": "e1", "time": "2018-10-31T12:00:00Z", name: wrong}

    assert refused(mode, data, said).field == f"ce_{name}"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"id": 7}, "ce_id"),
        ({"datacontenttype": "text/xml"}, "ce_datacontenttype"),
        ({"datacontenttype": 1}, "ce_datacontenttype"),
        ({"data": None}, "data"),
        ({"data": "text"}, "data"),
        ({"data": [GIG]}, "data"),
        ({"data_base64": "e30="}, "data_base64"),
        ({"data": None, "data_base64": "?"}, "data_base64"),
        ({"data": None, "data_base64": 7}, "data_base64"),
        ({"data": None, "data_base64": "/w=="}, "data_base64"),
    ],
)
def test_an_envelope_whose_data_cannot_be_read_says_so(said, field):
    value = json.dumps({**REQUIRED, "data": GIG, **said}).encode()

    def judged():
        decode(value, headers=STRUCTURED, record_ms=NOW_MS)

    assert refused(judged).field == field


@MODES
def test_a_wrong_field_of_the_data_is_named_as_in_plain_json(mode):
    assert refused(mode, GIG | {"artist_id": ""}).field == "artist_id"
    assert refused(mode, GIG | {"version": -1}).field == "version"


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (b"application/cloudevents-batch+json", "holds several events"),
        (b"application/cloudevents+avro", "is not known"),
        (b"application/cloudevents", "is not known"),
        (b"application/avro", "is not known"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_other_modes_and_formats_are_refused_with_what_to_send(kind, problem):
    def judged():
        decode(b"[]", headers=[("content-type", kind)], record_ms=NOW_MS)

    error = refused(judged)

    assert error.field == "content-type"
    assert problem in str(error)
    assert "application/cloudevents+json" in error.remedy


def test_an_attribute_that_is_not_utf8_is_named():
    headers = [(f"ce_{name}", text.encode()) for name, text in REQUIRED.items()]

    def judged(name):
        decode(json.dumps(GIG).encode(), headers=[(name, b"\xff"), *headers], record_ms=NOW_MS)

    assert refused(judged, "ce_id").field == "ce_id"
    assert refused(judged, "ce_trace").field == "ce_trace"


heads = st.tuples(
    st.sampled_from(["ce_specversion", "ce_id", "CE_source", "ce_type", "ce_time", "content-type"])
    | texts,
    st.none()
    | st.binary(max_size=9)
    | st.sampled_from([b"1.0", b"application/cloudevents+json", b"x"]),
)


@examples
@given(st.binary(max_size=60), st.lists(heads, max_size=8))
def test_whatever_the_headers_are_the_record_is_an_event_or_invalid(value, headers):
    with contextlib.suppress(InvalidEvent):
        decode(value, headers=headers, record_ms=NOW_MS)
