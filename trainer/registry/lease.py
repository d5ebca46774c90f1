"""The right to train in one folder `models/`: one process has it at a time.

It is a lock on `models/trainers.lock`, which the kernel releases however its holder ends. A holder
that hangs is replaced by force: a new file takes the old one's name, so that the old holder's lock
is worth nothing. When it wakes, it finds that out by `Lease.check`; until then its token is too
old for Redis and for the registry.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

from consumer.table import durable
from trainer.errors import LeaseLost

FILE = "trainers.lock"

_ATTEMPTS = 5
_PAUSE_S = 0.05


@dataclass(frozen=True)
class Lease:
    """Held until it is released, or until the process ends."""

    path: Path
    file: TextIO

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.file.close()

    def check(self) -> None:
        """See that no other process took it by force.

        Raises:
            LeaseLost: one did.
        """
        if not self.is_current():
            raise LeaseLost(
                "another trainer took this one's place: this one stops; start it again with "
                "--takeover if it is the one to keep"
            )

    def is_current(self) -> bool:
        """Whether the file that we locked still has its name."""
        try:
            return os.path.samestat(os.fstat(self.file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False


def take(models: Path) -> Lease | None:
    """The lease on a folder; None while another process has it.

    Tries for a moment, as `is_held` locks the file too.
    """
    models.mkdir(parents=True, exist_ok=True)
    for _ in range(_ATTEMPTS):
        lease = _attempt(models / FILE)
        if lease is not None:
            return lease
        time.sleep(_PAUSE_S)
    return None


def _attempt(path: Path) -> Lease | None:
    lease = Lease(path, path.open("a"))
    # The name is checked after the lock: it may have been seized between open and lock.
    if durable.try_lock(lease.file.fileno()) and lease.is_current():
        return lease
    lease.file.close()
    return None


def seize(models: Path) -> Lease:
    """The lease on a folder, taken from its holder if there is one."""
    models.mkdir(parents=True, exist_ok=True)
    path = models / FILE
    draft = path.with_suffix(f".{os.getpid()}")
    # Locked before it takes the name: at no instant is the name free to lock for others.
    lease = Lease(path, draft.open("w"))
    durable.try_lock(lease.file.fileno())
    draft.replace(path)
    return lease


def is_held(models: Path) -> bool:
    """Whether a process has the lease on a folder."""
    try:
        with (models / FILE).open("a") as file:  # closing it releases the lock at once
            return not durable.try_lock(file.fileno(), shared=True)
    except FileNotFoundError:
        return False
