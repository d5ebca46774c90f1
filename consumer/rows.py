"""Messages of Kafka become rows of the store.

A row is one record: a statement or a tombstone (kind ``event``), or what broke the contract
(kind ``dead``: raw bytes, reason and field; the event's columns are null).
"""

import re
import time
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from zlib import crc32

import msgspec
import pyarrow as pa

from consumer.events import (
    MAX_MS,
    MIN_MS,
    Event,
    Headers,
    InvalidEvent,
    Tombstone,
    decode,
)
from consumer.framing import Unframe

if TYPE_CHECKING:  # readers of the store need no Kafka client
    from confluent_kafka import Message

_INSTANT = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("kind", pa.string()),  # partition column: 'event' or 'dead'
        ("topic_id", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("recorded_at", _INSTANT),  # the record's own timestamp
        ("digest", pa.int64()),  # crc32 of the value
        ("source", pa.string()),
        ("event_id", pa.string()),
        ("artist_id", pa.string()),
        ("venue_id", pa.string()),
        ("time", _INSTANT),
        ("status", pa.string()),  # of a tombstone: 'deleted'
        ("version", pa.int64()),
        ("starts_at", _INSTANT),
        ("artist_name", pa.string()),
        ("venue_name", pa.string()),
        ("venue", pa.string()),  # JSON, as are artist and extra
        ("artist", pa.string()),
        ("extra", pa.string()),
        ("raw", pa.binary()),
        ("raw_key", pa.binary()),
        ("reason", pa.string()),
        ("field", pa.string()),
        ("raw_headers", pa.string()),  # of a dead row: JSON, [[name, base64 or null], ...]
        ("replay_of", pa.string()),  # 'topic_id/partition/offset' of the dead row sent again
    ]
)
"""Columns of the store. New ones may only be appended; none is ever renamed or dropped."""

DELETED = "deleted"
"""The status of a tombstone's row."""

REPLAY_OF = "gigstream-replay-of"
"""Header of a record that is a dead one sent again: the place of the dead row."""

_TIMESTAMP_NOT_AVAILABLE = 0
_PLACE = re.compile(rb"[A-Za-z0-9_-]{1,64}/[0-9]{1,10}/[0-9]{1,19}")
_TAKEN_OVER = [name for name in Event.__struct_fields__ if not name.endswith("_ms")]
_headers_decoder = msgspec.json.Decoder(list[tuple[str, bytes | None]])
_Columns = dict[str, list[Any]]


class Record(NamedTuple):
    """A message, its timestamp within what a column can hold, and its headers."""

    message: "Message"
    stamp_ms: int
    headers: Headers


def table(
    messages: "Iterable[Message]",
    *,
    topic_id: str,
    now_ms: int | None = None,
    unframe: Unframe | None = None,
) -> pa.Table:
    """Rows of these messages, invalid ones included, grouped by what they turned out to be.

    Args:
        messages: as they came, without errors of Kafka's.
        topic_id: the topic's id, or its stand-in.
        now_ms: the timestamp of messages that carry none; the wall clock by default.
        unframe: reads values framed for a schema registry, see `unframing`.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    events: list[tuple[Record, Event]] = []
    tombstones: list[tuple[Record, Tombstone]] = []
    dead: list[tuple[Record, InvalidEvent]] = []
    for message in messages:
        headers = cast("Headers", message.headers() or ())
        record = Record(message, _stamp_ms(message, now_ms), headers)
        try:
            said = _decode(record, unframe)
        except InvalidEvent as error:
            dead.append((record, error))
            continue
        if isinstance(said, Event):
            events.append((record, said))
        else:
            tombstones.append((record, said))
    parts = [
        _rows(topic_id, [record for record, _ in events], _of_events([e for _, e in events])),
        _rows(topic_id, [r for r, _ in tombstones], _of_tombstones([t for _, t in tombstones])),
        _rows(topic_id, [record for record, _ in dead], _of_dead(dead)),
    ]
    return pa.concat_tables(parts)


def warm_up() -> None:
    """Pay for the first conversion (1.2 s, an import inside Arrow) before the first message."""
    pa.array(["a"], pa.string())


def _stamp_ms(message: "Message", now_ms: int) -> int:
    kind, stamp_ms = message.timestamp()
    if kind == _TIMESTAMP_NOT_AVAILABLE:
        return now_ms
    # Producers may stamp what they like: no column holds a time outside of these years.
    return min(max(stamp_ms, MIN_MS), MAX_MS)


def _decode(record: Record, unframe: Unframe | None) -> Event | Tombstone:
    message = record.message
    return decode(
        message.value(),
        key=message.key(),
        headers=record.headers,
        record_ms=record.stamp_ms,
        unframe=unframe,
    )


def _rows(topic_id: str, records: Sequence[Record], columns: _Columns) -> pa.Table:
    columns |= {
        "topic_id": [topic_id] * len(records),
        "partition": [record.message.partition() for record in records],
        "offset": [record.message.offset() for record in records],
        "recorded_at": [record.stamp_ms * 1000 for record in records],
        "digest": [crc32(record.message.value() or b"") for record in records],
        "replay_of": [_replay_of(record.headers) for record in records],
    }
    arrays = [
        pa.array(columns[name], kind) if name in columns else pa.nulls(len(records), kind)
        for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True)
    ]
    return pa.table(arrays, schema=SCHEMA)


def _of_events(events: Sequence[Event]) -> _Columns:
    columns: _Columns = {name: list(map(attrgetter(name), events)) for name in _TAKEN_OVER}
    columns["kind"] = ["event"] * len(events)
    columns["time"] = [event.time_ms * 1000 for event in events]
    columns["starts_at"] = [
        None if event.starts_at_ms is None else event.starts_at_ms * 1000 for event in events
    ]
    return columns


def _of_tombstones(tombstones: Sequence[Tombstone]) -> _Columns:
    return {
        "kind": ["event"] * len(tombstones),
        "source": [tombstone.source for tombstone in tombstones],
        "event_id": [tombstone.event_id for tombstone in tombstones],
        "status": [DELETED] * len(tombstones),
    }


def _of_dead(dead: Sequence[tuple[Record, InvalidEvent]]) -> _Columns:
    return {
        "kind": ["dead"] * len(dead),
        "raw": [record.message.value() for record, _ in dead],
        "raw_key": [record.message.key() for record, _ in dead],
        "reason": [str(error) for _, error in dead],
        "field": [error.field for _, error in dead],
        "raw_headers": [_headers_text(record.headers) for record, _ in dead],
    }


def _replay_of(headers: Headers) -> str | None:
    for name, value in headers:
        if name == REPLAY_OF and value is not None and _PLACE.fullmatch(value):
            return value.decode()
    return None


def _headers_text(headers: Headers) -> str | None:
    return msgspec.json.encode(headers).decode() if headers else None


def raw_headers(text: str | None) -> Headers:
    """The headers of a dead row's record, from its column ``raw_headers``."""
    return [] if text is None else _headers_decoder.decode(text)
