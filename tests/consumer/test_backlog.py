"""What an embedded broker holds is bounded by what the store has taken."""

from consumer.backlog import LIMIT_BYTES, Backlog

HALF = LIMIT_BYTES // 2


def backlog():
    return Backlog({0: "p0", 1: "p1"})


def test_what_is_queued_may_all_go_to_one_partition():
    held = backlog()
    held.queued(HALF)
    held.queued(HALF)
    assert not held.full

    held.queued(1)
    assert held.full


def test_partitions_are_full_each_for_itself():
    held = backlog()
    for partition in (0, 1):
        held.queued(LIMIT_BYTES)
        held.delivered(partition, 0, LIMIT_BYTES)
    assert not held.full

    held.queued(1)
    assert held.full


def test_what_the_store_took_makes_room():
    held = backlog()
    for offset in (0, 1, 2):
        held.queued(LIMIT_BYTES)
        held.delivered(0, offset, LIMIT_BYTES)
    assert held.full

    assert held.stored({"p0": 2})
    assert not held.full
    assert not held.stored({"p0": 2, "p1": 9})


def test_of_a_partition_that_the_store_does_not_know_nothing_is_stored():
    held = backlog()
    held.queued(HALF)
    held.delivered(0, 0, HALF)

    assert not held.stored({"other": 5})
