"""Statements of sources in every encoding, and the same for the oracle in plain Python."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import fastavro

from consumer.events import InvalidEvent
from consumer.events.framing import Frame
from consumer.registry import avro
from support.data import statements

SCHEMA = (Path(__file__).parents[3] / "docs" / "contract" / "event.avsc").read_text("utf-8")
ENCODINGS = ("json", "structured", "base64", "binary", "avro", "avro in binary")

_parsed = fastavro.parse_schema(json.loads(SCHEMA))
_reader = avro.Reader(SCHEMA)


@dataclass(frozen=True)
class Said:
    """One statement of a source, or the deletion of a bill where there is no artist."""

    source: str
    event_id: str
    artist_id: str | None = None
    venue_id: str | None = None
    time_ms: int = 0
    status: str = "confirmed"
    version: int | None = None
    starts_at_ms: int | None = None


class Record(NamedTuple):
    """A Kafka record without its position."""

    value: bytes | None
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]


def encoded(said: Said, how: str) -> Record:
    """The record of a statement; CloudEvents attributes carry every field that they can."""
    key = said.event_id.encode()
    if said.artist_id is None:
        name = "ce_source" if "binary" in how else "source"
        return Record(None, key, [(name, said.source.encode())])
    fields = _fields(said)
    if how == "json":
        return Record(_json(fields), key, [])
    if how == "avro":
        return Record(_framed(fields), key, [])
    attributes = {
        "specversion": "1.0",
        "id": f"{crc32(_json(fields)):x}",
        "source": fields.pop("source"),
        "subject": fields.pop("event_id"),
        "type": f"com.example.gig.{fields.pop('status')}.v1",
    }
    if "binary" in how:
        # Our Avro schema demands an event_id, so there it stays in the data.
        named = {**fields, "event_id": said.event_id}
        value = _framed(named) if "avro" in how else _json(fields)
        return Record(
            value, key, [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        )
    data = _json(fields)
    held = (
        {"data": fields}
        if how == "structured"
        else {"data_base64": base64.b64encode(data).decode()}
    )
    return Record(
        _json({**attributes, **held}), key, [("content-type", b"application/cloudevents+json")]
    )


def unframed(frame: Frame) -> bytes:
    """The frame's JSON, by a registry that knows one schema."""
    try:
        return _reader(frame.payload)
    except avro.Unreadable as error:
        raise InvalidEvent("value", frame.payload, str(error), "send Avro") from None


def heard(
    said: Said, value: bytes | None, *, recorded_ms: int, topic_id: str, partition: int, offset: int
) -> statements.Statement:
    """The statement in the form of the oracle."""
    deleted = said.artist_id is None
    return statements.Statement(
        event_id=said.event_id,
        artist_id=said.artist_id,
        venue_id=said.venue_id,
        time=None if deleted else said.time_ms,
        status="deleted" if deleted else said.status,
        version=said.version,
        starts_at=said.starts_at_ms,
        source=said.source,
        recorded_at=recorded_ms,
        topic_id=topic_id,
        partition=partition,
        offset=offset,
        digest=crc32(value or b""),
    )


def _fields(said: Said) -> dict:
    fields = {
        "event_id": said.event_id,
        "artist_id": said.artist_id,
        "venue_id": said.venue_id,
        "time": said.time_ms,
        "source": said.source,
        "status": said.status,
        "version": said.version,
        "starts_at": said.starts_at_ms,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _json(fields: dict) -> bytes:
    return json.dumps(fields).encode()


def _framed(fields: dict) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, _parsed, fields)
    return b"\0\0\0\0\1" + stream.getvalue()
