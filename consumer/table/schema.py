"""The columns of the store, and what the values of some of them mean.

A row is one record of Kafka (kind ``event`` or ``dead``) or one decision of an operator (kind
``merge``, ``erasure``, ``quarantine`` or ``visibility``, see `consumer.ids`).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec
import pyarrow as pa

Side = Literal["artist", "venue"]
"""The two kinds of ids."""

_INSTANT = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("kind", pa.string()),  # partition column: 'event', 'dead', or of a decision
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

STORED = SCHEMA.remove(0)
"""Columns of a file: ``kind`` is the name of the file's folder instead."""

_ONLY_DEAD = {"raw", "raw_key", "raw_headers", "reason", "field"}
EVENT_SCHEMA = pa.schema([field for field in STORED if field.name not in _ONLY_DEAD])
"""Columns of an event."""

CODES = pa.dictionary(pa.int32(), pa.string())
"""Type of a text column that is read as codes and a dictionary."""

DELETED = "deleted"
"""The status of a tombstone's row."""

REPLAY_OF = "gigstream-replay-of"
"""Header of a dead record that is sent again: ``topic_id/partition/offset`` of the dead row."""

_headers_decoder = msgspec.json.Decoder(list[tuple[str, bytes | None]])


def columns(names: Iterable[str]) -> pa.Schema:
    """The schema of these columns of the store, in the order given."""
    return pa.schema([SCHEMA.field(name) for name in names])


def with_kind(rows: pa.Table, kind: str) -> pa.Table:
    """Rows of a file, with the kind that is the name of its folder."""
    return rows.add_column(0, "kind", pa.repeat(pa.scalar(kind), rows.num_rows))


def table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of the store, given by column name; a column that a row does not name is null."""
    rows = list(rows)
    arrays = [pa.array([row.get(name) for row in rows], kind) for name, kind in _TYPES]
    return pa.table(arrays, schema=SCHEMA)


def raw_headers(text: str | None) -> list[tuple[str, bytes | None]]:
    """The headers of a dead record, from column ``raw_headers``."""
    return [] if text is None else _headers_decoder.decode(text)


_TYPES = list(zip(SCHEMA.names, SCHEMA.types, strict=True))
