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

from consumer import quick
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
_PLACE = re.compile(rb"[A-Za-z0-9+/_-]{1,64}/[0-9]{1,10}/[0-9]{1,19}")
_TAKEN_OVER = [name for name in Event.__struct_fields__ if not name.endswith("_ms")]
_headers_decoder = msgspec.json.Decoder(list[tuple[str, bytes | None]])
_Columns = dict[str, list[Any]]


class Record(NamedTuple):
    """A message, its timestamp within what a column can hold, and its headers."""

    message: "Message"
    stamp_ms: int
    headers: Headers


class Taken(NamedTuple):
    """What became of a list of messages.

    Attributes:
        rows: how many were taken, bad ones included.
        dead: how many of these broke the contract.
        bytes: of the values taken.
        errors: indices of the messages that are errors of Kafka's.
    """

    rows: int
    dead: int
    bytes: int
    errors: list[int]


class Gathering:
    """Rows that gather, list of messages by list of messages, until they are a table.

    Args:
        topic_id: the topic's id, or its stand-in.
        unframe: reads values framed for a schema registry, see ``unframing``.
    """

    def __init__(self, *, topic_id: str, unframe: Unframe | None = None) -> None:
        self._topic_id = topic_id
        self._unframe = unframe
        self._quick = quick.gather()
        self._judged = _Judged([], [], [])
        self._parts: list[pa.Table] = []

    def take(
        self,
        messages: "list[Message]",
        positions: dict[int, int] | None = None,
        *,
        now_ms: int | None = None,
    ) -> Taken:
        """Make rows of messages; all of them or, where this raises, none.

        Args:
            messages: as ``consume()`` gives them.
            positions: next offset by partition, ``quick.UNKNOWN`` before its first message. What
                lies below, or in another partition, is passed over. Moved on in place.
            now_ms: the timestamp of messages that carry none; the wall clock by default.
        """
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        before = kept = len(self._quick)
        size, errors, rest = self._quick.take(messages, positions, now_ms)
        left = [messages[index] for index in rest]
        try:
            judged = _judge(left, now_ms, self._unframe)
            kept = len(self._quick)
        finally:
            self._quick.cut(kept)
        self._judged.extend(judged)
        return Taken(
            rows=len(self._quick) - before + len(left),
            dead=len(judged.dead),
            bytes=size + sum(map(len, left)),
            errors=errors,
        )

    def table(self) -> pa.Table:
        """All rows so far, which stay here."""
        self._parts += [*self._quick_rows(), *self._judged_rows()]
        return pa.concat_tables([SCHEMA.empty_table(), *self._parts])

    def keep(self, rows: pa.Table) -> None:
        """These are all the rows from here on: some of ``table``'s, or none."""
        self._quick.cut(0)
        self._judged = _Judged([], [], [])
        self._parts = [rows] if rows.num_rows else []

    def _quick_rows(self) -> list[pa.Table]:
        count = len(self._quick)
        if not count:
            return []
        constants = {"kind": "event", "topic_id": self._topic_id}
        return [pa.table(quick.arrays(self._quick.finish(), count, constants, SCHEMA), SCHEMA)]

    def _judged_rows(self) -> list[pa.Table]:
        if not any(self._judged):
            return []
        (events, tombstones, dead), self._judged = self._judged, _Judged([], [], [])
        parts = [
            _rows(self._topic_id, events, _of_events(events)),
            _rows(self._topic_id, tombstones, _of_tombstones(tombstones)),
            _rows(self._topic_id, dead, _of_dead(dead)),
        ]
        return [part for part in parts if part.num_rows]


def table(
    messages: "Iterable[Message]",
    *,
    topic_id: str,
    now_ms: int | None = None,
    unframe: Unframe | None = None,
) -> pa.Table:
    """Rows of these messages, invalid ones included, in no order that means anything.

    Args:
        messages: as they came, without errors of Kafka's.
        topic_id: the topic's id, or its stand-in.
        now_ms: the timestamp of messages that carry none; the wall clock by default.
        unframe: reads values framed for a schema registry, see `unframing`.
    """
    gathering = Gathering(topic_id=topic_id, unframe=unframe)
    gathering.take(list(messages), now_ms=now_ms)
    return gathering.table()


def warm_up() -> None:
    """Pay for the first conversion (1.2 s, an import inside Arrow) before the first message."""
    pa.array(["a"], pa.string())


def _stamp_ms(message: "Message", now_ms: int) -> int:
    kind, stamp_ms = message.timestamp()
    if kind == _TIMESTAMP_NOT_AVAILABLE:
        return now_ms
    # Producers may stamp what they like: no column holds a time outside of these years.
    return min(max(stamp_ms, MIN_MS), MAX_MS)


class _Judged(NamedTuple):
    events: list[tuple[Record, Event]]
    tombstones: list[tuple[Record, Tombstone]]
    dead: list[tuple[Record, InvalidEvent]]

    def extend(self, more: "_Judged") -> None:
        self.events.extend(more.events)
        self.tombstones.extend(more.tombstones)
        self.dead.extend(more.dead)


def _judge(messages: "Iterable[Message]", now_ms: int, unframe: Unframe | None) -> _Judged:
    judged = _Judged([], [], [])
    for message in messages:
        headers = cast("Headers", message.headers() or ())
        record = Record(message, _stamp_ms(message, now_ms), headers)
        try:
            said = _decode(record, unframe)
        except InvalidEvent as error:
            judged.dead.append((record, error))
            continue
        if isinstance(said, Event):
            judged.events.append((record, said))
        else:
            judged.tombstones.append((record, said))
    return judged


def _decode(record: Record, unframe: Unframe | None) -> Event | Tombstone:
    message = record.message
    return decode(
        message.value(),
        key=message.key(),
        headers=record.headers,
        record_ms=record.stamp_ms,
        unframe=unframe,
    )


def _rows(topic_id: str, judged: Sequence[tuple[Record, object]], columns: _Columns) -> pa.Table:
    records = [record for record, _ in judged]
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


def _of_events(judged: Sequence[tuple[Record, Event]]) -> _Columns:
    events = [event for _, event in judged]
    columns: _Columns = {name: list(map(attrgetter(name), events)) for name in _TAKEN_OVER}
    columns["kind"] = ["event"] * len(events)
    columns["time"] = [event.time_ms * 1000 for event in events]
    columns["starts_at"] = [
        None if event.starts_at_ms is None else event.starts_at_ms * 1000 for event in events
    ]
    return columns


def _of_tombstones(judged: Sequence[tuple[Record, Tombstone]]) -> _Columns:
    return {
        "kind": ["event"] * len(judged),
        "source": [tombstone.source for _, tombstone in judged],
        "event_id": [tombstone.event_id for _, tombstone in judged],
        "status": [DELETED] * len(judged),
    }


def _of_dead(judged: Sequence[tuple[Record, InvalidEvent]]) -> _Columns:
    return {
        "kind": ["dead"] * len(judged),
        "raw": [record.message.value() for record, _ in judged],
        "raw_key": [record.message.key() for record, _ in judged],
        "reason": [str(error) for _, error in judged],
        "field": [error.field for _, error in judged],
        "raw_headers": [_headers_text(record.headers) for record, _ in judged],
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
