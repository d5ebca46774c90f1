"""Stopping on SIGTERM or SIGINT: the first one asks for it, the second ends the process at once."""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Self

from consumer.deadline import Deadline

logger = logging.getLogger(__name__)

LEAST_S = 0.5
"""What is always left for one step of stopping."""

_LOOK_S = 0.05
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Shutdown:
    """Whether a signal came; a context manager that handles signals while it lasts.

    Args:
        within_s: seconds for stopping; soon after that the process ends, whatever it does.
        on_wait: called whenever a loop waits here: it turns.
    """

    def __init__(
        self, within_s: float = math.inf, on_wait: Callable[[], None] = lambda: None
    ) -> None:
        self._within_s = within_s
        self._on_wait = on_wait
        self._deadline: Deadline | None = None
        # Nothing is lost then: a commit is whole or not, and what is not stored is read again.
        self._last_resort = threading.Timer(within_s + LEAST_S, os._exit, (0,))
        self._last_resort.daemon = True

    def __enter__(self) -> Self:
        self._before = {each: signal.signal(each, self._note) for each in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._last_resort.cancel()
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def is_set(self) -> bool:
        """Whether a signal came."""
        return self._deadline is not None

    def wait(self, seconds: float) -> bool:
        """Sleep for that long, or until a signal comes; returns whether one did."""
        self._on_wait()
        deadline = Deadline(seconds)
        # A handler does not end a sleep, and an event that it set could be locked by who waits.
        while not self.is_set() and not deadline.is_over:
            time.sleep(min(_LOOK_S, deadline.left_s))
        return self.is_set()

    def left_s(self) -> float:
        """Seconds left for stopping; all of them before a signal came."""
        return max(LEAST_S, self._deadline.left_s if self._deadline else self._within_s)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        # No lock is taken here: the code that the signal interrupts may hold it.
        self._deadline = Deadline(self._within_s)
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        if self._within_s < math.inf:
            self._last_resort.start()
        logger.info("Stopping on %s", signal.Signals(number).name)
