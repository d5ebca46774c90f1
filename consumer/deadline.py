"""A time limit for a loop that waits or retries."""

import time


class Deadline:
    """The end of a time limit, by a monotonic clock.

    Args:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left; 0 once it is over."""
        return max(0.0, self._end_s - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return not self.left_s
