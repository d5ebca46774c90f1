"""What was folded in, in one line of the log a minute."""

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

EVERY_S = 60.0


class FoldInLog:
    """Sums up fold-ins.

    Args:
        now_s: a monotonic clock, in seconds.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._since_s: float | None = None
        self._fold_ins = self._artists = self._venues = self._mates = 0

    def add(self, artists: int, venues: int, mates: int) -> None:
        """Count a fold-in.

        Args:
            artists: rows that were solved.
            venues: rows that were solved.
            mates: bill-mates whose lists followed.
        """
        logger.debug("Folded in %d artists, %d venues, %d bill-mates", artists, venues, mates)
        self._fold_ins += 1
        self._artists += artists
        self._venues += venues
        self._mates += mates
        # From the first fold-in on, so that a quiet hour is not averaged over.
        if self._since_s is None:
            self._since_s = self._now_s()

    def look(self) -> None:
        """Log what a minute folded in; a minute in which nothing changed is silent."""
        if self._since_s is not None and self._now_s() - self._since_s >= EVERY_S:
            self.end()

    def end(self) -> None:
        """Log what was not logged yet."""
        if self._since_s is None:
            return
        logger.info(
            "Folded in %d artists, %d venues and %d bill-mates in %d fold-ins within %.0f s",
            *(self._artists, self._venues, self._mates, self._fold_ins),
            self._now_s() - self._since_s,
        )
        self._since_s = None
        self._fold_ins = self._artists = self._venues = self._mates = 0
