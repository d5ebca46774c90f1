"""Seats of the group: held as long as their process lives, and by one process only."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from consumer import seats
from support.records import until

GROUP = seats.Group("cluster", "group", "gigs", seats.machine())
_HOLD = """
import sys, time
from pathlib import Path
from consumer import seats
print(seats.take(Path(sys.argv[1]), seats.Group(*sys.argv[2:])).name, flush=True)
time.sleep(60)
"""


class Holder:
    """Another process on a seat."""

    def __init__(self, store: Path, group: seats.Group = GROUP) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(store), *group], stdout=subprocess.PIPE, text=True
        )
        self.name = self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def hold():
    """Starts processes that sit; none outlives the test."""
    holders: list[Holder] = []

    def start(*args) -> Holder:
        holders.append(Holder(*args))
        return holders[-1]

    yield start
    for holder in holders:
        holder.kill()


def vacant(store: Path, group: seats.Group = GROUP) -> list[str]:
    found = list(seats.vacant(store, group))
    for seat in found:
        seat.let_go()
    return [seat.name for seat in found]


def test_a_seat_is_vacant_once_its_process_was_killed_and_not_while_it_is_stopped(tmp_path, hold):
    holder = hold(tmp_path)

    assert vacant(tmp_path) == []
    holder.process.send_signal(signal.SIGSTOP)
    assert vacant(tmp_path) == []
    holder.kill()
    assert vacant(tmp_path) == [holder.name]


def test_a_new_member_takes_the_seat_of_a_dead_one_and_no_other(tmp_path, hold):
    dead, alive = hold(tmp_path), hold(tmp_path)
    dead.kill()

    assert hold(tmp_path).name == dead.name
    assert hold(tmp_path).name not in {dead.name, alive.name}


@pytest.mark.parametrize("field", seats.Group._fields)
def test_the_dead_of_another_cluster_group_topic_or_machine_are_left_alone(tmp_path, hold, field):
    other = GROUP._replace(**{field: "another"})
    dead = hold(tmp_path, other)
    dead.kill()

    assert vacant(tmp_path) == []
    assert hold(tmp_path).name != dead.name
    assert vacant(tmp_path, other) == [dead.name]


def test_a_seat_given_up_is_gone(tmp_path):
    seats.take(tmp_path, GROUP).give_up()

    assert vacant(tmp_path) == []


def test_a_dead_member_is_vacated_once_by_two_watchmen(tmp_path, hold):
    names = []

    def vacate(name: str) -> bool:
        names.append(name)
        time.sleep(0.1)
        return True

    dead = hold(tmp_path)
    mine = seats.take(tmp_path, GROUP)
    with seats.Watchman(tmp_path, GROUP, vacate), seats.Watchman(tmp_path, GROUP, vacate):
        dead.kill()
        until(lambda: names)
        time.sleep(5 * seats.LOOK_S)

    assert names == [dead.name]
    mine.give_up()
