"""Avro and JSON Schema through a real schema registry, by the consumer's own process."""

import datetime as dt
import io
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID

import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import (
    RegistryNotInstalled,
    RegistryOptionRefused,
    RegistryRefused,
    RegistryUnreachable,
    Stopped,
)
from consumer.events import InvalidEvent, decode
from consumer.events.framing import Frame
from consumer.registry import avro
from consumer.registry.client import SchemaRegistry
from consumer.registry.connect import schema_registry
from consumer.settings import ConsumerSettings
from support.data.contract import GIG, KNOWN, NOW_MS
from support.data.records import places, stored, until
from support.processes.consume import Consuming
from support.servers.kafka import _free_ports

CONTRACT = Path(__file__).parents[3] / "docs" / "contract"
AVRO = (CONTRACT / "event.avsc").read_text("utf-8")
JSON_SCHEMA = (CONTRACT / "event.schema.json").read_text("utf-8")
SAID = dt.datetime(2018, 10, 31, 12, tzinfo=dt.UTC)
RECORD = {**GIG, "time": SAID, "starts_at": dt.date(2018, 11, 2), "venue": {"city": "Berlin"}}


class Written:
    """Writes values as a booking system with a registry does."""

    def __init__(self, url: str, topic: str) -> None:
        self.client = SchemaRegistryClient({"url": url})
        self._context = SerializationContext(topic, MessageField.VALUE, [])
        # Several schemas share the topic here, so each has a subject of its own.
        by_record = {"subject.name.strategy.type": "TOPIC_RECORD", "auto.register.schemas": True}
        self._avro = AvroSerializer(self.client, AVRO, conf=by_record)
        self._json = JSONSerializer(JSON_SCHEMA, self.client, conf=by_record)

    def close(self) -> None:
        self.client.close()

    def avro(self, **fields) -> bytes:
        return self._avro(RECORD | fields, self._context)

    def json(self, **fields) -> bytes:
        return self._json(GIG | fields, self._context)


@pytest.fixture
def topic(kafka) -> str:
    return kafka.create_topic()


@pytest.fixture
def written(apicurio, topic) -> Iterator[Written]:
    with closing(Written(apicurio.url, topic)) as found:
        yield found


@pytest.fixture
def consumer_settings(kafka, topic, apicurio, tmp_path) -> ConsumerSettings:
    return ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
        schema_registry_url=apicurio.url,
        connect_timeout_s=10,
    )


def send(kafka, topic, *records) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 1})
    for value, headers in records:
        producer.produce(topic, value, headers=headers)
    assert producer.flush(20) == 0


def rows(consumer_settings: ConsumerSettings) -> list[dict]:
    """What is stored by now."""
    store = consumer_settings.store
    return stored(store) if list(store.glob("_delta_log/*.json")) else []


@pytest.fixture
def connected():
    """Registries that are closed in the end."""
    with ExitStack() as stack:

        def connect(url: str, options=(), **how) -> SchemaRegistry:
            found = SchemaRegistry.connect(url, dict(options), **{"patience_s": 5.0, **how})
            return stack.enter_context(closing(found))

        yield connect


def judged(unframe, value: bytes, headers=()) -> object:
    return decode(value, headers=headers, record_ms=NOW_MS, unframe=unframe)


def refused(unframe, value: bytes, headers=()) -> str:
    with pytest.raises(InvalidEvent) as caught:
        judged(unframe, value, headers)
    assert caught.value.remedy in str(caught.value)
    return str(caught.value)


