"""The thread that keeps the live model up to date, and how it fares."""

import logging
import time

from consumer.errors import ConsumerError
from trainer.errors import TrainerError
from web.live.earlier import Earlier
from web.live.model import LiveModel
from web.live.worker import Worker
from web.metrics import Meters

logger = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""How long following may fail, or take, before the process reports itself unhealthy."""


class Follower(Worker):
    """Calls `LiveModel.follow` while the context lasts.

    Args:
        live: the model.
        earlier: models of earlier generations, of which one that is not asked for is freed.
        interval_s: between two looks.
        meters: take how far it has come.
    """

    def __init__(
        self, live: LiveModel, earlier: Earlier, interval_s: float, meters: Meters
    ) -> None:
        super().__init__("follower")
        self._live, self._earlier = live, earlier
        self._interval_s = interval_s
        self._meters = meters
        self._good_s = time.monotonic()
        self._problem: str | None = None

    def problem(self) -> str | None:
        """Why the answers are not up to date; None: they are, or have not been for long."""
        behind_s = time.monotonic() - self._good_s
        if not self.is_alive:
            return "the follower of the store has ended; see the log, and start the process again"
        # The first look reads the whole store, which may take minutes: while it gets on it is well.
        gets_on = self._problem is None and self._live.silent_s < PATIENCE_S
        if behind_s < PATIENCE_S or gets_on:
            return None
        cause = self._problem or "one look takes that long"
        return f"the store was last followed {behind_s:.0f} s ago: {cause}"

    def run(self) -> None:
        """Follow the model, look by look."""
        while not self.stop.wait(self._interval_s):
            self._earlier.rest(time.monotonic())
            # Any other error ends the thread: `problem` tells that, and health checks fail.
            try:
                self._live.follow(time.monotonic())
            except (ConsumerError, TrainerError, OSError) as error:
                self._note(str(error))
            else:
                self._good_s, self._problem = time.monotonic(), None
                self._meters.followed(self._live.followed)

    def _note(self, problem: str) -> None:
        # The same problem is logged once, not twenty times a second.
        if problem != self._problem:
            logger.warning("%s; trying again.", problem)
        self._problem = problem
