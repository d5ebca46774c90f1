"""The heartbeat of a loop, and what the loop waits for: alive, and ready."""

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

LIMIT_S = 10.0
"""A loop that has not turned for longer counts as frozen."""

Thing = TypeVar("Thing")


class Answer(NamedTuple):
    """What a probe is answered."""

    ok: bool
    text: str


def health(since_s: float) -> Answer:
    """Whether a loop lives.

    Args:
        since_s: seconds since its last beat.
    """
    if since_s > LIMIT_S:
        return Answer(ok=False, text=f"the loop has not turned for {since_s:.0f} s")
    return Answer(ok=True, text="ok")


class Pulse:
    """Written by the loop, read by the server's threads.

    Args:
        now_s: a monotonic clock, in seconds.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._last_s = now_s()
        # Replaced as a whole: another thread reads it.
        self._waits: frozenset[str] = frozenset()

    def beat(self) -> None:
        """The loop has turned."""
        self._last_s = self._now_s()

    def through(self, thing: Thing) -> Thing:
        """Beat, and pass this on: one step of a long turn is done."""
        self.beat()
        return thing

    def asked(self, question: Callable[[], bool]) -> Callable[[], bool]:
        """The same question, with a beat each time that a waiting loop asks it."""
        return lambda: self.through(question())

    def wait_for(self, *what: str) -> None:
        """The loop waits for this: it is alive, and not ready."""
        self._waits |= {*what}

    def got(self, what: str) -> None:
        """It does not wait for this any more."""
        self._waits -= {what}

    def age_s(self) -> float:
        """Seconds since the loop last turned."""
        return self._now_s() - self._last_s

    def health(self) -> Answer:
        """Whether the loop lives, also while it waits for a server."""
        return health(self.age_s())

    def readiness(self) -> Answer:
        """Whether it lives and waits for nothing."""
        alive, waits = self.health(), sorted(self._waits)
        if alive.ok and waits:
            return Answer(ok=False, text=f"waiting for {', '.join(waits)}")
        return alive
