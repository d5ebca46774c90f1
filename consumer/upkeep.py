"""The housekeeping process of a store: what keeps it quick and small, beside the consumers.

Words used here:
    duty: something to do again and again, with how often.
    moment: the store's newest version and the time, what a duty's turn is judged by.

There is one such process per store; a consumer starts it and watches it (``housekeeper``).
Whatever it is doing when it is killed, nothing of the store is lost or half done. A duty that
fails for a foreseen reason is told of and tried again; the others go on. What changes files does
so as a writer does (``writers.shared``), so an erasure has the store for itself.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deltalake.exceptions import DeltaError

from consumer import checkpoint, cleaning, compaction, log, writers
from consumer.errors import ConsumerError, StoreBusy, StoreUnusable
from consumer.forwarder import Forwarder
from consumer.settings import ConsumerSettings

logger = logging.getLogger(__name__)

_NICE = 10
_AGAIN_S = 10.0
_PATIENCE_S = 60.0
_SETTINGS = 0  # the descriptor that they come by: not the command line, they may hold secrets


class Moment(NamedTuple):
    """The store's newest version (-1: none) and the monotonic time."""

    version: int
    now_s: float


@dataclass(frozen=True)
class Duty:
    """Something to do again and again.

    Attributes:
        name: for the log.
        run: does it; returns soon where there is nothing to do.
        every_versions: due after so many versions of the store; None: not because of them.
        every_s: due after so many seconds; None: not because of time.
    """

    name: str
    run: Callable[[], object]
    every_versions: int | None = None
    every_s: float | None = None

    def is_due(self, last: Moment | None, now: Moment) -> bool:
        """Whether it is its turn; ``last``: when it was done, None: not yet by this process."""
        if last is None:
            return True
        versions, seconds = now.version - last.version, now.now_s - last.now_s
        enough = self.every_versions is not None and versions >= self.every_versions
        return enough or (self.every_s is not None and seconds >= self.every_s)


class Schedule:
    """Which duties are due, in their order."""

    def __init__(self, duties: Iterable[Duty]) -> None:
        self._duties = list(duties)
        self._last: dict[str, Moment] = {}
        self._failed_s: dict[str, float] = {}

    def due(self, now: Moment) -> list[Duty]:
        """Those to be done now; one that failed not before some seconds are over."""
        return [
            duty
            for duty in self._duties
            if now.now_s - self._failed_s.get(duty.name, -_AGAIN_S) >= _AGAIN_S
            and (duty.name in self._failed_s or duty.is_due(self._last.get(duty.name), now))
        ]

    def done(self, duty: Duty, now: Moment) -> None:
        """It was done."""
        self._failed_s.pop(duty.name, None)
        self._last[duty.name] = now

    def failed(self, duty: Duty, now: Moment) -> None:
        """It could not be done."""
        self._failed_s[duty.name] = now.now_s


@dataclass(frozen=True)
class Pace:
    """How often what is done; tests are in a hurry."""

    look_s: float = 0.5
    checkpoint_every: int = checkpoint.EVERY
    compact_every: int = 200
    clean_s: float = 60.0


PACE = Pace()


def duties(settings: ConsumerSettings, pace: Pace, on_step: Callable[[str], None]) -> list[Duty]:
    """What is done for a store, and for those who wait for its dead letters."""
    made = _of_the_store(settings, pace, on_step)
    if settings.kafka_dead_letter_topic:
        forwarder = Forwarder(settings=settings, on_step=on_step)
        made.append(Duty("dead letters", forwarder.run_once, every_s=0))
    return made


def _of_the_store(
    settings: ConsumerSettings, pace: Pace, on_step: Callable[[str], None]
) -> list[Duty]:
    store, grace_s = settings.store, settings.upkeep_grace_s

    def write_checkpoint() -> None:
        with writers.shared(store, patience_s=_PATIENCE_S):
            checkpoint.write_if_due(store, pace.checkpoint_every)

    def compact() -> None:
        compaction.compact(store, on_step=on_step)

    def clean() -> None:
        with writers.shared(store, patience_s=_PATIENCE_S):
            cleaning.vacuum(store, grace_s=grace_s)
            cleaning.clean_log(store)

    return [
        Duty("compaction", compact, every_versions=pace.compact_every),
        # It counts from the last checkpoint, whoever wrote it: look oftener than it is due.
        Duty("checkpoint", write_checkpoint, every_versions=pace.checkpoint_every // 10),
        Duty("clean-up", clean, every_versions=pace.compact_every, every_s=pace.clean_s),
    ]


def at_once(settings: ConsumerSettings) -> None:
    """Do all that the store itself needs now, beside the process whose turn it is later.

    Raises:
        StoreBusy: an erasure has the store for itself.
        StoreUnusable: the folder cannot be written.
        StoreDamaged: the store cannot be read.
    """
    tasks = _of_the_store(settings, Pace(checkpoint_every=1), _nothing)
    try:
        for duty in tasks:
            duty.run()
    except writers.WritersPaused as error:
        raise StoreBusy(settings.store, error) from None
    except OSError as error:
        raise StoreUnusable(settings.store, error) from None


def _nothing(_step: str) -> None:
    pass


def keep(
    store: Path, tasks: Sequence[Duty], look_s: float, *, on_step: Callable[[str], None]
) -> None:
    """Do what is due, until the process ends."""
    schedule = Schedule(tasks)
    while True:
        for duty in schedule.due(_moment(store)):
            on_step(duty.name)
            _do(duty, schedule, store)
        time.sleep(look_s)


def _do(duty: Duty, schedule: Schedule, store: Path) -> None:
    try:
        duty.run()
    except (DeltaError, OSError, ConsumerError) as error:
        schedule.failed(duty, _moment(store))
        logger.warning("Upkeep of %s failed (%s), trying again: %s", store, duty.name, error)
    else:
        schedule.done(duty, _moment(store))


def _moment(store: Path) -> Moment:
    there = log.versions(store)
    return Moment(there[-1] if there else -1, time.monotonic())


def main(pace: Pace = PACE, *, on_step: Callable[[str], None] = _nothing) -> None:
    """The process: settings come as one line on stdin, whose end is the end of the owner.

    Args:
        pace: how often what is done.
        on_step: told of each duty as it begins, and of ``compacting`` (files written) and
            ``compacted`` (committed); tests kill the process there.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the owner's to answer
    os.nice(_NICE)
    with os.fdopen(os.dup(_SETTINGS), "rb", buffering=0) as pipe:
        said = pipe.readline()
    if not said:
        return  # the owner is gone already
    settings = ConsumerSettings.model_validate_json(said)
    threading.Thread(target=_end_with_owner, name="owner", daemon=True).start()
    tasks = duties(settings, pace, on_step)
    keep(settings.store, tasks, pace.look_s, on_step=on_step)


def _end_with_owner() -> None:
    while os.read(_SETTINGS, 1):
        pass
    os._exit(0)


def log_to_stderr() -> None:
    """What goes wrong, beside the owner's own lines."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )


if __name__ == "__main__":
    log_to_stderr()
    main()
