"""Messages of Kafka become rows of the store.

A row is one record: a statement or a tombstone (kind ``event``), or what broke the contract
(kind ``dead``: raw bytes, reason and field; the event's columns are null).
"""

import re
import time
from collections.abc import Iterable
from operator import methodcaller
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import msgspec
import pyarrow as pa

from consumer.errors import ConsumerError
from consumer.events import limits
from consumer.events.codec import Event, Tombstone, decode
from consumer.events.framing import Unframe
from consumer.events.headers import Headers
from consumer.events.invalid import InvalidEvent
from consumer.events.statuses import Words
from consumer.events.units import MAX_MS, MIN_MS
from consumer.ingest import compiled
from consumer.ingest.mishap import Mishaps
from consumer.table import schema
from consumer.table.schema import DELETED, REPLAY_OF, SCHEMA

if TYPE_CHECKING:  # readers of the store need no Kafka client
    from confluent_kafka import Message

_TIMESTAMP_NOT_AVAILABLE = 0
# The interpreter's own fast call lets an error pass that is set beside a result.
_checked_headers = methodcaller("headers")
_ADDRESS = re.compile(rb"[A-Za-z0-9+/_-]{1,64}/[0-9]{1,10}/[0-9]{1,19}")
_Row = dict[str, Any]
"""By column of the store; what is not named is null."""


class Taken(NamedTuple):
    """What became of a list of messages.

    Attributes:
        rows: how many were taken, bad ones included.
        bytes: of the values taken, and of keys and headers that had to be looked at.
        errors: indices of the messages that are errors of Kafka's.
    """

    rows: int
    bytes: int
    errors: list[int]


class RowBuilder:
    """Makes rows of messages, list by list, until they are taken as a table.

    Args:
        topic_id: the topic's id, or its stand-in.
        unframe: reads values framed for a schema registry, see `consumer.events.framing`.
        statuses: what sources' own words for a status mean, see `consumer.events.statuses`.
        past: the records were stored before: no ``time`` is held against this clock again.
    """

    def __init__(
        self,
        *,
        topic_id: str,
        unframe: Unframe | None = None,
        statuses: Words | None = None,
        past: bool = False,
    ) -> None:
        self._topic_id = topic_id
        self._unframe = unframe
        self._statuses = statuses
        self._past = past
        self._decoder = compiled.decoder()
        self._mishaps = Mishaps()
        self._rows: list[_Row] = []
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
            positions: next offset by partition, ``compiled.UNKNOWN`` before its first message. What
                lies below, or in another partition, is passed over. Moved on in place.
            now_ms: the timestamp of messages that carry none; the wall clock by default.
        """
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        before = kept = len(self._decoder)
        clock_ms = MAX_MS if self._past else now_ms
        size, errors, rest = self._decode_compiled(messages, positions, now_ms, clock_ms)
        rows: list[_Row] = []
        try:
            for index in rest:
                row, taken_bytes = self._decode_in_python(messages[index], now_ms, clock_ms)
                rows.append(row)
                size += taken_bytes
            kept = len(self._decoder)
        finally:
            # If one raised, the rows of this list that were compiled go too.
            self._decoder.cut(kept)
        self._rows += rows
        return Taken(kept - before + len(rows), size, errors)

    def bury(self, partition: int, offset: int, error: InvalidEvent, now_ms: int) -> None:
        """Add a dead letter of what Kafka holds and cannot hand over.

        Args:
            partition: its number.
            offset: the first that it stands for.
            error: why.
            now_ms: its timestamp.
        """
        columns = self._record_columns(partition, offset, now_ms, b"", ())
        self._rows.append(columns | _dead(error, None, None, ()))

    def _decode_compiled(
        self,
        messages: "list[Message]",
        positions: dict[int, int] | None,
        now_ms: int,
        clock_ms: int,
    ) -> tuple[int, list[int], list[int]]:
        before, held = len(self._decoder), dict(positions or {})
        try:
            return self._decoder.take(messages, positions, now_ms, clock_ms)
        except Exception as error:  # noqa: BLE001 - an edge: they are decoded one by one
            self._mishaps.note(error)
        # It may have raised midway: its rows go and positions go back, or the decoder in Python
        # would pass over what was taken.
        self._decoder.cut(before)
        if positions is not None:
            positions |= held
        return compiled.PythonDecoder().take(messages, positions, now_ms, clock_ms)

    def _decode_in_python(self, message: "Message", now_ms: int, clock_ms: int) -> tuple[_Row, int]:
        """The row of a message, and how many bytes it was."""
        partition, offset = message.partition(), message.offset()
        if partition is None or offset is None:
            raise ValueError("a message without partition or offset")
        value, key, headers = message.value(), message.key(), _headers(message)
        stamp_ms = _stamp_ms(message, now_ms)
        try:
            row = _valid(
                decode(
                    value,
                    key=key,
                    headers=headers,
                    record_ms=stamp_ms,
                    now_ms=clock_ms,
                    unframe=self._unframe,
                    statuses=self._statuses,
                )
            )
        except InvalidEvent as error:
            row = _dead(error, value, key, headers)
        except ConsumerError:  # of a schema registry, not of the record
            raise
        except Exception as error:  # noqa: BLE001 - an edge: one record never stops the stream
            row = _dead(self._mishaps.dead(error, value), value, key, headers)
        row |= self._record_columns(partition, offset, stamp_ms, value or b"", headers)
        return row, len(value or b"") + len(key or b"") + limits.size(headers)

    def _record_columns(
        self, partition: int, offset: int, stamp_ms: int, value: bytes, headers: Headers
    ) -> _Row:
        return {
            "topic_id": self._topic_id,
            "partition": partition,
            "offset": offset,
            "recorded_at": stamp_ms * 1000,
            "digest": crc32(value),
            "replay_of": _replay_of(headers),
        }

    def table(self) -> pa.Table:
        """All rows so far, which stay here."""
        count = len(self._decoder)
        if count:
            constants = {"kind": "event", "topic_id": self._topic_id}
            columns = compiled.arrays(self._decoder.finish(), count, constants, SCHEMA)
            self._parts.append(pa.table(columns, SCHEMA))
        if self._rows:
            self._parts.append(schema.table(self._rows))
            self._rows = []
        return pa.concat_tables([SCHEMA.empty_table(), *self._parts])

    def keep(self, rows: pa.Table) -> None:
        """These are all the rows from here on: some of ``table``'s, or none."""
        self._decoder.cut(0)
        self._rows = []
        self._parts = [rows] if rows.num_rows else []


