"""Clears a store of everything that its newest version does not need.

The caller has the store for itself (`write_lock.exclusive`): no append, no maintenance.
"""

import shutil
from pathlib import Path

from consumer.table import delta_log, durable


def clear(path: Path, version: int) -> None:
    """Remove files, log entries and checkpoints that the checkpoint of this version replaces.

    Entries go oldest first: whenever this is cut short, what is left begins with a checkpoint or
    with an entry that nothing misses.
    """
    snapshot = delta_log.present(path, version)
    folder = path / delta_log.FOLDER
    needed = {
        delta_log.entry_path(path, version).name,
        delta_log.checkpoint_path(path, version).name,
        delta_log.pointer_path(path).name,
    }
    old = sorted(file for file in folder.iterdir() if file.is_file() and file.name not in needed)
    for file in old:
        file.unlink()
    shutil.rmtree(path / delta_log.TORN, ignore_errors=True)
    for file in path.glob("kind=*/*"):
        if str(file.relative_to(path)) not in snapshot.files:
            file.unlink()
    durable.sync([folder, path, *path.glob("kind=*")])
