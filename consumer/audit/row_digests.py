"""Which records a store holds, and a digest of each: 21 bytes per row.

The digest (32 bits) is equal for rows that are equal. It covers the columns that resolving
statements reads, and the raw bytes of a dead row. Columns for display, and those whose form may
change from one version to the next, are left out.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.table import delta_log, parquet, schema

KINDS = ("event", "dead")
"""Kinds of rows that are records of Kafka; others are decisions of operators."""

COLUMNS = (
    *("topic_id", "partition", "offset", "recorded_at", "digest"),
    *("source", "event_id", "artist_id", "venue_id", "time", "status", "version", "starts_at"),
    *("artist_name", "venue_name", "raw", "raw_key"),
)
"""The columns that a digest covers."""

_READ = schema.columns(COLUMNS)
_FIELDS = [
    ("topic", np.int32),
    ("partition", np.int32),
    ("offset", np.int64),
    ("digest", np.uint32),
    ("kind", np.int8),
]
DIGESTED = np.dtype(_FIELDS)
"""One row: `topic` is an index into a list of topic ids, `kind` one into `KINDS`."""

_AT_ONCE = 100_000
_NULL, _SEPARATOR = b"\0", b"\x1f"


class PartitionRows(NamedTuple):
    """Rows of one partition, by offset; equal offsets are rows of the same record."""

    offset: NDArray[np.int64]
    digest: NDArray[np.uint32]
    kind: NDArray[np.int8]


class RowDigests:
    """All rows that are records, of all topics.

    Args:
        topics: topic ids, as the rows' `topic` numbers them.
        rows: of type `DIGESTED`, in any order.
    """

    def __init__(self, topics: Iterable[str], rows: NDArray[np.void]) -> None:
        self._topics = list(topics)
        order = np.lexsort((rows["offset"], rows["partition"], rows["topic"]))
        self._columns = {name: rows[name][order] for name, _ in _FIELDS}

    def __len__(self) -> int:
        return len(self._columns["offset"])

    @classmethod
    def read(cls, path: Path, files: Iterable[delta_log.File]) -> Self:
        """Those of a store's files.

        Raises:
            FileNotFoundError: one is gone.
            StoreDamaged: one cannot be read.
        """
        topics: dict[str, int] = {}
        found = [
            digest_rows(rows, file.kind, topics)
            for file in files
            if file.kind in KINDS
            for rows in parquet.stream(path, file, _READ, _AT_ONCE)
        ]
        return cls(topics, np.concatenate([np.empty(0, DIGESTED), *found]))

    def partition(self, topic_id: str, partition: int) -> PartitionRows:
        """Those of one partition."""
        at = slice(0, 0)
        if topic_id in self._topics:
            at = self._run("topic", self._topics.index(topic_id), slice(0, len(self)))
            at = self._run("partition", partition, at)
        return PartitionRows(*(self._columns[name][at] for name in PartitionRows._fields))

    def count_others(self, topic_id: str, partitions: Iterable[int]) -> int:
        """How many rows are of other topics than these partitions of that one."""
        return len(self) - sum(len(self.partition(topic_id, n).offset) for n in partitions)

    def _run(self, field: str, value: int, within: slice) -> slice:
        start, end = np.searchsorted(self._columns[field][within], [value, value + 1])
        return slice(within.start + int(start), within.start + int(end))


def digest_rows(rows: pa.Table, kind: str, topics: dict[str, int]) -> NDArray[np.void]:
    """The digests of rows (`COLUMNS`) of one kind.

    Args:
        rows: of the store.
        kind: of all of them.
        topics: the number of each topic id; new ones are added.
    """
    # Numbers instead of topic ids: 21 bytes a row, so 100 million rows take 2.1 GB.
    table = np.empty(len(rows), DIGESTED)
    encoded = rows["topic_id"].combine_chunks().dictionary_encode()
    numbers = [topics.setdefault(name, len(topics)) for name in encoded.dictionary.to_pylist()]
    if len(rows):
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        table["topic"] = np.asarray(numbers, np.int32)[codes]
    table["partition"] = rows["partition"].to_numpy()
    table["offset"] = rows["offset"].to_numpy()
    table["digest"] = _digests(_timed(rows) if kind == "dead" else rows)
    table["kind"] = KINDS.index(kind)
    return table


def _timed(rows: pa.Table) -> pa.Table:
    """Dead rows, without the time where the record had none of its own."""
    # A batch that cannot be unpacked shows neither bytes nor a timestamp: the consumer's clock is
    # stored for it, and a rebuild has another one.
    hidden = pc.and_(pc.is_null(rows["raw"]), pc.is_null(rows["raw_key"]))
    times = pc.if_else(hidden, pa.scalar(None, rows["recorded_at"].type), rows["recorded_at"])
    return rows.set_column(rows.schema.get_field_index("recorded_at"), "recorded_at", times)


def _digests(rows: pa.Table) -> NDArray[np.uint32]:
    texts = [_bytes(rows[name]) for name in COLUMNS]
    # A separator and a null that no text holds: ("a", null) and (null, "a") must differ.
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