def table(
    messages: "Iterable[Message]",
    *,
    topic_id: str,
    now_ms: int | None = None,
    unframe: Unframe | None = None,
    statuses: Words | None = None,
    past: bool = False,
) -> pa.Table:
    """Rows of these messages, invalid ones included, in no order that means anything.

    Args:
        messages: as they came, without errors of Kafka's.
        topic_id: see `RowBuilder`.
        now_ms: see `RowBuilder.take`.
        unframe: see `RowBuilder`.
        statuses: see `RowBuilder`.
        past: see `RowBuilder`.
    """
    builder = RowBuilder(topic_id=topic_id, unframe=unframe, statuses=statuses, past=past)
    builder.take(list(messages), now_ms=now_ms)
    return builder.table()


def warm_up() -> None:
    """Pay for the first conversion (1.2 s, an import inside Arrow) before the first message."""
    pa.array(["a"], pa.string())


def _stamp_ms(message: "Message", now_ms: int) -> int:
    kind, stamp_ms = message.timestamp()
    if kind == _TIMESTAMP_NOT_AVAILABLE:
        return now_ms
    # Producers may stamp what they like: no column holds a time outside of these years.
    return min(max(stamp_ms, MIN_MS), MAX_MS)


def _headers(message: "Message") -> Headers:
    """A message's headers; where a name is not UTF-8, only that (`limits.check` refuses it)."""
    try:
        return _checked_headers(message) or ()
    except SystemError:
        # The client's list has holes now, which must never be looked at.
        missing: Headers = [(limits.INCOMPLETE, b"headers: a name is not UTF-8")]
        message.set_headers(list(missing))
        return missing


def _valid(said: Event | Tombstone) -> _Row:
    if isinstance(said, Tombstone):
        ids = {"source": said.source, "event_id": said.event_id}
        return {"kind": "event", "status": DELETED} | ids
    row: _Row = msgspec.structs.asdict(said)
    time_ms, starts_at_ms = row.pop("time_ms"), row.pop("starts_at_ms")
    row["kind"], row["time"] = "event", time_ms * 1000
    row["starts_at"] = None if starts_at_ms is None else starts_at_ms * 1000
    return row


def _dead(error: InvalidEvent, value: bytes | None, key: bytes | None, headers: Headers) -> _Row:
    value, key, headers = limits.kept(value, key, headers)
    return {
        "kind": "dead",
        "raw": value,
        "raw_key": key,
        "raw_headers": msgspec.json.encode(headers).decode() if headers else None,
        "reason": str(error),
        "field": error.field,
    }


def _replay_of(headers: Headers) -> str | None:
    """The address of the dead letter that a record was sent for."""
    for name, value in headers:
        if name == REPLAY_OF and value is not None and _ADDRESS.fullmatch(value):
            return value.decode()
    return None
