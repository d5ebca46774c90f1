"""Files that must survive a power cut, and locks that a dead process cannot keep."""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.deadline import Deadline

_PAUSE_S = 0.01


def sync(paths: Iterable[Path]) -> None:
    """Flush these files and folders to the disk; a folder holds the names of its files."""
    for path in paths:
        # Read-only is enough for fsync, and the only way to open a folder.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft to write; at the end it takes the place of `path`, whole or not at all."""
    # In the same folder, since a rename is atomic within one file system only.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield draft
        # The content before the name: else a power cut leaves the name with an empty file.
        sync([draft])
        draft.replace(path)
        sync([path.parent])
    finally:
        draft.unlink(missing_ok=True)


def write(path: Path, content: bytes) -> None:
    """Replace a file by this content, whole or not at all."""
    with replacing(path) as draft:
        draft.write_bytes(content)


@contextmanager
def lock_file(path: Path) -> Iterator[int]:
    """The descriptor of a file that exists to be locked; closing it releases the lock."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "rb+", buffering=0) as file:
        yield file.fileno()


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file without waiting; false where another process holds the lock.

    The kernel releases the lock when the descriptor is closed or the process dies.
    """
    try:
        # flock, not lockf: a child process inherits it, and closing another descriptor of the same
        # file does not release it.
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_within(descriptor: int, seconds: float) -> bool:
    """Lock an open file; false where another process holds the lock for longer than that."""
    deadline = Deadline(seconds)
    while not try_lock(descriptor):
        if deadline.is_over:
            return False
        time.sleep(_PAUSE_S)
    return True


def lock(descriptor: int, *, shared: bool = False) -> None:
    """Lock an open file, waiting as long as it takes."""
    fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
