"""A trainer's hold on its one refit process: its job, its end, and the pause after a death."""

import math
import time
from collections.abc import Callable
from ctypes import c_longlong
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from consumer.table.reader_marks import Mark
from trainer.errors import RefitFailed
from trainer.live import refit
from trainer.live.following import Following
from trainer.live.job import Job
from trainer.metrics import Meters
from trainer.settings import TrainerSettings

LONGEST_PAUSE_S = 300.0
"""After a refit process that died: 1 s, twice as long after each further one, and no longer."""


OUTCOMES: dict[int | None, str] = {
    0: "staged",
    refit.REFUSED: "refused",
    refit.UNREACHABLE: "unreachable",
    refit.GONE: "outdated",
}
"""What an exit code means, for the metrics."""


class Ended(NamedTuple):
    """A refit process that is over."""

    job: Job
    code: int | None
    """Its exit code; None: not known."""


class RefitProcess:
    """At most one runs at a time.

    Args:
        settings: of the trainer.
        registry: its id.
        token: of the writer.
        configure: sets up logging there; must be picklable.
        meters: of the trainer.
    """

    def __init__(
        self,
        settings: TrainerSettings,
        registry: str,
        token: int,
        configure: Callable[[], None],
        meters: Meters,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._token = token
        self._configure = configure
        self._meters = meters
        self._began_s, self._sent = 0.0, c_longlong()
        self._process: BaseProcess | None = None
        self._mark: Mark | None = None  # what it reads must stay until it is done
        self._deaths = 0  # in a row
        self._pause_until_s = -math.inf
        self.job: Job | None = None
        """What it is asked to do; None: none runs."""

    @property
    def is_running(self) -> bool:
        """Whether there is one whose end was not taken."""
        return self._process is not None

    def is_pausing(self, now_s: float) -> bool:
        """Whether one died so recently that the next one waits; `now_s` of a monotonic clock."""
        return now_s < self._pause_until_s

    def job_for(self, following: Following, number: int, artifact: Path) -> Job:
        """A job for a generation.

        Args:
            following: what is settled.
            number: of the generation.
            artifact: where the model is, or will be.
        """
        return Job(
            settings=self._settings,
            store_version=following.version or 0,
            generation=number,
            registry=self._registry,
            token=self._token,
            staged=following.step(0),
            artifact=artifact,
        )

    def start(self, job: Job) -> None:
        """Begin one."""
        self.job, self._began_s = job, time.monotonic()
        self._mark = Mark(job.settings.store, job.store_version)
        self._process, self._sent = refit.start(job, self._configure)

    def take_end(self) -> Ended | None:
        """What was asked for and how it ended, once; None where none has ended."""
        if self._process is None or self.job is None or self._process.is_alive():
            return None
        ended = Ended(self.job, self._process.exitcode)
        self._count(OUTCOMES.get(ended.code, "failed"))
        self._forget()
        if ended.code == 0:
            self._deaths = 0
        return ended

    def pause(self, code: int | None, now_s: float) -> None:
        """Let the next one wait, longer after each that died.

        Raises:
            RefitFailed: always, with that exit code and the pause.
        """
        pause_s = min(2.0**self._deaths, LONGEST_PAUSE_S)
        self._deaths += 1
        self._pause_until_s = now_s + pause_s
        raise RefitFailed(
            f"the refit process ended with exit code {code} ({self._deaths} in a row; its log says "
            f"why); trying again in {pause_s:.0f} s"
        )

    def abandon(self) -> None:
        """End it, if one runs, and forget what it was asked."""
        if self.is_running:
            self._count("abandoned")
        self.stop()
        self._forget()

    def stop(self) -> None:
        """End it, if one runs."""
        if self._process:
            self._process.kill()
            self._process.join()

    def _count(self, outcome: str) -> None:
        self._meters.refit(outcome, time.monotonic() - self._began_s, self._sent.value)

    def _forget(self) -> None:
        self._process = self._mark = self.job = None
