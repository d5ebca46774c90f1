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

_LOCK = ".writers.lock"
_GATE = ".writers.gate"
_LOOK_S = 0.005


class WritersPaused(OSError):
    """An erasure has the store for itself, for longer than the caller would wait."""


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
            _wait(gate, until_s)
            _wait(lock, until_s)
        yield


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Have the store for oneself: whoever writes is waited for, nobody new begins."""
    with _held(path / _GATE) as gate, _held(path / _LOCK) as lock:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _held(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait(descriptor: int, until_s: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                raise WritersPaused("an erasure has the store for itself") from None
        time.sleep(_LOOK_S)
