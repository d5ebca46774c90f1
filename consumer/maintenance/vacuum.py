"""Clean-up of a store: what no reader needs any more goes.

Words used here:
    needed: a file that is in the table as the reader furthest behind knows it, or came since.
    removed: a file that a commit took out of the table; its rows are in another one.
    orphan: a file that no commit names, of a writer that died or is still at it.
    floor: the version of the oldest checkpoint that is kept; the log begins with its entry.

Readers tell by marks how far they have read. One without a mark has the grace; after that it
finds files or entries gone, and reads the whole table again.

Two rules keep what is stored. Files are listed before the log is read: what is committed after
that is not on the list. Ages are by the store's own clock, never by this machine's.
"""

import logging
from contextlib import suppress
from pathlib import Path

from consumer.table import delta_log, durable, reader_marks, store_clock

logger = logging.getLogger(__name__)

ORPHAN_S = 3600.0
"""A file that no commit names is left alone for so long: a batch's may yet be committed, which
happens within ten minutes."""

_KEPT_CHECKPOINTS = 2


def vacuum(path: Path, *, grace_s: float) -> int:
    """Delete Parquet files that no reader needs.

    Args:
        path: the table's folder.
        grace_s: seconds that a removed file stays, however far readers have read.

    Returns:
        How many files went.

    Raises:
        StoreDamaged: the log cannot be read.
        OSError: the folder cannot be written.
    """
    if not delta_log.versions(path):
        return 0
    marked = reader_marks.living(path)  # first: who comes later reads what is in the table later
    now_s, files = store_clock.now_s(path), list(path.glob("kind=*/*.parquet"))
    newest = delta_log.replay(path)  # after the list: see above
    if newest is None:
        return 0
    needed, removed = _needed(path, marked, newest), delta_log.removed(path, newest.version)
    count = 0
    for file in files:
        name = str(file.relative_to(path))
        if name not in needed and _is_old(file, removed.get(name), grace_s, now_s):
            file.unlink(missing_ok=True)
            count += 1
    if count:
        logger.debug("Deleted %d files that were compacted away or never committed", count)
    return count


def _needed(path: Path, marked: list[int], newest: delta_log.Snapshot) -> set[str]:
    # A reader behind the beginning of the log must read the whole table again anyway.
    begin = delta_log.begin(path)
    behind = [version for version in marked if begin <= version < newest.version]
    if not behind:
        return set(newest.files)
    known = delta_log.replay(path, behind[0])
    needed = set(known.files) if known else set()
    for version in range(behind[0] + 1, newest.version + 1):
        needed.update(delta_log.read_entry(path, version).adds)
    return needed


def _is_old(file: Path, removed_s: float | None, grace_s: float, now_s: float) -> bool:
    if removed_s is not None:
        return now_s - removed_s >= grace_s
    with suppress(FileNotFoundError):
        return now_s - file.stat().st_mtime >= max(ORPHAN_S, grace_s)
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
    delta_log.from_checkpoint(path, floor)
    _sync_kept(path, floor)
    old = [
        delta_log.entry_path(path, number) for number in delta_log.versions(path) if number < floor
    ]
    old += [delta_log.checkpoint_path(path, n) for n in delta_log.checkpoints(path) if n < floor]
    old += _leftovers(path)
    for file in old:
        file.unlink(missing_ok=True)
    if old:
        logger.debug("Deleted %d files of the log, which begins at %d now", len(old), floor)
    return len(old)


def _floor(path: Path) -> int | None:
    marked = delta_log.checkpoints(path)
    if len(marked) < _KEPT_CHECKPOINTS:
        return None
    oldest = min([*reader_marks.living(path), marked[-_KEPT_CHECKPOINTS]])
    floors = [n for n in marked if n <= oldest and delta_log.entry_path(path, n).exists()]
    return floors[-1] if floors else None


def _sync_kept(path: Path, floor: int) -> None:
    """What is relied on from here on must be on the disk, also what others wrote."""
    durable.sync(
        delta_log.checkpoint_path(path, n) for n in delta_log.checkpoints(path) if n >= floor
    )
    durable.sync(delta_log.entry_path(path, n) for n in delta_log.versions(path) if n >= floor)
    delta_log.sync_pointer(path)
    durable.sync([path / delta_log.FOLDER])


def _leftovers(path: Path) -> list[Path]:
    """Half-written files of writers that died."""
    old_s = store_clock.now_s(path) - ORPHAN_S
    folder = path / delta_log.FOLDER
    files = [*folder.glob("_*.tmp"), *folder.glob("*#*")]
    return [file for file in files if file.stat().st_mtime < old_s]
