"""Checkpoints of the store, so that a commit does not slow down with every commit before it.

Delta reads the log from its last checkpoint on, twice per commit: 0.07 ms per entry and time,
280 ms after 2,000 commits. A checkpoint every 100 entries keeps it at about 15 ms. It is written
by a thread of its own with a handle of its own; a file lock leaves it to one process of many.
"""

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from consumer import log

logger = logging.getLogger(__name__)

EVERY = 100
"""Log entries between two checkpoints."""

LOOK_S = 1.0
_END_S = 0.2
_LOCK = ".upkeep.lock"


def is_due(newest: int, checkpoint: int | None) -> bool:
    """Whether so many entries follow the last checkpoint that the next one pays."""
    return newest - (checkpoint or 0) >= EVERY


def checkpoint_if_due(path: Path) -> bool:
    """Write a checkpoint where one is due and nobody else is at it; whether it was written."""
    there, marked = log.versions(path), log.checkpoints(path)
    if not there or not is_due(there[-1], marked[-1] if marked else None):
        return False
    with _alone(path) as alone:
        if alone:
            _checkpoint(path)
        return alone


def _checkpoint(path: Path) -> None:
    table = DeltaTable(path)
    table.create_checkpoint()
    # The pointer last: it must never be on the disk before what it points to.
    folder = path / log.FOLDER
    log.sync([log.checkpoint_path(path, table.version()), folder / "_last_checkpoint", folder])
    logger.debug("Wrote a checkpoint at version %d", table.version())


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


class Upkeep:
    """The thread that looks every second; a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="upkeep", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(_END_S)

    def _look(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                checkpoint_if_due(self._path)
            except (DeltaError, OSError) as error:
                logger.warning("No checkpoint was written, commits get slower: %s", error)