def test_both_formats_and_all_others_share_a_topic(kafka, topic, written, consumer_settings):
    cloud = [("ce_specversion", b"1.0"), ("ce_id", b"m"), ("ce_source", b"/box"), ("ce_type", b"t")]
    plain = json.dumps(GIG | {"event_id": "plain"}).encode()
    structured = {"specversion": "1.0", "id": "m", "source": "/s", "type": "t", "subject": "said"}
    structured |= {"data": {name: GIG[name] for name in ("artist_id", "venue_id", "time")}}
    as_structured = [("content-type", b"application/cloudevents+json")]
    records = [
        (written.avro(event_id="avro"), []),
        (written.json(event_id="json", q=1), [("content-type", b"application/json")]),
        (plain, []),
        (json.dumps(structured).encode(), as_structured),
        (written.avro(event_id="both"), [*cloud, ("content-type", b"application/avro")]),
        (written.avro(artist_id=""), []),
        (b"\0\xff\xff\xff\xffnobody's", []),
        (written.avro()[:-3], []),
        (None, []),
    ]
    with Consuming(consumer_settings) as consumer:
        send(kafka, topic, *records)
        until(lambda: len(rows(consumer_settings)) == len(records))
        consumer.stop()
    found = rows(consumer_settings)

    events = {row["event_id"]: row for row in found if row["kind"] == "event"}
    assert events.keys() == {"avro", "json", "plain", "said", "both"}
    assert (events["avro"]["time"], events["avro"]["starts_at"].day) == (SAID, 2)
    assert (events["avro"]["venue"], events["json"]["extra"]) == ('{"city":"Berlin"}', '{"q":1}')
    assert (events["both"]["source"], events["said"]["source"]) == ("/box", "/s")
    dead = Counter(row["field"] for row in found if row["kind"] == "dead")
    assert dead == {"artist_id": 1, "value": 2, "key": 1}
    reasons = "\n".join(row["reason"] for row in found if row["kind"] == "dead")
    assert "names schema 4294967295, which the registry does not know; register it" in reasons
    assert "which it does not follow (EOFError); send what" in reasons


def test_a_registry_that_is_away_stops_the_consumer_with_3_and_nothing_is_lost(
    kafka, topic, written, consumer_settings
):
    (port,) = _free_ports(1)
    away = {"schema_registry_url": f"http://127.0.0.1:{port}", "connect_timeout_s": 1.0}
    send(kafka, topic, (written.avro(event_id="e1"), []), (written.json(event_id="e2"), []))

    with Consuming(consumer_settings.model_copy(update=away)) as consumer:
        assert consumer.code() == 3
        assert "no schema registry answered at" in consumer.said.splitlines()[-1]
    assert rows(consumer_settings) == []

    with Consuming(consumer_settings):
        until(lambda: len(rows(consumer_settings)) == 2)
    assert set(places(consumer_settings.store).values()) == {1}
    assert {row["kind"] for row in rows(consumer_settings)} == {"event"}


def test_a_signal_ends_the_wait_for_a_registry(kafka, topic, written, consumer_settings):
    (port,) = _free_ports(1)
    away = {"schema_registry_url": f"http://127.0.0.1:{port}", "connect_timeout_s": 60.0}
    send(kafka, topic, (written.avro(), []))

    with Consuming(consumer_settings.model_copy(update=away)) as consumer:
        until(lambda: "fetched" in consumer.said or "Assigned" in consumer.said)
        time.sleep(0.5)
        consumer.stop()
    assert rows(consumer_settings) == []


def test_a_registry_that_hangs_and_comes_back_costs_no_record(apicurio, written, connected):
    value = written.avro()
    unframe = connected(apicurio.url, patience_s=30.0)
    apicurio.pause()
    try:
        threading.Timer(1.0, apicurio.resume).start()
        event = judged(unframe, value)
    finally:
        apicurio.resume()

    assert event.event_id == "e1"


def test_a_schema_is_asked_for_once(apicurio, written, connected):
    values = [written.avro(), written.json()]
    unframe = connected(apicurio.url, patience_s=0.5)
    for value in values:
        judged(unframe, value)
    apicurio.pause()
    try:
        assert [judged(unframe, value).event_id for value in values] == ["e1", "e1"]
    finally:
        apicurio.resume()


