"""The maintenance process of a store: it keeps the store fast and small, beside the consumers.

There is one such process per store; a consumer starts and watches it (`maintenance.supervisor`).
Killed at any point, it leaves nothing lost or half done. A task that fails for a foreseen reason is
logged and tried again; the other tasks continue. Tasks that change files hold the lock of a writer
(`write_lock.shared`), so that an erasure can have the store alone.
"""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deltalake.exceptions import DeltaError

from consumer.dead_letters.alarm import AlarmLog
from consumer.dead_letters.forwarder import Forwarder
from consumer.errors import ConsumerError, StoreBusy, StoreUnusable
from consumer.kafka.members import MemberWatch
from consumer.logs import log_to_stderr
from consumer.maintenance import compaction, vacuum
from consumer.metrics import CLEAN_UP
from consumer.settings import ConsumerSettings
from consumer.table import delta, delta_log, write_lock
from consumer.telemetry.report import Alarms, Pipe, Ran, Tell

logger = logging.getLogger(__name__)

_NICE = 10
_AGAIN_S = 10.0
_PATIENCE_S = 60.0
_SETTINGS = 0  # stdin, not the command line: they may hold secrets
_REPORTS = 1


class StoreClock(NamedTuple):
    """The store's newest version (-1: none) and the monotonic time."""

    version: int
    now_s: float


@dataclass(frozen=True)
class MaintenanceTask:
    """A periodic task.

    Attributes:
        name: for the log.
        run: does it; returns at once where there is nothing to do.
        every_versions: due after that many versions of the store.
        every_s: due after that many seconds.
        first_s: due for the first time after that many seconds of this process.
    """

    name: str
    run: Callable[[], object]
    every_versions: float = math.inf
    every_s: float = math.inf
    first_s: float = 0.0

    def is_due(self, last: StoreClock | None, now: StoreClock, began_s: float) -> bool:
        """Whether it is due.

        Args:
            last: when it was done; None: not yet by this process.
            now: the present.
            began_s: when this process began, by the clock of `StoreClock`.
        """
        if last is None:
            return now.now_s - began_s >= self.first_s
        grown = now.version - last.version >= self.every_versions
        return grown or now.now_s - last.now_s >= self.every_s


class Schedule:
    """Decides which tasks are due, in their order.

    Args:
        tasks: in the order of their priority.
        began_s: when this process began, by the clock of `StoreClock`.
    """

    def __init__(self, tasks: Iterable[MaintenanceTask], began_s: float) -> None:
        self._tasks = list(tasks)
        self._began_s = began_s
        self._last: dict[str, StoreClock] = {}
        self._failed_s: dict[str, float] = {}

    def due(self, now: StoreClock) -> list[MaintenanceTask]:
        """Tasks to run now; a failed one waits some seconds before it is tried again."""
        return [
            task
            for task in self._tasks
            if now.now_s - self._failed_s.get(task.name, -_AGAIN_S) >= _AGAIN_S
            and (task.name in self._failed_s or self._is_due(task, now))
        ]

    def _is_due(self, task: MaintenanceTask, now: StoreClock) -> bool:
        return task.is_due(self._last.get(task.name), now, self._began_s)

    def done(self, task: MaintenanceTask, now: StoreClock) -> None:
        """A task has succeeded."""
        self._failed_s.pop(task.name, None)
        self._last[task.name] = now

    def failed(self, task: MaintenanceTask, now: StoreClock) -> None:
        """A task has failed."""
        self._failed_s[task.name] = now.now_s


@dataclass(frozen=True)
class Intervals:
    """How often each task runs; tests use shorter intervals."""

    look_s: float = 0.5
    checkpoint_every: int = delta.CHECKPOINT_EVERY
    compact_every: int = 200
    compact_first_s: float = 30.0
    clean_s: float = 60.0
    alarm_s: float = 20.0
    group_s: float = 20.0


INTERVALS = Intervals()


def tasks_for(
    settings: ConsumerSettings, intervals: Intervals, on_step: Callable[[str], None], tell: Tell
) -> list[MaintenanceTask]:
    """The tasks for a store, and for its dead letters.

    Args:
        settings: of the consumer.
        intervals: how often each task runs.
        on_step: called at each step, for tests that stop there.
        tell: receives the alarms.
    """
    alarms = AlarmLog(settings)

    def look_for_alarms() -> None:
        alarms.look()
        tell(Alarms(alarms.shares))

    found = _store_tasks(settings, intervals, on_step)
    # Also by time: a report is lost while the consumer does not read, and no other may follow.
    often = {"every_versions": 1, "every_s": intervals.alarm_s}
    found.append(MaintenanceTask("dead letter alarm", look_for_alarms, **often))
    members = MemberWatch(settings)
    found.append(MaintenanceTask("group", members.look, every_s=intervals.group_s))
    if settings.kafka_dead_letter_topic:
        forwarder = Forwarder(settings=settings, on_step=on_step)
        found.append(MaintenanceTask("dead letters", forwarder.run_once, every_s=0))
    return found


