"""kill -9 of the trainer in mid-publish, of the consumer in mid-batch: as if nothing had been."""

import signal

import pytest

from support.processes.installation import Installation, season
from support.processes.running import until

KILLED = -signal.SIGKILL


@pytest.fixture
def clean(tmp_path, kafka, redis_server, prefix):
    """The lists and totals of an undisturbed run."""
    with Installation(tmp_path / "clean", kafka, redis_server, f"{prefix}-clean") as run:
        run.commands.start("consume")
        run.send(*season())
        totals = run.stored(400)
        run.commands.json("train", "--once", timeout_s=60)
        return totals, run.lists()


def test_after_kills_of_both_processes_counts_and_lists_equal_a_clean_run(
    installation, clean, tmp_path
):
    totals, lists = clean
    commands = installation.commands
    installation.send(*season())
    for step in ("fetched", "before_commit", "after_commit"):
        killed = commands.start("consume", step, program="support.processes.killed")
        assert killed.wait(60) == KILLED, commands.logs()
    commands.start("consume")
    for step in ("staged", "committed"):
        killed = commands.start("train", step, program="support.processes.killed")
        assert killed.wait(60) == KILLED, commands.logs()
    trainer = commands.start("train")
    until(lambda: installation.stored(400)["generation"])
    trainer.terminate()
    trainer.wait(10)

    status = installation.stored(400)
    keys = ("events", "plays", "artists", "venues", "pairs", "cancelled", "dead_letters")
    assert {key: status[key] for key in keys} == {key: totals[key] for key in keys}
    assert installation.lists_of_once(tmp_path / "copy") == lists


def test_a_trainer_killed_in_mid_publish_leaves_the_live_lists_whole(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(200))
    installation.stored(200)
    commands_once = commands.json("train", "--once", timeout_s=60)

    installation.send(*season(400)[200:])
    installation.stored(400)
    killed = commands.start("train", "staged", program="support.processes.killed")

    assert killed.wait(60) == KILLED, commands.logs()
    assert commands_once["generation"] == installation.generation()
    verified = commands.run("verify", "lists")
    assert verified.returncode == 0, verified.stderr