def test_an_address_that_is_no_registry_is_no_reason_for_dead_letters(apicurio, written, connected):
    for wrong in ("nothing/here", "subjects"):
        with pytest.raises(RegistryUnreachable, match="correct schema_registry_url"):
            judged(connected(f"{apicurio.url}/{wrong}", patience_s=0.3), written.avro())


def test_a_schema_registered_a_moment_later_is_found(apicurio, written, topic, connected):
    newest = written.client.register_schema(f"{topic}-a", Schema('"string"', "AVRO"))
    value = bytes([0, *(newest + 1).to_bytes(4), 2, 2, 120, 0])
    late = Schema('{"type":"array","items":"string"}', "AVRO")
    threading.Timer(0.6, written.client.register_schema, (f"{topic}-b", late)).start()

    assert "is not a JSON object" in refused(connected(apicurio.url), value)


def test_unknown_schemas_are_waited_for_once_a_minute_and_not_once_each(apicurio, connected):
    unframe = connected(apicurio.url)
    started_s = time.monotonic()
    for number in range(60):
        assert "does not know" in refused(unframe, b"\0" + (10**9 + number).to_bytes(4))

    assert time.monotonic() - started_s < 30


def test_a_schema_may_take_types_from_others(apicurio, written, topic, connected):
    client = written.client
    day = {"type": "record", "name": "gigs.When", "fields": [{"name": "day", "type": "string"}]}
    client.register_schema(f"{topic}-when", Schema(json.dumps(day), "AVRO"))
    fields = [{"name": name, "type": "string"} for name in GIG]
    other = {"type": "record", "name": "gigs.Gig", "fields": fields}
    other["fields"].append({"name": "when", "type": "gigs.When"})
    references = [SchemaReference("gigs.When", f"{topic}-when", 1)]
    number = client.register_schema(f"{topic}-x", Schema(json.dumps(other), "AVRO", references))
    parsed = fastavro.parse_schema(other, named_schemas={"gigs.When": fastavro.parse_schema(day)})
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, parsed, {**GIG, "when": {"day": "Monday"}})

    event = judged(connected(apicurio.url), b"\0" + number.to_bytes(4) + stream.getvalue())

    assert event.extra == '{"when":{"day":"Monday"}}'


def test_the_schema_may_be_named_in_a_header(apicurio, written, connected):
    value = written.avro()
    headers = [("__value_schema_id", value[:5])]

    assert judged(connected(apicurio.url), value[5:], headers) == judged(
        connected(apicurio.url), value
    )


def test_a_registry_without_guids_knows_none(apicurio, connected):
    value = b"\1" + UUID(int=7).bytes + b"x"

    assert f"names schema {UUID(int=7)}, which" in refused(connected(apicurio.url), value)


class Answering(BaseHTTPRequestHandler):
    """What no registry at hand does: GUIDs, logins, faults."""

    answers: dict[str, tuple[int, dict]]

    def do_GET(self) -> None:
        code, body = self.answers.get(self.path, (500, {}))
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering():
    handler = type("Handler", (Answering,), {"answers": {}})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.answers
        finally:
            server.shutdown()
            thread.join()


def test_a_guid_names_a_schema_too(answering, connected):
    url, answers = answering
    guid = UUID(int=7)
    found = {"id": 1, "guid": str(guid), "schema": JSON_SCHEMA, "schemaType": "JSON"}
    answers[f"/schemas/guids/{guid}"] = 200, found

    value = b"\1" + guid.bytes + json.dumps(GIG).encode()

    assert judged(connected(url), value).event_id == "e1"


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_login_stops_the_consumer(answering, code, connected):
    url, answers = answering
    answers["/schemas/ids/7"] = code, {"error_code": code, "message": "no"}

    with pytest.raises(RegistryRefused, match="refused the login") as caught:
        judged(connected(url), b"\0\0\0\0\7")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("answer", [(500, {}), (503, {"error_code": 50301}), (200, {}), (200, [])])
