"""The short form of ``make chaos``: fifteen kills, and every control."""

import pytest

from chaos.controls import control
from chaos.full_disk import FREE_KB, on_a_full_disk, survived
from chaos.stage import QUICK, Stage
from chaos.unguarded import GUARDS
from support.servers.kafka import KafkaBroker


def test_fifteen_killed_consumers_a_dead_broker_and_a_torn_log_lose_and_double_nothing(
    tmp_path, redis_server
):
    with KafkaBroker(own=True) as kafka:
        stage = Stage("short", [kafka], kafka.create_topic(4), QUICK, pause=6)
        outcome = stage.run(tmp_path, redis_server, kills=15, seed=20)

    assert outcome.wrong == []
    assert (outcome.recount.lost, outcome.recount.doubled) == ([], [])
    assert outcome.kills >= 15
    assert outcome.recount.records > 100
    assert outcome.counts["broker"] == outcome.counts["torn"] == 1


@pytest.mark.parametrize("guard", GUARDS)
def test_without_this_guard_events_are_lost_or_doubled_and_the_recount_sees_it(
    kafka, tmp_path, guard
):
    found = control(kafka, tmp_path, guard, removed=True)

    assert len(found.lost) + len(found.doubled) > 0


@pytest.mark.parametrize("free_kb", FREE_KB)
def test_a_full_disk_ends_it_in_one_line_with_nothing_half_stored(kafka, tmp_path, free_kb):
    told = on_a_full_disk(kafka, tmp_path, free_kb=free_kb)

    assert survived(told), told
