"""Tasks run in their turn, and one that fails does not keep the others from running."""

import itertools
import subprocess
import sys

import pytest

from consumer import maintain
from consumer.errors import StoreDamaged
from consumer.ingest import rows
from consumer.maintain import MaintenanceTask, Schedule, StoreClock, keep
from consumer.settings import ConsumerSettings
from consumer.store.writer import Span, Store
from consumer.table import delta_log
from support.data.records import message


def task(name="d", **how_often) -> MaintenanceTask:
    return MaintenanceTask(name, lambda: None, **how_often)


@pytest.mark.parametrize(
    ("how_often", "last", "now", "due"),
    [
        ({"every_versions": 10}, None, (0, 3), True),
        ({"every_versions": 10, "first_s": 30}, None, (99, 32), False),
        ({"every_versions": 10, "first_s": 30}, None, (0, 33), True),
        ({"every_versions": 10, "first_s": 30}, (5, 4), (15, 5), True),
        ({"every_versions": 10}, (5, 0), (14, 99), False),
        ({"every_versions": 10}, (5, 0), (15, 0), True),
        ({"every_s": 2.0}, (0, 7), (99, 8.9), False),
        ({"every_s": 2.0}, (0, 7), (0, 9), True),
        ({"every_versions": 10, "every_s": 2.0}, (0, 7), (3, 9), True),
        ({"every_versions": 10, "every_s": 2.0}, (0, 7), (10, 7), True),
    ],
)
def test_a_task_is_due_after_versions_or_seconds(how_often, last, now, due):
    done = last and StoreClock(*last)
    assert task(**how_often).is_due(done, StoreClock(*now), began_s=3.0) is due


def test_tasks_are_done_in_their_order_and_then_wait_for_their_turn():
    first, second = task("first", every_versions=2), task("second", every_versions=3)
    schedule = Schedule([first, second], 0.0)
    start = StoreClock(0, 0.0)
    assert schedule.due(start) == [first, second]

    for each in (first, second):
        schedule.done(each, start)

    assert schedule.due(StoreClock(1, 1.0)) == []
    assert schedule.due(StoreClock(2, 2.0)) == [first]
    assert schedule.due(StoreClock(3, 3.0)) == [first, second]


def test_a_task_that_failed_is_tried_again_after_a_pause_however_rare_it_is():
    rare = task(every_versions=1000)
    schedule = Schedule([rare], 0.0)
    schedule.done(rare, StoreClock(0, 0.0))
    schedule.failed(rare, StoreClock(1000, 50.0))

    assert schedule.due(StoreClock(2000, 59.0)) == []
    assert schedule.due(StoreClock(2000, 60.0)) == [rare]

    schedule.done(rare, StoreClock(2000, 60.0))
    assert schedule.due(StoreClock(2999, 99.0)) == []


class _Enough(BaseException):
    """Ends the endless loop."""


@pytest.mark.parametrize("fault", [OSError("disk full"), StoreDamaged("s", "torn")])
def test_a_task_that_fails_is_logged_and_the_others_continue(tmp_path, monkeypatch, caplog, fault):
    turns, steps = itertools.count(), []

    def fail() -> None:
        raise fault

    def count() -> None:
        if next(turns) == 2:
            raise _Enough

    monkeypatch.setattr(maintain, "_AGAIN_S", 0.0)
    tasks = [MaintenanceTask("bad", fail, every_s=0), MaintenanceTask("good", count, every_s=0)]
    with pytest.raises(_Enough):
        keep(tmp_path, tasks, 0.0, on_step=steps.append)

    assert steps == ["bad", "good"] * 3
    assert len([said for said in caplog.messages if "failed (bad), trying again" in said]) == 3


def test_what_is_committed_while_a_task_runs_makes_it_due_again(tmp_path):
    """The last of many dead letters may be stored while the alarm looks: nothing follows it."""
    seen, store = [], Store.open(tmp_path)

    def look() -> None:
        seen.append(delta_log.versions(tmp_path)[-1])
        if len(seen) == 1:
            letters = rows.table([message(0, b"bad")], topic_id="T")
            store.append(letters, {"c/T/0": Span(None, 1)})

    turns = itertools.count()

    def count() -> None:
        if next(turns) == 3:
            raise _Enough

    tasks = [
        MaintenanceTask("alarm", look, every_versions=1),
        MaintenanceTask("count", count, every_s=0),
    ]
    with pytest.raises(_Enough):
        keep(tmp_path, tasks, 0.0, on_step=lambda _step: None)

    assert seen == [0, 1]


def maintenance(tmp_path, said: bytes) -> subprocess.CompletedProcess[bytes]:
    Store.open(tmp_path / "store")
    command = [sys.executable, "-m", "consumer.maintain"]
    return subprocess.run(command, input=said, capture_output=True, timeout=60, check=False)


def test_the_process_ends_with_its_owner(tmp_path):
    settings = ConsumerSettings(home=tmp_path).model_dump_json()

    assert maintenance(tmp_path, f"{settings}\n".encode()).returncode == 0
    assert maintenance(tmp_path, b"").returncode == 0
