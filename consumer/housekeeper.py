"""A consumer's hold on the store's housekeeping process: it starts one, watches it, ends it.

One process per store: who holds the lock on ``.upkeep.lock`` has it. The lock goes to the process
too, so it is free only when both are gone. That process ends when its owner does, however that
ends; then another consumer gets the lock and starts its own. A process that ends by itself is
told of and started again, later each time. The consumer goes on whatever happens to it.
"""

import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer.settings import ConsumerSettings

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often a consumer looks whether the lock is free, and how its process is."""

PROGRAM = (sys.executable, "-m", "consumer.upkeep")

_LOCK = ".upkeep.lock"
_MOST_S = 60.0
_END_S = 1.0

Process = subprocess.Popen[bytes]


def pause_s(failures: int) -> float:
    """How long to wait before the next start, after so many ends in a row: 1, 2, 4 ... 60 s."""
    return min(_MOST_S, 2.0 ** min(failures - 1, 10))


class Housekeeper:
    """Looks after one housekeeping process, from a thread; a context manager.

    Args:
        settings: handed to the process.
        program: what is started; it reads the settings from its stdin, see ``upkeep.main``.
    """

    def __init__(self, settings: ConsumerSettings, program: Sequence[str] = PROGRAM) -> None:
        self._settings = settings
        self._program = program
        self._stop = threading.Event()
        self._lock: int | None = None
        self._thread = threading.Thread(target=self._look, name="housekeeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(_END_S)

    def _look(self) -> None:
        failures = 0
        while not self._stop.wait(LOOK_S if failures == 0 else pause_s(failures)):
            if self._lock is None:
                self._lock = _taken(self._settings.store)
            if self._lock is not None:
                began_s = time.monotonic()
                self._watch(self._lock)
                failures = 1 if time.monotonic() - began_s > _MOST_S else failures + 1
        if self._lock is not None:
            os.close(self._lock)

    def _watch(self, lock: int) -> None:
        """Start a process and stay with it to its end, or ours."""
        try:
            process = self._started(lock)
        except OSError as error:
            logger.warning("Housekeeping of the store does not start, trying again: %s", error)
            return
        while process.poll() is None and not self._stop.wait(LOOK_S / 4):
            pass
        if process.returncode is None:
            _end(process)
        elif not self._stop.is_set():
            logger.warning("Housekeeping of the store ended (%d), again soon", process.returncode)
        _close(process)

    def _started(self, lock: int) -> Process:
        process = subprocess.Popen(
            self._program,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=[lock],
        )
        logger.debug("Housekeeping of the store runs as process %d", process.pid)
        if process.stdin:
            with suppress(BrokenPipeError):  # it ended at once, which the watch will see
                process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
        return process


def _taken(store: Path) -> int | None:
    """The lock, None where another has it or there is no store to lock."""
    try:
        descriptor = os.open(store / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        logger.debug("No lock for housekeeping: %s", error)
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _end(process: Process) -> None:
    # It hears of the end of its stdin; a duty under way is not waited for.
    _close(process)
    try:
        process.wait(_END_S / 2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close(process: Process) -> None:
    if process.stdin:
        process.stdin.close()
