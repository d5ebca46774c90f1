"""A quarantined source counts nowhere, as if it had sent nothing; released, all is as it was."""

import os
import random
import time

import pytest

from support.processes.installation import Installation, event, season
from support.processes.running import stop, until
from support.processes.training import Training
from support.servers.redis import RedisServer

SOURCE = "spambox"
LATER_MS = 1_740_000_000_000
OUT_S = float(os.environ.get("GIGSTREAM_TEST_OUT_S", "200"))
"""How soon a large source is out of all lists; 30 where nothing else runs."""


def spam(n: int = 60) -> list:
    """New artists at a new venue, regulars there too, and a cancellation of a gig of its own."""
    said = [event(3000 + k, f"new-{k}", "spam-hall", source=SOURCE) for k in range(n)]
    said += [event(3500 + k, f"artist-{k}", "spam-hall", source=SOURCE) for k in range(30)]
    return [*said, event(3500, "artist-0", "spam-hall", source=SOURCE, status="cancelled")]


def known(lists: dict) -> set[str]:
    """Every id that has a list or stands in one."""
    own = {name for view in lists.values() for name in view}
    return own | {each for view in lists.values() for ids, *_ in view.values() for each in ids}


def is_clean(installation) -> bool:
    return not [name for name in known(installation.lists()) if name.startswith(("spam", "new-"))]


@pytest.fixture
def without(tmp_path, kafka, redis_server, prefix) -> dict:
    """The lists of an installation that the source never reached."""
    with Installation(tmp_path / "other", kafka, redis_server, f"{prefix}-other") as other:
        other.commands.start("consume")
        other.send(*season())
        other.stored(400)
        assert other.commands.json("train", "--once")["generation"]
        return other.lists()


def test_lists_are_as_without_a_quarantined_source_and_identical_once_it_is_released(
    installation, without
):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(), *spam())
    installation.stored(491)
    trainer = commands.start("train")
    until(installation.generation)
    whole = installation.lists()
    assert "spam-hall" in known(whole)

    unasked = commands.run("source", "quarantine", SOURCE)
    assert unasked.returncode == 2
    assert "touches 91 statements of 90 gigs, 89 plays that count" in unasked.stderr
    assert "add --yes" in unasked.stderr
    done = commands.json("source", "quarantine", SOURCE, "--yes")
    assert (done["state"], done["changed"], done["statements"]) == ("quarantined", True, 91)
    until(lambda: installation.lists() == without)
    assert installation.status()["plays"] == 400
    assert installation.status()["events"] == 491
    assert not commands.json("source", "quarantine", SOURCE, "--yes")["changed"]

    # What it sends from now on does not count either, nor after a restart.
    installation.send(event(3001, "new-1", "spam-hall", source=SOURCE, time_ms=LATER_MS))
    installation.stored(492)
    assert stop(trainer) == 0
    commands.start("train")
    time.sleep(2)
    assert installation.lists() == without
    (row,) = [each for each in commands.json("source", "list")["sources"] if each["gigs"] == 0]
    assert (row["source"], row["state"], row["statements"]) == (SOURCE, "quarantined", 92)
    checked = commands.run("verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert commands.run("store", "compact").returncode == 0

    installation.send(event(3001, "new-1", "spam-hall", source=SOURCE, version=1))
    installation.stored(493)
    assert commands.json("source", "release", SOURCE)["state"] == "counts"
    until(lambda: installation.lists().keys() == whole.keys() and _same(installation, whole))
    assert installation.status()["plays"] == 489
    assert commands.run("verify").returncode == 0


def _same(installation, whole: dict) -> bool:
    return installation.lists() == whole


def test_a_quarantine_from_a_moment_on_takes_back_what_was_said_since(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(300), event(900, "artist-3", "old-hall", source=SOURCE))
    installation.stored(301)
    commands.start("train")
    until(installation.generation)
    before = installation.lists()
    time.sleep(1.1)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    installation.send(
        event(900, "artist-3", "old-hall", source=SOURCE, status="cancelled", time_ms=LATER_MS),
        *spam(),
    )
    until(lambda: "spam-hall" in known(installation.lists()))
    until(lambda: "old-hall" not in known(installation.lists()))

    done = commands.json("source", "quarantine", SOURCE, "--since", moment, "--yes")

    assert done["since"] == moment
    until(lambda: installation.lists() == before)


def test_with_every_source_quarantined_no_list_is_left_and_one_is_made_again(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(300))
    installation.stored(300)
    trainer = commands.start("train")
    until(installation.generation)
    whole = installation.lists()

    commands.json("source", "quarantine", "default", "--yes")
    until(lambda: not installation.client.keys(f"{installation.prefix}:artist*"))
    assert commands.run("artist", "artist-1").returncode != 0
    time.sleep(2)
    assert trainer.poll() is None
    commands.json("source", "release", "default")
    until(lambda: installation.generation() and installation.lists() == whole)


def test_a_trainer_that_starts_later_and_a_single_fit_leave_the_source_out(installation):
    """More than half of the lists go, as a person wished: they are not held back."""
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(300), *spam())
    installation.stored(391)
    assert commands.json("train", "--once")["generation"]
    before = installation.lists()
    commands.json("source", "quarantine", SOURCE, "--yes")

    assert commands.json("train", "--once")["generation"]
    assert is_clean(installation)
    without = installation.lists()
    assert len(without["artist"]) < len(before["artist"]) / 2
    commands.json("source", "release", SOURCE)
    assert installation.lists() == without
    trainer = commands.start("train")
    until(lambda: installation.lists() == before)
    assert stop(trainer) == 0


def test_an_unknown_source_and_an_impossible_one_are_refused(installation):
    commands = installation.commands
    for name, said in (
        ("Spambox", "nothing of a source 'Spambox' is stored"),
        ("", "source: '' is empty"),
        ("x" * 300, "send a string of 1 to 256"),
    ):
        for deed in ("quarantine", "release"):
            refused = commands.run("source", deed, name)
            assert refused.returncode == 2
            assert said in refused.stderr
    assert commands.json("source", "list")["sources"] == []


@pytest.mark.timeout(3 * OUT_S)
def test_a_source_with_100_000_gigs_is_out_of_all_lists(tmp_path, prefix):
    draw = random.Random(1)
    with RedisServer() as redis, Training(tmp_path / "home", redis, prefix) as training:
        training.season(artists=20_000)
        training.flood(
            "flood",
            *((f"f{n}", f"artist-{draw.randrange(40_000)}", "hall") for n in range(100_000)),
        )
        training.start()
        until(training.generation, OUT_S)
        assert len(training.lists("artist")) > 30_000

        began = time.monotonic()
        training.commands.json("source", "quarantine", "flood", "--yes")
        until(lambda: _halls(training) == 0, OUT_S, every_s=0.5)
        took_s = time.monotonic() - began

        assert len(training.lists("artist")) == 20_000
        print(f"out of all lists after {took_s:.1f} s")


def _halls(training: Training) -> int:
    """How many lists show the hall."""
    return sum(
        b'"hall"' in value
        for view in ("artist", "artist:returns")
        for value in training.client.hvals(f"{training.prefix}:{view}")
    )
