"""The lock that gives an erasure exclusive access to the store.

Words used here:
    shared: held by every process that adds or rewrites files, from the first file until its log
        entry is on the disk. Any number of processes at once.
    exclusive: held by an erasure while it replaces files and deletes what held the id.
    gate: a lock passed on the way to the other one. Without it a stream of appends, each begun
        before the last one ends, would keep an erasure waiting for ever.

The kernel releases both when a process dies, however it dies.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.deadline import Deadline
from consumer.table import durable

PATIENCE_S = 20.0
"""How long an erasure waits for writers: less than an append waits for an erasure."""

_LOCK = ".writers.lock"
_GATE = ".writers.gate"
_LOOK_S = 0.005
_ERASURE = "an erasure has exclusive access to the store"


class WritersPaused(OSError):
    """The lock could not be had within the time that the caller would wait."""


@contextmanager
def shared(path: Path, *, patience_s: float) -> Iterator[None]:
    """Write to the store, beside other writers.

    Args:
        path: the table's folder.
        patience_s: how long to wait for an erasure to end.

    Raises:
        WritersPaused: it did not.
    """
    deadline = Deadline(patience_s)
    # The gate is passed and released, the lock is kept: an erasure that holds the gate waits only
    # for writers that were there before it.
    with durable.lock_file(path / _LOCK) as lock:
        with durable.lock_file(path / _GATE) as gate:
            _wait(gate, deadline, _ERASURE, shared=True)
            _wait(lock, deadline, _ERASURE, shared=True)
        yield


@contextmanager
def exclusive(path: Path, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Have the store alone: wait for running writers, and let no new one begin.

    Raises:
        WritersPaused: a writer did not end: its process is stopped, or its disk hangs.
    """
    deadline = Deadline(patience_s)
    # The gate first: it keeps new writers out while the running ones are waited for.
    with durable.lock_file(path / _GATE) as gate, durable.lock_file(path / _LOCK) as lock:
        _wait(gate, deadline, "another erasure is under way", shared=False)
        _wait(lock, deadline, "a writer does not end", shared=False)
        yield


def _wait(descriptor: int, deadline: Deadline, reason: str, *, shared: bool) -> None:
    while not durable.try_lock(descriptor, shared=shared):
        if deadline.is_over:
            raise WritersPaused(reason)
        time.sleep(_LOOK_S)
