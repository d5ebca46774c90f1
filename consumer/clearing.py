"""Clears a store of everything that its newest version does not need.

The caller has the store for itself (`writers.exclusive`): no append, no upkeep.
"""

import shutil
from pathlib import Path

from consumer import log
from consumer.errors import StoreDamaged


def clear(path: Path, version: int) -> None:
    """Remove files, log entries and checkpoints that the checkpoint of this version replaces.

    Entries go oldest first: whenever this is cut short, what is left begins with a checkpoint or
    with an entry that nothing misses.
    """
    snapshot = log.replay(path, version)
    if snapshot is None:
        raise StoreDamaged(path, f"version {version} is gone")
    folder = path / log.FOLDER
    needed = {
        log.entry_path(path, version).name,
        log.checkpoint_path(path, version).name,
        log.pointer_path(path).name,
    }
    old = sorted(file for file in folder.iterdir() if file.is_file() and file.name not in needed)
    for file in old:
        file.unlink()
    shutil.rmtree(path / log.TORN, ignore_errors=True)
    for file in path.glob("kind=*/*"):
        if str(file.relative_to(path)) not in snapshot.files:
            file.unlink()
    log.sync([folder, path, *path.glob("kind=*")])
