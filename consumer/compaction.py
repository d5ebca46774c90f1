"""Many small Parquet files become few large ones; no row changes, readers notice nothing.

Words used here:
    group: files of one kind that become one file.

A file is written again only when those smaller than it add up to as much, so a row is moved
O(log n) times, and never again once its file is large. Rows pass through in slices: memory does
not grow with the files. The order is that of an append: files on the disk, then the commit.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from consumer import log, parts, writers
from consumer.commit import Replacement, replace
from consumer.errors import StoreDamaged
from consumer.parts import Part

logger = logging.getLogger(__name__)

LARGE_BYTES = 64 * 1024 * 1024
"""A file of this size is left alone; what becomes one file has about so much at most."""

FEWEST = 8
"""So many files at least become one: fewer are not worth it."""

_SLICE_ROWS = 8_192
_GROUP_ROWS = 131_072
_GROUP_BYTES = 16 * 1024 * 1024
_PATIENCE_S = 60.0


def groups(files: Iterable[log.File]) -> list[list[log.File]]:
    """Which files become one, by their sizes."""
    small = sorted(
        (file for file in files if file.size < LARGE_BYTES),
        key=lambda file: (file.kind, file.size, file.path),
    )
    found: list[list[log.File]] = []
    for _, of_kind in groupby(small, key=attrgetter("kind")):
        found += _filled(_comparable(list(of_kind)))
    return found


def _comparable(ascending: list[log.File]) -> list[log.File]:
    """Those that are no larger than all the smaller ones together."""
    total = sum(file.size for file in ascending)
    while ascending and 2 * ascending[-1].size > total:
        total -= ascending.pop().size
    return ascending


def _filled(files: list[log.File]) -> Iterator[list[log.File]]:
    """Cut where a file would become too large, and leave out what is too few."""
    group: list[log.File] = []
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
    """Bring together what there is to bring together.

    Args:
        path: the table's folder.
        on_step: told of each ``compacting`` (files written) and ``compacted`` (committed).

    Returns:
        How many files there are less.

    Raises:
        StoreDamaged: a file is missing, unreadable or has not the rows that the log says.
        WritersPaused: an erasure has the store for itself.
    """
    snapshot = log.replay(path)
    fewer = 0
    for group in groups(snapshot.files.values()) if snapshot else []:
        # An erasure must find all files that hold an id: it waits for this one, or this for it.
        with writers.shared(path, patience_s=_PATIENCE_S):
            fewer += _compact(path, group, on_step)
    return fewer


def _compact(path: Path, group: Sequence[log.File], on_step: Callable[[str], None]) -> int:
    snapshot = log.replay(path)
    if snapshot is None or any(file.path not in snapshot.files for file in group):
        return 0
    name = f"kind={group[0].kind}/{uuid.uuid4().hex}.parquet"
    with ExitStack() as undo:
        undo.callback((path / name).unlink, missing_ok=True)
        part = _write(path, name, group)
        on_step("compacting")
        # Where the commit fails (a disk that cannot sync) it may be there, and the file be rows.
        undo.pop_all()
    version = replace(path, snapshot, Replacement(group, [part], "OPTIMIZE"))
    if version is None:
        (path / name).unlink(missing_ok=True)
        return 0
    on_step("compacted")
    logger.debug("Compacted %d files into one as version %d", len(group), version)
    return len(group) - 1


def _write(path: Path, name: str, group: Sequence[log.File]) -> Part:
    """The rows of these files as one, on the disk."""
    schema = _schema(path, group)
    rows = 0
    with pq.ParquetWriter(
        path / name,
        schema,
        compression="zstd",
        store_schema=False,
        write_statistics=parts.STATISTICS,
    ) as writer:
        for table in _gathered(each for file in group for each in _slices(path, file, schema)):
            writer.write_table(table)
            rows += table.num_rows
    log.sync([path / name, (path / name).parent])
    size, now_ms = (path / name).stat().st_size, time.time_ns() // 1_000_000
    return Part(name, group[0].kind, size, rows, now_ms)


def _schema(path: Path, group: Iterable[log.File]) -> pa.Schema:
    """All columns of these files, whatever they are: later ones may not be known here."""
    schemas = (pq.read_schema(path / file.path) for file in group)
    bare = [pa.schema([(field.name, field.type) for field in schema]) for schema in schemas]
    try:
        return pa.unify_schemas(bare)
    except pa.ArrowTypeError as error:
        raise StoreDamaged(path, f"files of kind {group}: {error}") from None


def _slices(path: Path, file: log.File, schema: pa.Schema) -> Iterator[pa.Table]:
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


def _gathered(slices: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Put together to what makes a row group."""
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
