"""`local.json`: tells other commands where the servers of a running `gigstream up` are.

The stack holds an exclusive lock on the file while it runs. An unlocked file was left by a stack
that was killed; a process id would not show this, since the system reuses it.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from consumer.table import durable
from gigstream.errors import WrongUse

FILE = "local.json"
_ATTEMPTS = 5
_PAUSE_S = 0.02


def running_stack(home: Path) -> dict[str, Any]:
    """Settings of the local stack that runs in this home; empty if none does."""
    try:
        with (home / FILE).open("rb") as file:
            if durable.try_lock(file.fileno(), shared=True):
                return {}
            known = json.load(file)
    except (OSError, ValueError):
        return {}
    # For people who look into the file; it is not a setting.
    known.pop("pid", None)
    return dict(known)


@contextmanager
def only_stack(home: Path) -> Iterator[Any]:
    """Hold the home's lock; yield a function that writes the stack's settings to the file.

    Raises:
        WrongUse: Another stack runs in this home, or the folder is not writable.
    """
    with _opened(home) as file:
        if not _taken(file.fileno()):
            raise WrongUse(f"a local stack runs in {home} already; stop it, or set GIGSTREAM_HOME")

        def announce(**settings: str | int) -> None:
            # In place: a rename would leave the lock on the old file.
            file.seek(0)
            file.truncate()
            json.dump({"pid": os.getpid(), **settings}, file)
            file.flush()

        # What a killed stack left must not be read before this one announces itself.
        file.truncate(0)
        try:
            yield announce
        finally:
            with suppress(FileNotFoundError):
                (home / FILE).unlink()


def _taken(fd: int) -> bool:
    """Take the lock. Retries, since `running_stack` of another process holds it for a moment."""
    for _ in range(_ATTEMPTS):
        if durable.try_lock(fd):
            return True
        time.sleep(_PAUSE_S)
    return False


def _opened(home: Path) -> TextIO:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return (home / FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise WrongUse(
            f"{home} cannot hold the local stack ({error.strerror}); set GIGSTREAM_HOME"
        ) from None
