"""Reader marks: how far each reader of the store has read, so that clean-up keeps what it needs.

Words used here:
    mark: a small file in ``_readers``, locked by its reader while that lives, holding a version:
        the reader needs all entries after it, and the table as it was at that version.
    void: no longer locked; its reader has ended.

Reading needs no mark. A reader that may not write here has none, and starts again from the whole
table where it fell too far behind. No process waits for the lock of a mark.
"""

import os
import uuid
import weakref
from contextlib import suppress
from pathlib import Path

from consumer.table import durable

_FOLDER = "_readers"
_DIGITS = 20
_ALL = 0
_ATTEMPTS = 5


class Mark:
    """One reader's mark; deleted with this object, or by ``close``.

    Args:
        path: the table's folder; without a table in it no mark is made.
        version: what has been read; 0 keeps everything, until ``move``.
    """

    def __init__(self, path: Path, version: int = _ALL) -> None:
        self._descriptor: int | None = None
        created = _create(path / _FOLDER, version)
        if created is not None:
            self._descriptor, file = created
            self._end = weakref.finalize(self, _remove, self._descriptor, file)

    def move(self, version: int) -> None:
        """The reader has read up to this version."""
        if self._descriptor is not None:
            os.pwrite(self._descriptor, _text(version), 0)

    def close(self) -> None:
        """The reader has ended."""
        if self._descriptor is not None:
            self._descriptor = None
            self._end()


def living(path: Path) -> list[int]:
    """Versions of the marks of all living readers, ascending; void marks are removed."""
    files = list((path / _FOLDER).glob("*"))
    return sorted(version for file in files if (version := _version(file)) is not None)


def _create(folder: Path, version: int) -> tuple[int, Path] | None:
    for _ in range(_ATTEMPTS):
        file = folder / uuid.uuid4().hex
        try:
            if folder.parent.exists():
                folder.mkdir(exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        except OSError:
            return None  # no right to write here, or no store: read without a mark
        # A version of fixed width: clean-up never reads half of an old and half of a new one.
        os.pwrite(descriptor, _text(version), 0)
        durable.lock(descriptor)
        if file.exists():  # otherwise it was removed as void before it was locked
            return descriptor, file
        os.close(descriptor)
    return None


def _version(file: Path) -> int | None:
    with suppress(OSError):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            # Shared: two processes that look at once must not take each other for the reader.
            if durable.try_lock(descriptor, shared=True):
                file.unlink()
                return None
            return int(os.pread(descriptor, _DIGITS, 0) or _ALL)
        finally:
            os.close(descriptor)
    return None


def _remove(descriptor: int, file: Path) -> None:
    with suppress(OSError):
        file.unlink()
    os.close(descriptor)


def _text(version: int) -> bytes:
    return f"{version:0{_DIGITS}}".encode()
