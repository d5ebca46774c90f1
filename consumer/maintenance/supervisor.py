"""Starts, watches and ends the maintenance process of a store, from a consumer.

There is one such process per store: the consumer that holds the lock on ``.upkeep.lock`` runs it.
The process inherits the lock, so it is free only when both are gone. The process ends with its
owner, however that ends; then another consumer gets the lock and starts its own. A process that
ends by itself is logged and started again, after a longer pause each time. The consumer continues
whatever happens to it.
"""

import io
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Self

import msgspec

from consumer.settings import ConsumerSettings
from consumer.table import durable
from consumer.telemetry.report import Tell, decode

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often a consumer tries the lock, and looks whether its process lives."""

PROGRAM = (sys.executable, "-m", "consumer.maintain")

_LOCK = ".upkeep.lock"
_MOST_S = 60.0
_END_S = 1.0

Process = subprocess.Popen[bytes]


def pause_s(failures: int) -> float:
    """Seconds before the next start, after that many failures in a row: 1, 2, 4 ... 60."""
    return min(_MOST_S, 2.0 ** min(failures - 1, 10))


class Supervisor:
    """Keeps one maintenance process running, from a thread; a context manager.

    Args:
        settings: passed to the process.
        program: what is started; it reads the settings from its stdin, see ``consumer.maintain``.
        on_lock: called once this consumer is the one that maintains the store.
        tell: receives what the process reports, in a thread.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        program: Sequence[str] = PROGRAM,
        *,
        on_lock: Callable[[], None] = lambda: None,
        tell: Tell = lambda _report: None,
    ) -> None:
        self._settings = settings
        self._program = program
        self._on_lock = on_lock
        self._tell = tell
        self._stop = threading.Event()
        self._lock: int | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_END_S)

    def _run(self) -> None:
        failures = 0
        while not self._stop.wait(LOOK_S if failures == 0 else pause_s(failures)):
            if self._lock is None:
                self._lock = _try_lock(self._settings.store)
                if self._lock is not None:
                    self._on_lock()
            if self._lock is not None:
                began_s = time.monotonic()
                self._watch(self._lock)
                # A process that ran for a minute was healthy: start again without a long pause.
                failures = 1 if time.monotonic() - began_s > _MOST_S else failures + 1
        if self._lock is not None:
            os.close(self._lock)

    def _watch(self, lock: int) -> None:
        """Start a process and wait for its end, or ours."""
        try:
            process = self._started(lock)
        except OSError as error:
            logger.warning("Maintenance of the store does not start, trying again: %s", error)
            return
        while process.poll() is None and not self._stop.wait(LOOK_S / 4):
            pass
        if process.returncode is None:
            _end(process)
        elif not self._stop.is_set():
            logger.warning(
                "Maintenance of the store ended (%d), starting it again soon", process.returncode
            )
        _close(process)

    def _started(self, lock: int) -> Process:
        process = subprocess.Popen(
            self._program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            # The child inherits the lock: it stays taken until both processes have ended.
            pass_fds=[lock],
        )
        logger.debug("Maintenance of the store runs as process %d", process.pid)
        listen = partial(_listen, process.stdout, self._tell)
        threading.Thread(target=listen, name="maintenance-reports", daemon=True).start()
        if process.stdin:
            with suppress(BrokenPipeError):  # it ended at once, as `_watch` will see
                process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
        return process


def _listen(reports: IO[bytes] | None, tell: Tell) -> None:
    """Pass reports on until the process ends."""
    if not isinstance(reports, io.RawIOBase):
        return
    # Buffered: the raw pipe reads a line byte by byte.
    with io.BufferedReader(reports) as lines:
        for line in lines:
            # Another program may print what it likes.
            with suppress(msgspec.DecodeError):
                tell(decode(line))


def _try_lock(store: Path) -> int | None:
    """The lock; None where another process has it, or there is no store."""
    try:
        descriptor = os.open(store / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        logger.debug("No lock for maintenance: %s", error)
        return None
    if durable.try_lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _end(process: Process) -> None:
    # The end of its stdin tells it to stop; a running task is not waited for.
    _close(process)
    try:
        process.wait(_END_S / 2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close(process: Process) -> None:
    if process.stdin:
        process.stdin.close()
