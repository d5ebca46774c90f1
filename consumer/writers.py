"""The lock that lets an erasure have the store for itself.

Words used here:
    shared: held by whoever adds or rewrites files, from the first one until its log entry is on
        the disk. Any number of processes at once.
    exclusive: held by an erasure while it replaces files and clears away what held the id.
    gate: a lock passed on the way to the other one. Without it a stream of appends, each begun
        before the last one ends, would keep an erasure waiting for ever.

The kernel lets go of both when a process dies, however it dies.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 20.0
"""How long an erasure waits for writers: less than an append waits for an erasure."""

_LOCK = ".writers.lock"
_GATE = ".writers.gate"
_LOOK_S = 0.005
_ERASURE = "an erasure has the store for itself"


class WritersPaused(OSError):
    """The lock was not to be had within the time that the caller would wait."""


@contextmanager
def shared(path: Path, *, patience_s: float) -> Iterator[None]:
    """Write to the store, beside others who do.

    Args:
        path: the table's folder.
        patience_s: how long to wait for an erasure to end.

    Raises:
        WritersPaused: it did not.
    """
    until_s = time.monotonic() + patience_s
    with _held(path / _LOCK) as lock:
        with _held(path / _GATE) as gate:
            _wait(gate, until_s, fcntl.LOCK_SH, _ERASURE)
            _wait(lock, until_s, fcntl.LOCK_SH, _ERASURE)
        yield


@contextmanager
def exclusive(path: Path, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Have the store for oneself: whoever writes is waited for, nobody new begins.

    Raises:
        WritersPaused: somebody who writes did not end: a process that is stopped, or a disk.
    """
    until_s = time.monotonic() + patience_s
    with _held(path / _GATE) as gate, _held(path / _LOCK) as lock:
        _wait(gate, until_s, fcntl.LOCK_EX, "another erasure is under way")
        _wait(lock, until_s, fcntl.LOCK_EX, "a writer does not end")
        yield


@contextmanager
def _held(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait(descriptor: int, until_s: float, kind: int, reason: str) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                raise WritersPaused(reason) from None
        time.sleep(_LOOK_S)
