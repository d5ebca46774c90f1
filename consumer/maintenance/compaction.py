"""Compaction: many small Parquet files become few large ones; rows and readers are unaffected.

Words used here:
    group: files of one kind that become one file.

A file is rewritten only when the smaller files add up to its size, so a row is moved O(log n)
times, and never again once its file is large. Rows are copied in slices, so memory does not grow
with the files. The order is that of an append: files on the disk, then the commit.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from consumer.errors import StoreDamaged
from consumer.table import delta_log, parquet, write_lock
from consumer.table.commit import Replacement, replace
from consumer.table.parquet import Part

logger = logging.getLogger(__name__)

LARGE_BYTES = 64 * 1024 * 1024
"""A file of this size is left alone; the output of a group has about this size at most."""

FEWEST = 8
"""The least number of files to merge: fewer are not worth it."""

_SLICE_ROWS = 8_192
_GROUP_ROWS = 131_072
_GROUP_BYTES = 16 * 1024 * 1024
_PATIENCE_S = 60.0


def groups(files: Iterable[delta_log.File]) -> list[list[delta_log.File]]:
    """Which files are merged into one, by their sizes."""
    # By kind, then by size: groups never mix kinds, and the smallest files come first.
    small = sorted(
        (file for file in files if file.size < LARGE_BYTES),
        key=lambda file: (file.kind, file.size, file.path),
    )
    found: list[list[delta_log.File]] = []
    for _, of_kind in groupby(small, key=attrgetter("kind")):
        found += _filled(_comparable(list(of_kind)))
    return found


def _comparable(ascending: list[delta_log.File]) -> list[delta_log.File]:
    """The files that are no larger than all smaller ones together."""
    total = sum(file.size for file in ascending)
    while ascending and 2 * ascending[-1].size > total:
        total -= ascending.pop().size
    return ascending


def _filled(files: list[delta_log.File]) -> Iterator[list[delta_log.File]]:
    """Groups cut where the output would become too large; groups of too few files are left out."""
    group: list[delta_log.File] = []
    size = 0
    for file in [*files, None]:
        if file is None or size + file.size > LARGE_BYTES:
            if len(group) >= FEWEST or (size > LARGE_BYTES // 2 and len(group) > 1):
                yield group
            group, size = [], 0
        if file is not None:
            group.append(file)
            size += file.size


def compact(path: Path, *, on_step: Callable[[str], None]) -> int:
    """Merge all groups.

    Args:
        path: the table's folder.
        on_step: called at each ``compacting`` (files written) and ``compacted`` (committed).

    Returns:
        By how many the number of files fell.

    Raises:
        StoreDamaged: a file is missing, unreadable or has another number of rows than the log says.
        WritersPaused: an erasure has the store alone.
    """
    snapshot = delta_log.replay(path)
    fewer = 0
    for group in groups(snapshot.files.values()) if snapshot else []:
        # An erasure must find all files that hold an id, so the two exclude each other.
        with write_lock.shared(path, patience_s=_PATIENCE_S):
            fewer += _compact(path, group, on_step)
    return fewer


def _compact(path: Path, group: Sequence[delta_log.File], on_step: Callable[[str], None]) -> int:
    snapshot = delta_log.replay(path)
    # Another process may have compacted or erased meanwhile: then leave this group.
    if snapshot is None or any(file.path not in snapshot.files for file in group):
        return 0
    part = _write(path, group)
    with ExitStack() as undo:
        undo.callback((path / part.path).unlink, missing_ok=True)
        on_step("compacting")
        undo.pop_all()
    # The new file is on the disk before any entry names it. If the commit fails (a disk that cannot
    # sync), the entry may be in the log all the same: the file stays then.
    version = replace(path, snapshot, Replacement(group, [part], "OPTIMIZE"))
    if version is None:
        (path / part.path).unlink(missing_ok=True)
        return 0
    on_step("compacted")
    logger.debug("Compacted %d files into one as version %d", len(group), version)
    return len(group) - 1


def _write(path: Path, group: Sequence[delta_log.File]) -> Part:
    """Write the rows of these files into one, flushed to the disk."""
    schema = _schema(path, group)
    slices = (each for file in group for each in _slices(path, file, schema))
    options = parquet.HOW_COMPACTED
    part = parquet.write(path, group[0].kind, _row_groups(slices), schema=schema, options=options)
    if part is None:
        raise StoreDamaged(path, f"files without a row: {group}")
    return part


def _schema(path: Path, group: Iterable[delta_log.File]) -> pa.Schema:
    """All columns of these files; a later version may have written columns unknown here."""
    schemas = (pq.read_schema(path / file.path) for file in group)
    bare = [pa.schema([(field.name, field.type) for field in schema]) for schema in schemas]
    try:
        return pa.unify_schemas(bare)
    except pa.ArrowTypeError as error:
        raise StoreDamaged(path, f"files of kind {group}: {error}") from None


def _slices(path: Path, file: delta_log.File, schema: pa.Schema) -> Iterator[pa.Table]:
    rows = 0
    try:
        for batch in pq.ParquetFile(path / file.path).iter_batches(_SLICE_ROWS):
            rows += batch.num_rows
            yield pa.table(
                [
                    batch[name] if name in batch.schema.names else pa.nulls(batch.num_rows, kind)
                    for name, kind in zip(schema.names, schema.types, strict=True)
                ],
                schema=schema,
            )
    except pa.ArrowInvalid as error:
        raise StoreDamaged(path, f"file {file.path}: {error}") from None
    if file.rows not in (-1, rows):
        raise StoreDamaged(path, f"file {file.path} has {rows} rows, its log says {file.rows}")


def _row_groups(slices: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Slices joined to the size of a row group."""
    waiting: list[pa.Table] = []
    rows = size = 0
    for table in slices:
        waiting.append(table)
        rows, size = rows + table.num_rows, size + table.nbytes
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.concat_tables(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting)
