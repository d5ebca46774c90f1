"""Ids and their rows."""

import sys
from threading import Barrier, Thread

import pytest

from trainer.plays.ids import Ids

NAMES = [f"artist-{number}" for number in range(2000)]


@pytest.fixture
def impatient():
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("impatient")
def test_two_threads_may_ask_for_the_ids_at_once():
    # A snapshot is written in one while plays are taken from the same ids in another.
    for _ in range(200):
        ids = Ids(NAMES)
        asked_by_two(ids)
        assert ids.ids == NAMES


def asked_by_two(ids: Ids) -> None:
    together = Barrier(2)
    threads = [Thread(target=lambda: (together.wait(), ids.ids)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
