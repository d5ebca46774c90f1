"""`local.json`: how other commands find the servers of a running `gigstream up`.

The stack holds a lock on the file for as long as it lives, so the file of one that was killed
is told from a living one's even where its process number was given out again.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from gigstream.errors import WrongUse

FILE = "local.json"
_ATTEMPTS = 5
_PAUSE_S = 0.02


def running_stack(home: Path) -> dict[str, Any]:
    """The settings of the local stack that runs in this home; empty where none does."""
    try:
        with (home / FILE).open("rb") as file:
            if not _locked(file.fileno()):
                return {}
            known = json.load(file)
    except (OSError, ValueError):
        return {}
    known.pop("pid", None)
    return dict(known)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


@contextmanager
def only_stack(home: Path) -> Iterator[Any]:
    """Holds the home's lock; yields a function that announces the stack's settings.

    Raises:
        WrongUse: Another stack runs in this home, or it cannot be written.
    """
    with _opened(home) as file:
        if not _taken(file.fileno()):
            raise WrongUse(f"a local stack runs in {home} already; stop it, or set GIGSTREAM_HOME")

        def announce(**settings: str | int) -> None:
            file.seek(0)
            file.truncate()
            json.dump({"pid": os.getpid(), **settings}, file)
            file.flush()

        file.truncate(0)
        try:
            yield announce
        finally:
            with suppress(FileNotFoundError):
                (home / FILE).unlink()


def _taken(fd: int) -> bool:
    """Takes the lock; waits a little, since those who look for the stack hold it for a moment."""
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _opened(home: Path) -> TextIO:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return (home / FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise WrongUse(
            f"{home} cannot hold the local stack ({error.strerror}); set GIGSTREAM_HOME",
        ) from None
