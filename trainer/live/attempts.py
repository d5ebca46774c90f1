"""Fits that began by themselves: none begins twice for the same statements, or soon after a no."""

import math

LONGEST_REST_S = 3600.0
"""How long no fit begins by itself after one that was refused or held."""


class Attempts:
    """What was tried last. Times are of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._events = -1
        self._rest_until_s = -math.inf

    def note(self, events: int) -> None:
        """A fit begins, of this number of statements."""
        self._events = events

    def forget(self, *, rested: bool = False) -> None:
        """Let the next fit begin without anything new; with `rested`, also after a refusal."""
        self._events = -1
        if rested:
            self._rest_until_s = -math.inf

    def rest(self, now_s: float, interval_s: float) -> None:
        """One was refused or held: the next one would find the same.

        Args:
            now_s: the time.
            interval_s: between two refits, as the settings have it.
        """
        self._rest_until_s = now_s + min(interval_s, LONGEST_REST_S)

    def is_tried(self, events: int) -> bool:
        """Whether a fit began of this number of statements."""
        return events == self._events

    def is_resting(self, now_s: float) -> bool:
        """Whether one was refused or held a short while ago."""
        return now_s < self._rest_until_s
