"""The published schemas say what `decode` takes, and take for ever what they once took."""

import copy
import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from consumer.events import MAX_MS, InvalidEvent, Statement, decode, encode
from consumer.events.statement import NESTED
from consumer.events.units import LEAST_MS
from consumer.registry import avro
from support.data.contract import GIG, KNOWN, NOW_MS, events, json_values

CONTRACT = Path(__file__).parents[3] / "docs" / "contract"
JSON_SCHEMA = json.loads((CONTRACT / "event.schema.json").read_text("utf-8"))
AVRO = (CONTRACT / "event.avsc").read_text("utf-8")
RELEASED = sorted((CONTRACT / "released").glob("*.schema.json"))
RELEASED_AVRO = sorted((CONTRACT / "released").glob("*.avsc"))

examples = settings(max_examples=250)

UNSAID = {
    # What JSON Schema cannot say: a value that it takes and `decode` refuses, by the problem.
    "is longer than 256 bytes": {"artist_id": "é" * 200},
    "is over a day after its record's timestamp": {"time": "2018-11-02T00:00:00Z"},
    "is over a day ahead of the consumer's clock": {"time": MAX_MS},
    "is over five years after time": {"starts_at": "2030-01-01"},
    "is not within the years 1 to 9999": {"time": "0001-01-01T00:00:00+14:00"},
    "is wrong (invalid rfc3339 encoded datetime)": {"time": "2018-02-30T00:00:00Z"},
    "is neither an instant with an offset nor a date": {"starts_at": "2018-02-30"},
    "is wrong (expected int | datetime, got float)": {"time": 1e12},
    "is wrong (expected int | str | null, got float)": {"starts_at": 1e12},
}
LENIENT = ("Cancelled ", "CONFIRMED", "http://schema.org/EventScheduled", "eventcancelled")
"""Other ways to write a status. The schema names those to be written."""
READ_BEYOND = {"version", "artist_name", "venue_name", "venue", "artist", "status"}
"""Fields that are read, or kept, where they are not as the schema asks for."""
MAY_BE_EMPTY = {"source", "starts_at"}


def judged(value: object, record_ms: int = MAX_MS, now_ms: int = MAX_MS) -> InvalidEvent | None:
    try:
        decode(json.dumps(value).encode(), record_ms=record_ms, now_ms=now_ms)
    except InvalidEvent as error:
        return error
    return None


def valid(value: object, schema: dict = JSON_SCHEMA) -> bool:
    return Draft202012Validator(schema).is_valid(value)


def instants(day: str) -> st.SearchStrategy[str]:
    time = r"[Tt ]([01][0-9]|2[0-4]):[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?"
    return st.from_regex(rf"\A{day}{time}([Zz]|[+-][0-2][0-9]:?[0-5][0-9])?\Z")


days = r"[0-9]{3}[0-9]-[01][0-9]-[0-3][0-9]"
near = st.from_regex(rf"\A{days}\Z") | instants(days) | instants("2018-0[1-9]-[0-3][0-9]")
numbers = st.sampled_from([0, -1, 2**63, 2**63 - 1, 1.0, MAX_MS, MAX_MS + 1, 90, 90.5, -181])
wild = json_values | near | numbers | st.sampled_from(["", "x" * 256, "x" * 257, "a\n", "\x85"])
changes = st.dictionaries(st.sampled_from(sorted(KNOWN)), wild, max_size=2)
inner = st.fixed_dictionaries(
    {},
    optional={
        "venue": st.dictionaries(st.sampled_from(["lat", "lng", "city", "capacity", "x"]), wild),
        "artist": st.fixed_dictionaries({"genres": wild | st.lists(wild)}),
    },
)


@examples
@given(events().map(lambda event: json.loads(encode(event))), changes, inner)
def test_the_json_schema_takes_what_decode_takes(event, changes, inner):
    value = event | changes | inner
    agrees(value)


def agrees(value: dict) -> None:
    error = judged(value)
    if error is None:
        asked = {name: each for name, each in value.items() if name not in READ_BEYOND}
        assert valid({n: e for n, e in asked.items() if not (blank(e) and n in MAY_BE_EMPTY)})
    else:
        assert not valid(value) or unsaid(error), error


def blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def unsaid(error: InvalidEvent) -> bool:
    return error.problem.partition(" (record's")[0] in UNSAID


@pytest.mark.parametrize(("problem", "fields"), UNSAID.items(), ids=str)
def test_what_json_schema_cannot_say_is_listed(problem, fields):
    assert valid(GIG | fields)
    clocks = (MAX_MS, NOW_MS) if "consumer's" in problem else (NOW_MS, MAX_MS)
    error = judged(GIG | fields, *clocks)
    assert error.problem.partition(" (record's")[0] == problem


@pytest.mark.parametrize("status", LENIENT)
def test_other_spellings_of_a_status_are_understood_and_not_published(status):
    assert judged(GIG | {"status": status}) is None
    assert not valid(GIG | {"status": status})


def test_the_json_schema_is_one_and_its_examples_follow_it():
    Draft202012Validator.check_schema(JSON_SCHEMA)

    for example in JSON_SCHEMA["examples"]:
        assert valid(example)
        assert judged(example) is None


def test_both_schemas_name_every_field_and_no_other():
    fields = [*Statement.__struct_fields__]
    in_avro = json.loads(AVRO)["fields"]

    assert [*JSON_SCHEMA["properties"]] == fields == [field["name"] for field in in_avro]
    for name, kind in NESTED.items():
        (record,) = (field["type"][1] for field in in_avro if field["name"] == name)
        nested = [*kind.__struct_fields__]
        assert [*JSON_SCHEMA["properties"][name]["properties"]] == nested
        assert [field["name"] for field in record["fields"]] == nested


def instant(milliseconds: int | None) -> dt.datetime | None:
    if milliseconds is None:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)


def as_avro(event, schema: dict) -> bytes:
    record = {name: getattr(event, name, None) for name in Statement.__struct_fields__}
    record |= {name: record[name] and json.loads(record[name]) for name in NESTED}
    record |= {"time": instant(event.time_ms), "starts_at": instant(event.starts_at_ms)}
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), record)
    return stream.getvalue()


def in_milliseconds(event):
    """The same with no time that looks like another unit as a number, which is how Avro writes."""
    time_ms, start_ms = event.time_ms, event.starts_at_ms
    time_ms = LEAST_MS if abs(time_ms) < LEAST_MS else time_ms
    start_ms = -LEAST_MS if start_ms is not None and abs(start_ms) < LEAST_MS else start_ms
    return msgspec.structs.replace(event, time_ms=time_ms, starts_at_ms=start_ms)


@examples
@given(events().map(in_milliseconds))
def test_avro_says_what_json_says(event):
    plain = msgspec.structs.replace(event, extra=None)

    value = avro.Reader(AVRO)(as_avro(plain, json.loads(AVRO)))

    assert decode(value, record_ms=MAX_MS) == plain


@pytest.mark.parametrize("kind", ["long", "timestamp-millis", "timestamp-micros"])
def test_seconds_are_found_in_avro_too(kind):
    logical = kind if kind == "long" else {"type": "long", "logicalType": kind}
    schema = json.loads(AVRO)
    next(field for field in schema["fields"] if field["name"] == "time")["type"] = logical
    stream, scale = io.BytesIO(), 1000 if kind == "timestamp-micros" else 1
    record = GIG | {"time": 1_772_366_400 * scale}
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), record)

    with pytest.raises(InvalidEvent, match="looks like seconds"):
        decode(avro.Reader(json.dumps(schema))(stream.getvalue()), record_ms=MAX_MS)


# What may change: `docs/contract/released/` holds the schemas of each release.


