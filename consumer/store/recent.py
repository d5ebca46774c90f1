"""The latest messages of a store, found by its log: what came with its last commits."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from consumer.errors import StoreDamaged
from consumer.table import delta_log, schema

COLUMNS = (
    "topic_id",
    "partition",
    "offset",
    "source",
    "raw",
    "raw_headers",
    "reason",
    "field",
    "replay_of",
)
_SCHEMA = pa.schema([schema.STORED.field(name) for name in COLUMNS])
_EMPTY = pa.schema([("kind", pa.string()), *_SCHEMA]).empty_table()
_KINDS = ("event", "dead")
_ATTEMPTS = 5


def recent(path: Path, window: int) -> pa.Table:
    """The rows of the last commits, as many commits as hold `window` messages.

    Args:
        path: the store's folder.
        window: messages. There are more where a commit is larger, and fewer where the log does
            not reach back so far.

    Returns:
        The columns kind and `COLUMNS`. No row at all where none of them is a dead letter: then
        only the log was read.

    Raises:
        StoreDamaged, StoreNewer: the store cannot be read.
    """
    for _ in range(_ATTEMPTS):
        newest = delta_log.replay(path)
        if newest is None:
            return _EMPTY
        try:
            return _read(path, newest, _before(path, newest.version, window))
        except FileNotFoundError:
            continue  # compacted while it was read
    raise StoreDamaged(path, "files that its log names are missing")


def _before(path: Path, version: int, window: int) -> Mapping[str, int]:
    """The positions before the last commits."""
    begin, rows = delta_log.begin(path), 0
    while version > begin and rows < window:
        added = delta_log.read_entry(path, version).added
        rows += sum(max(file.rows, 0) for file in added if file.kind in _KINDS)
        version -= 1
    found = delta_log.replay(path, version)
    return found.positions if found else {}


def _read(path: Path, newest: delta_log.Snapshot, before: Mapping[str, int]) -> pa.Table:
    after, files = _after(newest.positions, before), list(newest.files.values())
    dead = _rows(path, files, "dead", after)
    if not dead.num_rows:
        return _EMPTY
    return pa.concat_tables([dead, _rows(path, files, "event", after)])


def _after(
    positions: Mapping[str, int], before: Mapping[str, int]
) -> Sequence[tuple[str, int, int]]:
    """Topic id, partition and first offset of what came since."""
    moved = [
        (name, before.get(name, 0)) for name, end in positions.items() if end > before.get(name, 0)
    ]
    split = ((name.partition("/")[2].rpartition("/"), offset) for name, offset in moved)
    return [(topic, int(number), offset) for (topic, _, number), offset in split]


def _rows(
    path: Path, files: Sequence[delta_log.File], kind: str, after: Sequence[tuple[str, int, int]]
) -> pa.Table:
    names = [str(path / file.path) for file in files if file.kind == kind]
    if not names or not after:
        return _EMPTY
    # Row groups tell their offsets: of old ones nothing is read.
    wanted = reduce(or_, (_is_of(*each) for each in after))
    rows = ds.dataset(names, schema=_SCHEMA, format="parquet").to_table(filter=wanted)
    return schema.with_kind(rows, kind)


def _is_of(topic: str, partition: int, offset: int) -> pc.Expression:
    return (
        (pc.field("topic_id") == topic)
        & (pc.field("partition") == partition)
        & (pc.field("offset") >= offset)
    )
