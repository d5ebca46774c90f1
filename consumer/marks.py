"""Marks: how far each reader of the store has read, so that nothing goes that it still needs.

Words used here:
    mark: a small file in ``_readers``, locked by its reader while that lives, holding a version:
        the reader needs all that came after it, and the table as it was then.
    void: no longer locked; its reader is gone, however it went.

Reading needs no mark. A reader that may not write here has none, and reads anew where it fell
too far behind. Nobody waits for the lock of a mark; it only tells who lives.
"""

import fcntl
import os
import uuid
import weakref
from contextlib import suppress
from pathlib import Path

_FOLDER = "_readers"
_DIGITS = 20
_ALL = 0
_ATTEMPTS = 5


class Mark:
    """A reader's own; gone when it is, or when ``close`` is called.

    Args:
        path: the table's folder; without a table in it no mark is made.
        version: what has been read; 0 keeps everything, until ``move``.
    """

    def __init__(self, path: Path, version: int = _ALL) -> None:
        self._descriptor: int | None = None
        made = _made(path / _FOLDER, version)
        if made is not None:
            self._descriptor, file = made
            self._end = weakref.finalize(self, _remove, self._descriptor, file)

    def move(self, version: int) -> None:
        """So far it has read now."""
        if self._descriptor is not None:
            os.pwrite(self._descriptor, _text(version), 0)

    def close(self) -> None:
        """It reads no more."""
        if self._descriptor is not None:
            self._descriptor = None
            self._end()


def living(path: Path) -> list[int]:
    """Versions of the marks of all readers that live, ascending; void marks are removed."""
    try:
        files = list((path / _FOLDER).iterdir())
    except FileNotFoundError:
        return []
    return sorted(version for file in files if (version := _version(file)) is not None)


def _made(folder: Path, version: int) -> tuple[int, Path] | None:
    for _ in range(_ATTEMPTS):
        file = folder / uuid.uuid4().hex
        try:
            if folder.parent.exists():
                folder.mkdir(exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        except OSError:
            return None  # not ours to write, or no store: read without
        os.pwrite(descriptor, _text(version), 0)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if file.exists():  # else it was taken for void before it was locked
            return descriptor, file
        os.close(descriptor)
    return None


def _version(file: Path) -> int | None:
    with suppress(OSError):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            if not _is_locked(descriptor):
                file.unlink()
                return None
            return int(os.pread(descriptor, _DIGITS, 0) or _ALL)
        finally:
            os.close(descriptor)
    return None


def _is_locked(descriptor: int) -> bool:
    try:
        # A shared lock for a moment; two that look at once are no readers to each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _remove(descriptor: int, file: Path) -> None:
    with suppress(OSError):
        file.unlink()
    os.close(descriptor)


def _text(version: int) -> bytes:
    return f"{version:0{_DIGITS}}".encode()
