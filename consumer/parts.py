"""The store's Parquet files: read as the columns that one asks for, written the one way."""

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from consumer import log
from consumer.errors import StoreDamaged
from consumer.log import File
from consumer.rows import SCHEMA

STORED = pa.schema([field for field in SCHEMA if field.name != "kind"])
"""Columns of a file; the kind is the name of its folder."""

STATISTICS = ["partition", "offset", "recorded_at", "time"]
"""Columns that tell least and greatest value: those of no id, since they outlive a row."""


_REPEATED = ["topic_id", "partition", "source", "status", "version", "artist_id", "venue_id"]
_BARE = {"digest", "offset", *_REPEATED}
HOW = {
    # Spelt out by column it takes 0.6 of the time that defaults with zstd take: a dictionary where
    # the same comes again and again, no compression where it gains next to nothing.
    "use_dictionary": _REPEATED,
    "column_encoding": {"offset": "DELTA_BINARY_PACKED"},
    "compression": {name: "NONE" if name in _BARE else "ZSTD" for name in STORED.names},
    "store_schema": False,
    "write_statistics": STATISTICS,
}
"""Options of a file, for pyarrow's writers."""


class Part(NamedTuple):
    """A file that was written, is on the disk, and is not committed yet."""

    path: str
    kind: str
    size: int
    rows: int
    modified_ms: int

    @property
    def stats(self) -> str:
        """What its entry in the log tells of its rows."""
        return msgspec.json.encode({"numRecords": self.rows}).decode()


def read(path: Path, file: File, schema: pa.Schema) -> pa.Table:
    """The rows of one file of the table at `path`, in these columns.

    A dictionary is asked for where the schema has one: then texts stay coded as they lie there.

    Raises:
        FileNotFoundError: it is not there, or not any more.
        StoreDamaged: it is no Parquet file.
    """
    with _damage(path, file):
        return fitted(_open(path / file.path, schema).read(columns=schema.names), schema)


def stream(path: Path, file: File, schema: pa.Schema, rows: int) -> Iterator[pa.Table]:
    """The same in runs of so many rows at most, each of one row group.

    Raises:
        FileNotFoundError, StoreDamaged: see `read`.
    """
    with _damage(path, file):
        source = _open(path / file.path, schema)
        for group in range(source.num_row_groups):
            # Each run brings dictionaries of its own: over the end of a group it would be two.
            for batch in source.iter_batches(rows, row_groups=[group], columns=schema.names):
                yield fitted(pa.Table.from_batches([batch]), schema)


def _open(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    coded = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    return pq.ParquetFile(path, read_dictionary=coded)


@contextmanager
def _damage(path: Path, file: File) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreDamaged(path, f"file {file.path}: {error}") from None


def fitted(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows in these columns; a file from before a column was added lacks it."""
    arrays = [
        rows[name].cast(kind) if name in rows.column_names else pa.nulls(rows.num_rows, kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def write(path: Path, kind: str, tables: Iterable[pa.Table]) -> Part | None:
    """Write rows of one kind (`STORED`) into a new file; None where there are none.

    The file and its folder are on the disk afterwards.
    """
    name = f"kind={kind}/{uuid.uuid4().hex}.parquet"
    file, count = path / name, 0
    file.parent.mkdir(exist_ok=True)
    try:
        with pq.ParquetWriter(file, STORED, **HOW) as writer:
            for table in tables:
                if table.num_rows:
                    writer.write_table(table)
                    count += table.num_rows
    except OSError:
        # Started again and again on a full disk, we would fill what room somebody makes.
        file.unlink(missing_ok=True)
        raise
    if not count:
        file.unlink()
        return None
    # The table's folder too: who made the kind's may have died before it was on the disk.
    log.sync([file, file.parent, path])
    return Part(name, kind, file.stat().st_size, count, time.time_ns() // 1_000_000)
