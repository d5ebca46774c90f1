"""What people decided about ids goes along when a store is made anew from the topic.

First this, then the first event: an append leaves out what is erased by then.
"""

import shutil
from pathlib import Path

import pyarrow as pa

from consumer import erasures, log, merges, parts
from consumer.rows import SCHEMA
from consumer.store import Store

_KINDS = (erasures.KIND, merges.KIND)


def carry_over(path: Path, other: Path) -> int:
    """Bring erasures, their key, and merges of one store into another, which is made if need be.

    Doing it again adds rows that are there already, and changes nothing by that.

    Returns:
        How many rows were appended.

    Raises:
        StoreUnusable, StoreDamaged: one of the stores cannot be used.
        FileExistsError: the other one has a key of its own.
    """
    snapshot = log.replay(path)
    files = [file for file in snapshot.files.values() if file.kind in _KINDS] if snapshot else []
    if not files:
        return 0
    store = Store.open(other)
    if erasures.has_key(path):
        _copy_key(path, other)
    rows = pa.concat_tables([_rows(path, file) for file in files])
    store.append(rows, {})
    return int(rows.num_rows)


def _copy_key(path: Path, other: Path) -> None:
    theirs = other / erasures.KEY_FILE
    if theirs.exists() and theirs.read_bytes() != erasures.load_key(path):
        raise FileExistsError(f"{theirs} is the key of other erasures; take another folder")
    shutil.copy2(path / erasures.KEY_FILE, theirs)
    log.sync([theirs, other])


def _rows(path: Path, file: log.File) -> pa.Table:
    rows = parts.read(path, file, parts.STORED)
    kinds = pa.array([file.kind] * rows.num_rows, pa.string())
    return rows.add_column(0, "kind", kinds).cast(SCHEMA)
