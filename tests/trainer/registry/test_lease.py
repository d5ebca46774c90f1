"""The lease: one process at a time, whatever becomes of it."""

import os
import signal
from multiprocessing import get_context
from pathlib import Path

import pytest

from trainer.errors import LeaseLost
from trainer.registry.lease import is_held, seize, take


def hold(models: Path, ready) -> None:
    with take(models):
        ready.set()
        signal.pause()


@pytest.fixture
def holder(tmp_path):
    """Another process that has the lease."""
    context = get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(30)
    yield process
    process.kill()
    process.join()


def test_one_process_at_a_time_has_it_and_the_next_one_when_that_was_killed(tmp_path, holder):
    assert take(tmp_path) is None
    assert is_held(tmp_path)

    os.kill(holder.pid, signal.SIGKILL)
    holder.join()

    assert not is_held(tmp_path)
    with take(tmp_path) as lease:
        lease.check()


def test_it_is_free_where_nobody_ever_took_it_and_after_a_release(tmp_path):
    assert not is_held(tmp_path / "none")
    with take(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_one_that_is_seized_is_lost_to_its_holder_even_if_that_hangs(tmp_path):
    with take(tmp_path) as hanging, seize(tmp_path) as seized:
        seized.check()
        assert take(tmp_path) is None
        with pytest.raises(LeaseLost, match="--takeover"):
            hanging.check()

    assert not is_held(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["trainers.lock"]


def test_those_who_look_do_not_keep_it_from_the_one_who_takes_it(tmp_path):
    with (tmp_path / "trainers.lock").open("w"):
        for _ in range(50):
            assert not is_held(tmp_path)
            with take(tmp_path) as lease:
                lease.check()