def probes(schema: dict, root: dict) -> Iterator[object]:
    """Values at the edges of what a schema takes."""
    if "$ref" in schema:
        yield from probes(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for part in schema.get("anyOf", []):
        yield from probes(part, root)
    yield from schema.get("enum", [])
    yield from schema.get("examples", [])
    for edge in ("minimum", "maximum"):
        yield from (schema.get(edge, 0) + step for step in (-1, 0, 1))
    for edge in ("minLength", "maxLength"):
        yield from ("x" * (schema[edge] + step) for step in (-1, 0, 1) if edge in schema)
    names = schema.get("properties", {})
    for name, part in names.items():
        yield from ({name: probe} for probe in probes(part, root))
    if "items" in schema:
        yield from ([probe] for probe in probes(schema["items"], root))
    yield from (None, True, 1, 1.5, "x", "a\nb", "2018-10-31", "2018-10-31T20:00:00Z", [], {})
    yield from ("2018-10-31t20:00:00.25+0100", {"unknown": 1}, "é", "x" * 300)


def values(schema: dict) -> Iterator[dict]:
    """A gig with each field as each of its probes, and without it, and with unknown ones."""
    whole = schema["examples"][0]
    yield from (whole, GIG, whole | {"unknown": {"a": 1}})
    for name, part in schema["properties"].items():
        yield {key: value for key, value in whole.items() if key != name}
        yield from (whole | {name: probe} for probe in probes(part, schema))


def refused_now(before: dict, now: dict) -> list[dict]:
    """What was valid before and is not now."""
    old, new = Draft202012Validator(before), Draft202012Validator(now)
    return [v for v in values(before) if old.is_valid(v) and not new.is_valid(v)]


def test_the_json_schema_and_decode_agree_at_every_edge():
    for value in values(JSON_SCHEMA):
        agrees(value)


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.name)
def test_what_a_released_json_schema_took_is_taken_now(path):
    before = json.loads(path.read_text("utf-8"))

    assert [each for each in refused_now(before, JSON_SCHEMA) if not of_another_unit(each)] == []
    taken = [v for v in values(before) if valid(v, before) and not of_another_unit(v)]
    assert len(taken) > 100
    for value in taken:
        error = judged(value)
        assert error is None or unsaid(error), error


def of_another_unit(value: dict) -> bool:
    """The one limit that got tighter: such numbers were read as times that no sender meant."""
    times = (value.get(name) for name in ("time", "starts_at"))
    return any(isinstance(each, int | float) and abs(each) < LEAST_MS for each in times)


def narrowed(change) -> dict:
    schema = copy.deepcopy(JSON_SCHEMA)
    change(schema["properties"], schema)
    return schema


NARROWER = {
    "a status less": lambda fields, _: fields["status"]["enum"].remove("postponed"),
    "no null": lambda fields, _: fields["source"]["anyOf"].pop(),
    "one more required": lambda _, schema: schema["required"].append("source"),
    "shorter ids": lambda _, schema: schema["$defs"]["id"].update(maxLength=255),
    "no unknown fields": lambda _, schema: schema.update(additionalProperties=False),
    "another type": lambda fields, _: fields["version"].update({"$ref": "#/$defs/text"}),
    "a tighter limit": lambda fields, _: fields["venue"]["properties"]["lat"].update(maximum=89),
    "no bare dates": lambda fields, _: fields["starts_at"]["anyOf"].pop(1),
    "genres of another type": lambda fields, _: fields["artist"]["properties"]["genres"].update(
        items={"type": "integer"}
    ),
}


@pytest.mark.parametrize("change", NARROWER.values(), ids=NARROWER)
def test_a_narrower_schema_is_caught(change):
    assert refused_now(JSON_SCHEMA, narrowed(change))


@pytest.mark.parametrize("path", RELEASED_AVRO, ids=lambda path: path.name)
@settings(max_examples=60)
@given(event=events().map(in_milliseconds))
def test_avro_of_a_released_schema_is_read_now(path, event):
    before = json.loads(path.read_text("utf-8"))
    plain = msgspec.structs.replace(event, extra=None)
    payload = as_avro(plain, before)

    assert decode(avro.Reader(json.dumps(before))(payload), record_ms=MAX_MS) == plain
    # And a reader of the topic with the current schema, as registries check it, can do so.
    now = fastavro.parse_schema(json.loads(AVRO))
    read = fastavro.schemaless_reader(io.BytesIO(payload), fastavro.parse_schema(before), now)
    assert read["event_id"] == event.event_id
