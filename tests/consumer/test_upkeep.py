"""Duties come in their turn, and one that fails does not keep the others from theirs."""

import itertools
import subprocess
import sys

import pytest

from consumer import upkeep
from consumer.errors import StoreDamaged
from consumer.settings import ConsumerSettings
from consumer.store import Store
from consumer.upkeep import Duty, Moment, Schedule, keep


def duty(name="d", **how_often) -> Duty:
    return Duty(name, lambda: None, **how_often)


@pytest.mark.parametrize(
    ("how_often", "last", "now", "due"),
    [
        ({"every_versions": 10}, None, (0, 0), True),
        ({"every_versions": 10}, (5, 0), (14, 99), False),
        ({"every_versions": 10}, (5, 0), (15, 0), True),
        ({"every_s": 2.0}, (0, 7), (99, 8.9), False),
        ({"every_s": 2.0}, (0, 7), (0, 9), True),
        ({"every_versions": 10, "every_s": 2.0}, (0, 7), (3, 9), True),
        ({"every_versions": 10, "every_s": 2.0}, (0, 7), (10, 7), True),
    ],
)
def test_a_duty_is_due_after_versions_or_seconds(how_often, last, now, due):
    assert duty(**how_often).is_due(last and Moment(*last), Moment(*now)) is due


def test_duties_are_done_in_their_order_and_then_wait_for_their_turn():
    first, second = duty("first", every_versions=2), duty("second", every_versions=3)
    schedule = Schedule([first, second])
    start = Moment(0, 0.0)
    assert schedule.due(start) == [first, second]

    for each in (first, second):
        schedule.done(each, start)

    assert schedule.due(Moment(1, 1.0)) == []
    assert schedule.due(Moment(2, 2.0)) == [first]
    assert schedule.due(Moment(3, 3.0)) == [first, second]


def test_a_duty_that_failed_is_tried_again_after_a_pause_however_rare_it_is():
    rare = duty(every_versions=1000)
    schedule = Schedule([rare])
    schedule.done(rare, Moment(0, 0.0))
    schedule.failed(rare, Moment(1000, 50.0))

    assert schedule.due(Moment(2000, 59.0)) == []
    assert schedule.due(Moment(2000, 60.0)) == [rare]

    schedule.done(rare, Moment(2000, 60.0))
    assert schedule.due(Moment(2999, 99.0)) == []


class _Enough(BaseException):
    """Ends the endless loop."""


@pytest.mark.parametrize("fault", [OSError("disk full"), StoreDamaged("s", "torn")])
def test_a_duty_that_fails_is_told_of_and_the_others_go_on(tmp_path, monkeypatch, caplog, fault):
    turns, steps = itertools.count(), []

    def fail() -> None:
        raise fault

    def count() -> None:
        if next(turns) == 2:
            raise _Enough

    monkeypatch.setattr(upkeep, "_AGAIN_S", 0.0)
    tasks = [Duty("bad", fail, every_s=0), Duty("good", count, every_s=0)]
    with pytest.raises(_Enough):
        keep(tmp_path, tasks, 0.0, on_step=steps.append)

    assert steps == ["bad", "good"] * 3
    assert len([said for said in caplog.messages if "failed (bad), trying again" in said]) == 3


def housekeeping(tmp_path, said: bytes) -> subprocess.CompletedProcess[bytes]:
    Store.open(tmp_path / "store")
    command = [sys.executable, "-m", "consumer.upkeep"]
    return subprocess.run(command, input=said, capture_output=True, timeout=60, check=False)


def test_the_process_ends_with_its_owner(tmp_path):
    settings = ConsumerSettings(home=tmp_path).model_dump_json()

    assert housekeeping(tmp_path, f"{settings}\n".encode()).returncode == 0
    assert housekeeping(tmp_path, b"").returncode == 0