def test_a_registry_that_answers_nonsense_is_waited_for(answering, answer, connected):
    url, answers = answering
    answers["/schemas/ids/7"] = answer

    with pytest.raises(RegistryUnreachable) as caught:
        judged(connected(url, patience_s=0.3), b"\0\0\0\0\7")
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"schema": "message X {}", "schemaType": "PROTOBUF"}, "which is PROTOBUF; send Avro"),
        ({"schema": '{"type":"nothing"}'}, "which cannot be read (UnknownType)"),
        ({"schema": "{"}, "which cannot be read (JSONDecodeError)"),
    ],
)
def test_a_schema_of_no_use_is_named(answering, schema, said, connected):
    url, answers = answering
    answers["/schemas/ids/7"] = 200, {"id": 7, **schema}

    assert said in refused(connected(url), b"\0\0\0\0\7x")


def test_a_server_that_takes_connections_and_says_nothing_is_away(connected):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        unframe = connected(url, {"timeout": "0.2"}, patience_s=0.5)
        with pytest.raises(RegistryUnreachable, match=r"within 0\.5 s"):
            judged(unframe, b"\0\0\0\0\7")


def test_waiting_ends_when_the_process_stops(connected):
    (port,) = _free_ports(1)
    unframe = connected(f"http://127.0.0.1:{port}", patience_s=60, stopping=lambda: True)

    with pytest.raises(Stopped):
        judged(unframe, b"\0\0\0\0\7")


def test_an_option_that_the_client_does_not_know_is_refused():
    with pytest.raises(RegistryOptionRefused, match=r"nonsense.*schema_registry"):
        SchemaRegistry.connect("http://127.0.0.1:1", {"nonsense": "x"}, patience_s=1)
    with pytest.raises(RegistryOptionRefused):
        SchemaRegistry.connect("http://127.0.0.1:1", {"timeout": "soon"}, patience_s=1)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "consumer.registry.client", None)

    there = ConsumerSettings(schema_registry_url="http://127.0.0.1:1")
    installed = pytest.raises(RegistryNotInstalled, match=r"install gigstream\[schema-registry\]")
    with installed, schema_registry(there):
        pass
    with schema_registry(ConsumerSettings()) as found:
        assert found is None


LOGICAL = {
    ("string", "x"): "x",
    ("bytes", b"\x00\xff"): "AP8=",
    ("long:timestamp-millis", SAID): "2018-10-31T12:00:00Z",
    ("long:timestamp-micros", SAID): "2018-10-31T12:00:00Z",
    ("long:local-timestamp-millis", SAID.replace(tzinfo=None)): "2018-10-31T12:00:00",
    ("int:date", SAID.date()): "2018-10-31",
    ("double", float("nan")): None,
}


@pytest.mark.parametrize(("written_as", "read"), LOGICAL.items(), ids=str)
def test_logical_types_become_what_json_writes(written_as, read):
    (kind, _, logical), value = written_as[0].partition(":"), written_as[1]
    schema = {"type": kind, **({"logicalType": logical} if logical else {})}
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)

    assert json.loads(avro.Reader(json.dumps(schema))(stream.getvalue())) == read


changes = st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=12)), max_size=4)


@settings(max_examples=500)
@given(changes)
def test_whatever_the_payload_is_it_is_an_event_or_invalid(changes):
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(json.loads(AVRO)), RECORD)
    payload = bytearray(stream.getvalue())
    for place, content in changes:
        payload[place : place + len(content) // 2] = content
    reader = avro.Reader(AVRO)

    def unframe(frame: Frame) -> bytes:
        try:
            return reader(frame.payload)
        except avro.Unreadable as error:
            raise InvalidEvent("value", None, str(error), "send") from None

    try:
        judged(unframe, b"\0\0\0\0\1" + bytes(payload))
    except InvalidEvent as error:
        named = error
    else:
        named = None
    assert named is None or named.field.partition(".")[0] in {"value", *KNOWN}
