"""Seats of the group: held as long as their process lives, and by one process only."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from consumer.kafka import static_members
from support.data.records import until

GROUP = static_members.Group("cluster", "group", "gigs", static_members.machine())
_HOLD = """
import sys, time
from pathlib import Path
from consumer.kafka import static_members
group = static_members.Group(*sys.argv[2:])
print(static_members.claim(Path(sys.argv[1]), group).name, flush=True)
time.sleep(60)
"""


class Holder:
    """Another process that is a member."""

    def __init__(self, store: Path, group: static_members.Group = GROUP) -> None:
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


def dead_names(store: Path, group: static_members.Group = GROUP) -> list[str]:
    found = list(static_members.dead_members(store, group))
    for member in found:
        member.release()
    return [member.name for member in found]


def test_a_member_is_dead_once_its_process_was_killed_and_not_while_it_is_stopped(tmp_path, hold):
    holder = hold(tmp_path)

    assert dead_names(tmp_path) == []
    holder.process.send_signal(signal.SIGSTOP)
    assert dead_names(tmp_path) == []
    holder.kill()
    assert dead_names(tmp_path) == [holder.name]


def test_a_new_member_takes_the_name_of_a_dead_one_and_no_other(tmp_path, hold):
    dead, alive = hold(tmp_path), hold(tmp_path)
    dead.kill()

    assert hold(tmp_path).name == dead.name
    assert hold(tmp_path).name not in {dead.name, alive.name}


@pytest.mark.parametrize("field", static_members.Group._fields)
def test_the_dead_of_another_cluster_group_topic_or_machine_are_left_alone(tmp_path, hold, field):
    other = GROUP._replace(**{field: "another"})
    dead = hold(tmp_path, other)
    dead.kill()

    assert dead_names(tmp_path) == []
    assert hold(tmp_path).name != dead.name
    assert dead_names(tmp_path, other) == [dead.name]


def test_a_removed_member_is_gone(tmp_path):
    static_members.claim(tmp_path, GROUP).remove()

    assert dead_names(tmp_path) == []


def test_a_dead_member_is_evicted_once_by_two_evictors(tmp_path, hold):
    names = []

    def evict(name: str) -> bool:
        names.append(name)
        time.sleep(0.1)
        return True

    dead = hold(tmp_path)
    mine = static_members.claim(tmp_path, GROUP)
    with (
        static_members.Evictor(tmp_path, GROUP, evict),
        static_members.Evictor(tmp_path, GROUP, evict),
    ):
        dead.kill()
        until(lambda: names)
        time.sleep(5 * static_members.LOOK_S)

    assert names == [dead.name]
    mine.remove()
