"""Counts what is settled now and then, so that `status` need not."""

import logging
import time
from pathlib import Path

from trainer.live.following import Following
from trainer.metrics import Meters
from trainer.registry import counts

logger = logging.getLogger(__name__)

QUIET_S = 0.2
"""What was stated just now is folded in first."""
PATIENCE_S = 5.0
"""How long a stream without a pause is waited for."""
SHARE = 0.02
"""Of its time that a trainer may count."""


class Counting:
    """Writes the counts of what a trainer has settled, after it has changed.

    Args:
        following: what is settled.
        models: the folder of the file.
    """

    def __init__(self, following: Following, models: Path) -> None:
        self._following = following
        self._models = models
        self._counted: int | None = None  # the version of the store
        self._next_s = 0.0

    @property
    def meters(self) -> Meters:
        """Of the trainer."""
        return self._following.meters

    def look(self, now_s: float) -> None:
        """Count if it is time; `now_s` is of the clock of `Following.listen`."""
        following = self._following
        if following.version == self._counted or now_s < self._next_s:
            return
        pause_s = now_s - following.last_change_s
        if pause_s < QUIET_S and now_s - self._next_s < PATIENCE_S:
            return
        began_s = time.monotonic()
        self.count()
        # Relative to what it takes: a large store is counted less often.
        self._next_s = now_s + (time.monotonic() - began_s) / SHARE

    def count(self) -> None:
        """Count now, unless that was done since anything was stored."""
        following = self._following
        version, extent = following.version, following.extent
        if version is None or extent is None or version == self._counted:
            return
        self._counted = version
        now_ms = time.time_ns() // 1_000_000
        found = counts.count(following.interactions, extent, version, now_ms)
        try:
            counts.save(self._models, found)
        except OSError as error:  # only `status` reads it
            logger.warning("%s cannot be written: %s", counts.FILE, error)