def _store_tasks(
    settings: ConsumerSettings, intervals: Intervals, on_step: Callable[[str], None]
) -> list[MaintenanceTask]:
    store, grace_s = settings.store, settings.upkeep_grace_s

    def write_checkpoint() -> None:
        with write_lock.shared(store, patience_s=_PATIENCE_S):
            delta.write_checkpoint_if_due(store, intervals.checkpoint_every)

    def compact() -> None:
        compaction.compact(store, on_step=on_step)

    def clean() -> None:
        with write_lock.shared(store, patience_s=_PATIENCE_S):
            vacuum.vacuum(store, grace_s=grace_s)
            vacuum.clean_log(store)

    # Consumers that have just started have a backlog to read, and need the processor and the disk.
    first_s = intervals.compact_first_s
    return [
        MaintenanceTask("compaction", compact, intervals.compact_every, first_s=first_s),
        # Due by the distance to the last checkpoint, of any process: so look more often.
        MaintenanceTask(
            "checkpoint", write_checkpoint, every_versions=intervals.checkpoint_every // 10
        ),
        MaintenanceTask(
            CLEAN_UP, clean, every_versions=intervals.compact_every, every_s=intervals.clean_s
        ),
    ]


def at_once(settings: ConsumerSettings) -> None:
    """Run all tasks of the store itself now, beside its maintenance process.

    Raises:
        StoreBusy: an erasure has the store alone.
        StoreUnusable: the folder cannot be written.
        StoreDamaged: the store cannot be read.
    """
    tasks = _store_tasks(settings, Intervals(checkpoint_every=1), lambda _step: None)
    try:
        for task in tasks:
            task.run()
    except write_lock.WritersPaused as error:
        raise StoreBusy(settings.store, error) from None
    except OSError as error:
        raise StoreUnusable(settings.store, error) from None


def keep(
    store: Path,
    tasks: Sequence[MaintenanceTask],
    look_s: float,
    *,
    on_step: Callable[[str], None],
    tell: Tell = lambda _report: None,
) -> None:
    """Run due tasks until the process ends.

    Args:
        store: its folder.
        tasks: in the order of their priority.
        look_s: how often to look what is due.
        on_step: called with the name of each task before it runs.
        tell: receives how each ended.
    """
    schedule = Schedule(tasks, _clock(store).now_s)
    while True:
        for task in schedule.due(_clock(store)):
            on_step(task.name)
            tell(Ran(task.name, _do(task, schedule, store)))
        time.sleep(look_s)


def _do(task: MaintenanceTask, schedule: Schedule, store: Path) -> bool:
    began = _clock(store)
    try:
        task.run()
    except (DeltaError, OSError, ConsumerError) as error:
        schedule.failed(task, _clock(store))
        logger.warning("Maintenance of %s failed (%s), trying again: %s", store, task.name, error)
        return False
    # By the version before it: what was committed while it ran, it may not have seen.
    schedule.done(task, StoreClock(began.version, _clock(store).now_s))
    return True


def _clock(store: Path) -> StoreClock:
    there = delta_log.versions(store)
    return StoreClock(there[-1] if there else -1, time.monotonic())


def main(
    intervals: Intervals = INTERVALS, *, on_step: Callable[[str], None] = lambda _step: None
) -> None:
    """The process. Its settings come as one line on stdin, which closes when the owner ends.

    On stdout it reports to the owner, see `consumer.telemetry.report`.

    Args:
        intervals: how often each task runs.
        on_step: called at the begin of each task, at ``compacting`` (files written) and
            ``compacted`` (committed); tests kill the process there.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner handles Ctrl-C
    os.nice(_NICE)
    # Unbuffered: a buffer would read on in the pipe that `_end_with_owner` waits on.
    with os.fdopen(os.dup(_SETTINGS), "rb", buffering=0) as pipe:
        line = pipe.readline()
    if not line:
        return  # the owner has ended already
    settings = ConsumerSettings.model_validate_json(line)
    log_to_stderr(settings)
    threading.Thread(target=_end_with_owner, name="owner", daemon=True).start()
    tell = Pipe(_REPORTS).tell
    tasks = tasks_for(settings, intervals, on_step, tell)
    keep(settings.store, tasks, intervals.look_s, on_step=on_step, tell=tell)


def _end_with_owner() -> None:
    while os.read(_SETTINGS, 1):
        pass
    # Without a clean exit, which would wait for a running task: each may be killed at any point.
    os._exit(0)


if __name__ == "__main__":
    main()
