"""Checkpoints of the store, so that a commit does not slow down with every commit before it.

Delta reads the log from its last checkpoint on, twice per commit: 0.07 ms per entry and time,
280 ms after 2,000 commits. A checkpoint every 100 entries keeps it at about 15 ms.
"""

import logging
from pathlib import Path

from consumer import log
from consumer.handle import open_handle

logger = logging.getLogger(__name__)

EVERY = 100
"""Log entries between two checkpoints."""


def is_due(newest: int, checkpoint: int | None, every: int = EVERY) -> bool:
    """Whether so many entries follow the last checkpoint that the next one pays."""
    return newest - (checkpoint or 0) >= every


def write_if_due(path: Path, every: int = EVERY) -> bool:
    """Write a checkpoint where one is due; whether it was written."""
    there, marked = log.versions(path), log.checkpoints(path)
    if not there or not is_due(there[-1], marked[-1] if marked else None, every):
        return False
    write(path)
    return True


def write(path: Path) -> int:
    """Write a checkpoint of the newest version. Returns that version."""
    table = open_handle(path)
    log.sync_entries(path, table.version())
    table.create_checkpoint()
    # The pointer last: it must never be on the disk before what it points to.
    log.sync([log.checkpoint_path(path, table.version())])
    log.sync_pointer(path)
    log.sync([path / log.FOLDER])
    logger.debug("Wrote a checkpoint at version %d", table.version())
    return int(table.version())
