"""The store's clock: its file system's, by which the age of its files is measured.

The clock of a machine may be hours off (a wrong zone, a step, a file server with its own). Held
against it a file of this second is hours old, and clean-up would delete what was just stored.
"""

import os
from pathlib import Path

_PROBE = ".clock"


def now_s(table: Path) -> float:
    """Epoch seconds at which a file that is written now is dated.

    Args:
        table: the store's folder.

    Raises:
        OSError: the folder cannot be written.
    """
    descriptor = os.open(table / _PROBE, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, b"\n", 0)
        os.fsync(descriptor)  # a file server dates what it has been sent
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)


def now_ms(table: Path) -> int:
    """The same in whole milliseconds, as log entries have it; see `now_s`."""
    return int(now_s(table) * 1000)
