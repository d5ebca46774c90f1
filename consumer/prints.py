"""A number per row that tells whether two of them say the same: 32 bits, of all that counts.

What counts is what settling looks at, and of a dead row its raw bytes. Columns for people, and
those whose form may change from one version to the next, are left out.
"""

from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.rows import SCHEMA

COLUMNS = (
    *("topic_id", "partition", "offset", "recorded_at", "digest"),
    *("source", "event_id", "artist_id", "venue_id", "time", "status", "version", "starts_at"),
    *("artist_name", "venue_name", "raw", "raw_key"),
)
"""The columns of the store that a print is made of."""

READ = pa.schema([SCHEMA.field(name) for name in COLUMNS])
"""What must be read for it."""

_NULL, _SEPARATOR = b"\0", b"\x1f"


def prints(rows: pa.Table) -> NDArray[np.uint32]:
    """By row; `rows` has `COLUMNS`, others are not looked at."""
    texts = [_bytes(rows[name]) for name in COLUMNS]
    joined = pc.binary_join_element_wise(
        *texts, _SEPARATOR, null_handling="replace", null_replacement=_NULL
    )
    return np.fromiter(map(crc32, joined.to_pylist()), np.uint32, len(rows))


def _bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    return column.cast(pa.binary())
