"""Clean-up of a store: what no reader needs any more goes.

Words used here:
    needed: a file that is in the table as the reader furthest behind knows it, or came since.
    removed: a file that a commit took out of the table; its rows are in another one.
    orphan: a file that no commit names, of a writer that died or is still at it.
    floor: the version of the oldest checkpoint that is kept; the log begins with its entry.

Readers tell by marks how far they have read. One without a mark has the grace; after that it
finds files or entries gone, and reads anew.
"""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from consumer import log, marks

logger = logging.getLogger(__name__)

ORPHAN_S = 3600.0
"""A file that no commit names is left alone for so long: a batch's may yet be committed, which
happens within ten minutes."""

_KEPT_CHECKPOINTS = 2


def vacuum(path: Path, *, grace_s: float) -> int:
    """Delete Parquet files that nobody needs.

    Args:
        path: the table's folder.
        grace_s: a removed file stays so many seconds whoever has read how far.

    Returns:
        How many files went.

    Raises:
        StoreDamaged: the log cannot be read.
    """
    marked = marks.living(path)  # first: who comes later reads what is in the table later
    newest = log.replay(path)
    if newest is None:
        return 0
    needed, removed = _needed(path, marked, newest), log.removed(path, newest.version)
    now_s, count = time.time(), 0
    for file in _files(path):
        name = str(file.relative_to(path))
        if name not in needed and _is_old(file, removed.get(name), grace_s, now_s):
            file.unlink(missing_ok=True)
            count += 1
    if count:
        logger.debug("Deleted %d files that were compacted away or never committed", count)
    return count


def _needed(path: Path, marked: list[int], newest: log.Snapshot) -> set[str]:
    # Who is behind the beginning of the log must read anew anyway.
    begin = log.begin(path)
    behind = [version for version in marked if begin <= version < newest.version]
    if not behind:
        return set(newest.files)
    known = log.replay(path, behind[0])
    needed = set(known.files) if known else set()
    for version in range(behind[0] + 1, newest.version + 1):
        needed.update(log.read_entry(path, version).adds)
    return needed


def _files(path: Path) -> Iterator[Path]:
    return path.glob("kind=*/*.parquet")


def _is_old(file: Path, removed_s: float | None, grace_s: float, now_s: float) -> bool:
    if removed_s is not None:
        return now_s - removed_s >= grace_s
    try:
        return now_s - file.stat().st_mtime >= max(ORPHAN_S, grace_s)
    except FileNotFoundError:
        return False


def clean_log(path: Path) -> int:
    """Delete log entries and checkpoints that come before all that is needed.

    Two checkpoints stay, and one that the reader furthest behind can start from, each with its
    own entry. Entries go oldest first, so that the log never has a hole.

    Returns:
        How many files went.

    Raises:
        StoreDamaged: the checkpoint to begin with cannot be read.
    """
    floor = _floor(path)
    if floor is None:
        return 0
    log.from_checkpoint(path, floor)
    _sync_kept(path, floor)
    old = [log.entry_path(path, number) for number in log.versions(path) if number < floor]
    old += [log.checkpoint_path(path, n) for n in log.checkpoints(path) if n < floor]
    old += _leftovers(path)
    for file in old:
        file.unlink(missing_ok=True)
    if old:
        logger.debug("Deleted %d files of the log, which begins at %d now", len(old), floor)
    return len(old)


def _floor(path: Path) -> int | None:
    marked = log.checkpoints(path)
    if len(marked) < _KEPT_CHECKPOINTS:
        return None
    oldest = min([*marks.living(path), marked[-_KEPT_CHECKPOINTS]])
    floors = [n for n in marked if n <= oldest and log.entry_path(path, n).exists()]
    return floors[-1] if floors else None


def _sync_kept(path: Path, floor: int) -> None:
    """What is relied on from here on must be on the disk, whoever wrote it."""
    log.sync(log.checkpoint_path(path, n) for n in log.checkpoints(path) if n >= floor)
    log.sync(log.entry_path(path, n) for n in log.versions(path) if n >= floor)
    log.sync_pointer(path)
    log.sync([path / log.FOLDER])


def _leftovers(path: Path) -> list[Path]:
    """Half-written files of writers that died."""
    old_s = time.time() - ORPHAN_S
    folder = path / log.FOLDER
    files = [*folder.glob("_*.tmp"), *folder.glob("*#*")]
    return [file for file in files if file.stat().st_mtime < old_s]
