"""The store's Parquet files: read by columns, and written."""

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from consumer.errors import StoreDamaged
from consumer.table import durable
from consumer.table.delta_log import File
from consumer.table.schema import STORED

STATISTICS = ["partition", "offset", "recorded_at", "time"]
"""Columns with minimum and maximum: none of ids, since statistics outlive erased rows."""

_WRITTEN = [*STATISTICS, "replay_of"]  # almost always null, which `is_null` finds out

_REPEATED = ["topic_id", "partition", "source", "status", "version", "artist_id", "venue_id"]
_BARE = {"digest", "offset", *_REPEATED}
HOW = {
    # By column: a dictionary where values repeat, no compression where it gains almost nothing.
    # That takes 0.6 of the time of pyarrow's defaults with zstd.
    "use_dictionary": _REPEATED,
    "column_encoding": {"offset": "DELTA_BINARY_PACKED"},
    "compression": {name: "NONE" if name in _BARE else "ZSTD" for name in STORED.names},
    "store_schema": False,
    "write_statistics": _WRITTEN,
}
"""Options of a file, for pyarrow's writer."""

HOW_COMPACTED = {"compression": "zstd", "store_schema": False, "write_statistics": _WRITTEN}
"""Options of a file that may have columns which this version does not know."""


class Part(NamedTuple):
    """A file that is written and on the disk, and not committed yet."""

    path: str
    kind: str
    size: int
    rows: int
    modified_ms: int

    @property
    def stats(self) -> str:
        """Its statistics in the log: the number of rows alone."""
        return msgspec.json.encode({"numRecords": self.rows}).decode()


def read(path: Path, file: File, schema: pa.Schema) -> pa.Table:
    """The rows of one file.

    Args:
        path: the table's folder.
        file: of the table.
        schema: the columns to read; where its type is a dictionary, texts are not decoded.

    Raises:
        FileNotFoundError: it does not exist, or not any more.
        StoreDamaged: it is no Parquet file.
    """
    with _damage(path, file):
        return fitted(_open(path / file.path, schema).read(columns=schema.names), schema)


def is_null(path: Path, file: File, column: str) -> bool:
    """Whether no row of a file has a value of a column, as far as its statistics tell.

    Args:
        path: the table's folder.
        file: of the table.
        column: its name.

    Raises:
        FileNotFoundError, StoreDamaged: see `read`.
    """
    with _damage(path, file):
        found = pq.read_metadata(path / file.path)
    if column not in found.schema.names:  # it was added later
        return True
    at = found.schema.names.index(column)
    groups = [found.row_group(number) for number in range(found.num_row_groups)]
    known = [(group.column(at).statistics, group.num_rows) for group in groups]
    return all(each is not None and each.null_count == rows for each, rows in known)


def stream(path: Path, file: File, schema: pa.Schema, rows: int) -> Iterator[pa.Table]:
    """The rows of one file in runs, each within one row group.

    Args:
        path: the table's folder.
        file: of the table.
        schema: see `read`.
        rows: of a run, at most.

    Raises:
        FileNotFoundError, StoreDamaged: see `read`.
    """
    with _damage(path, file):
        source = _open(path / file.path, schema)
        for group in range(source.num_row_groups):
            # Each row group has dictionaries of its own: a run over two groups would have two.
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
    """Rows with these columns; a column that was added after the file was written is null."""
    arrays = [
        rows[name].cast(kind) if name in rows.column_names else pa.nulls(rows.num_rows, kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def write(
    path: Path,
    kind: str,
    tables: Iterable[pa.Table],
    *,
    schema: pa.Schema | None = None,
    options: Mapping[str, Any] = HOW,
) -> Part | None:
    """Write rows into a new file, and flush file and folder to the disk.

    Args:
        path: the table's folder.
        kind: of all rows.
        tables: the rows.
        schema: of the rows; `STORED` by default.
        options: of the file, for pyarrow.

    Returns:
        None where there are no rows.
    """
    name = f"kind={kind}/{uuid.uuid4().hex}.parquet"
    file, count = path / name, 0
    # One folder per kind, as Delta lays out a table that is partitioned by it.
    file.parent.mkdir(exist_ok=True)
    with ExitStack() as undo:
        # A consumer that restarts on a full disk must not fill up the space that is freed.
        undo.callback(file.unlink, missing_ok=True)
        with pq.ParquetWriter(file, STORED if schema is None else schema, **options) as writer:
            for table in tables:
                if table.num_rows:
                    writer.write_table(table)
                    count += table.num_rows
        # All rows may have been redacted away: no empty file is committed.
        if not count:
            return None
        undo.pop_all()
    # The table's folder too: a process that created the kind's folder may have died before.
    durable.sync([file, file.parent, path])
    return Part(name, kind, file.stat().st_size, count, time.time_ns() // 1_000_000)
