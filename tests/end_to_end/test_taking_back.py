"""What a person decided is taken back: merges, hidden ids, imports; lists follow both ways."""

import os
import subprocess
import sys
import time

import pytest

from support.processes.installation import Installation, event, season
from support.processes.running import stop, until

CLOSED = "venue-1"
SHOP = "import:shop"
GIGS = 400
LATER_MS = 1_740_000_000_000


def entries(installation) -> set[str]:
    """Every id that some list recommends, the popular ones included."""
    lists = installation.lists()
    return {name for view in lists.values() for ids, *_ in view.values() for name in ids}


def own(lists: dict, side: str, identity: str) -> tuple:
    """What the lists of an id say."""
    views = ("venue",) if side == "venue" else ("artist", "artist:returns")
    return tuple(lists[view].get(identity) for view in views)


def verified(installation) -> None:
    done = installation.commands.run("verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not compared" not in done.stdout + done.stderr


@pytest.fixture
def published(installation) -> Installation:
    """A season, live."""
    installation.commands.start("consume")
    installation.send(*season(GIGS))
    installation.stored(GIGS)
    installation.commands.start("train")
    until(installation.generation)
    return installation


def test_merges_end_one_by_one_and_lists_are_those_from_before(published):
    commands, before = published.commands, published.lists()
    commands.json("merge", "artist", "artist-1", "into", "artist-2", "--yes")
    commands.json("merge", "artist", "artist-2", "into", "artist-3", "--yes")
    commands.json("merge", "venue", "venue-1", "into", "venue-2", "--yes")

    def counts_as(side: str, gone: str, kept: str) -> bool:
        lists = published.lists()
        return own(lists, side, gone) == own(lists, side, kept) and gone not in entries(published)

    until(lambda: counts_as("artist", "artist-1", "artist-3"))
    until(lambda: counts_as("artist", "artist-2", "artist-3"))
    until(lambda: counts_as("venue", "venue-1", "venue-2"))
    assert (published.status()["artists"], published.status()["venues"]) == (28, 11)

    # What was merged into an id stays merged into it.
    assert commands.json("unmerge", "artist", "artist-2")["changed"]
    until(lambda: "artist-2" in entries(published))
    until(lambda: counts_as("artist", "artist-1", "artist-2"))
    assert own(published.lists(), "artist", "artist-2") != own(
        published.lists(), "artist", "artist-3"
    )
    commands.json("unmerge", "artist", "artist-1")
    commands.json("unmerge", "venue", "venue-1")
    until(lambda: {"artist-1", "artist-2", "artist-3", "venue-1"} <= entries(published))
    assert not commands.json("unmerge", "venue", "venue-1")["changed"]
    counted = published.status()
    assert (counted["plays"], counted["artists"], counted["venues"]) == (GIGS, 30, 12)
    until(lambda: not commands.run("verify").returncode)

    generation = published.generation()
    assert commands.json("train", "--once")["generation"] > generation
    assert published.lists() == before
    verified(published)


def test_a_merge_that_was_never_made_cannot_end(published):
    commands = published.commands
    commands.json("merge", "artist", "artist-1", "into", "artist-2", "--yes")

    for identity, said in (
        ("artist-2", "was not merged into another one; these count as it: artist-1"),
        ("artist-3", "was not merged into another one; check the id"),
    ):
        refused = commands.run("unmerge", "artist", identity)
        (line,) = refused.stderr.splitlines()
        assert refused.returncode == 2
        assert said in line


def without(lists: dict, identity: str) -> dict:
    """The same lists, from which an id was struck; times and plays left out."""
    return {
        view: {
            name: [pair for pair in zip(ids, scores, strict=True) if pair[0] != identity]
            for name, (ids, scores, *_) in of.items()
        }
        for view, of in lists.items()
    }


def test_a_hidden_venue_is_recommended_nowhere_and_its_history_counts(published):
    commands, whole = published.commands, published.lists()
    assert CLOSED in entries(published)

    done = commands.json("hide", "venue", CLOSED)

    assert (done["state"], done["changed"]) == ("hidden", True)
    until(lambda: CLOSED not in entries(published))
    hidden = published.lists()
    # The others keep their order and scores, and the venue keeps its own list.
    assert without(hidden, CLOSED) == without(whole, CLOSED)
    assert own(hidden, "venue", CLOSED) == own(whole, "venue", CLOSED)
    status = published.status()
    assert (status["plays"], status["hidden"]) == (GIGS, {"artist": 0, "venue": 1})
    assert not commands.json("hide", "venue", CLOSED)["changed"]
    verified(published)

    # Fold-ins leave it out too, of an artist who has just played there.
    published.send(event(900, "new", CLOSED, time_ms=LATER_MS))
    until(lambda: "new" in published.lists()["artist"])
    assert CLOSED not in entries(published)
    assert commands.json("similar", "venue", "venue-2", "-n", "50")["items"]
    near = commands.json("similar", "venue", "venue-2", "-n", "50")["items"]
    assert CLOSED not in {each["id"] for each in near}
    verified(published)


def test_a_shown_venue_is_back_in_identical_lists(published):
    commands, whole = published.commands, published.lists()
    commands.json("hide", "venue", CLOSED)
    commands.json("hide", "artist", "artist-4")
    until(lambda: not entries(published) & {CLOSED, "artist-4"})

    # A refit, and a trainer that starts later, leave them out too.
    assert commands.json("train", "--once")["generation"]
    assert not entries(published) & {CLOSED, "artist-4"}
    assert commands.json("show", "venue", CLOSED)["state"] == "shown"
    until(lambda: CLOSED in entries(published))
    assert "artist-4" not in entries(published)
    commands.json("show", "artist", "artist-4")
    until(lambda: published.lists() == whole)
    assert not commands.json("show", "artist", "artist-4")["changed"]
    verified(published)


def test_a_trainer_that_starts_later_hides_what_was_hidden_meanwhile(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(GIGS))
    installation.stored(GIGS)
    assert commands.json("train", "--once")["generation"]
    assert CLOSED in entries(installation)
    commands.json("hide", "venue", CLOSED)

    trainer = commands.start("train")

    until(lambda: CLOSED not in entries(installation))
    until(lambda: "Published" in commands.logs() or installation.generation() > 1)
    assert stop(trainer) == 0
    commands.start("train")
    time.sleep(2)
    assert CLOSED not in entries(installation)


def test_only_what_lists_can_show_is_hidden(published):
    commands = published.commands
    commands.json("merge", "venue", "venue-1", "into", "venue-2", "--yes")

    for arguments, said in (
        (("hide", "venue", "Venue-3"), "no venue has the id 'Venue-3', so nothing was done"),
        (("show", "venue", "Venue-3"), "no venue has the id 'Venue-3', so nothing was done"),
        (("hide", "venue", "venue-1"), "counts as 'venue-2', which lists show; name that one"),
        (("hide", "venue", ""), "venue_id: '' is empty"),
    ):
        refused = commands.run(*arguments)
        (line,) = refused.stderr.splitlines()
        assert refused.returncode == 2
        assert said in line


def test_an_import_is_retracted_and_counts_again(published, tmp_path):
    commands, before = published.commands, published.lists()
    rows = [f"fan-{n},shop,2024-05-01" for n in range(20)]
    rows += [f"artist-{n},shop,2024-05-01" for n in range(5)]
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(["artist_id,venue_id,date", *rows]))
    published.imported(str(path))
    published.stored(GIGS + 25)
    until(lambda: "shop" in entries(published))

    mistyped = commands.run("retract", "--source", "shop", "--yes")
    assert mistyped.returncode == 2
    assert f"did you mean '{SHOP}'?" in mistyped.stderr
    unasked = commands.run("retract", "--source", SHOP)
    assert unasked.returncode == 2
    assert "touches 25 statements of 25 gigs, 25 plays that count; lists: 26" in unasked.stderr
    assert "add --yes" in unasked.stderr
    assert published.status()["plays"] == GIGS + 25

    done = commands.json("retract", "--source", SHOP, "--yes")
    assert (done["state"], done["changed"]) == ("quarantined", True)
    until(lambda: published.lists() == before)
    assert not commands.json("retract", "--source", SHOP)["changed"]
    verified(published)
    assert commands.json("source", "release", SHOP)["changed"]
    until(lambda: "shop" in entries(published))
    assert published.status()["plays"] == GIGS + 25


@pytest.mark.parametrize(("answer", "code"), [("n\n", 130), ("y\n", 0)])
def test_on_a_terminal_a_merge_is_asked_about(installation, answer, code):
    commands = installation.commands
    commands.start("consume")
    installation.send(event(1, "a", "v"), event(2, "b", "v"))
    installation.stored(2)
    ours, theirs = os.openpty()
    asked = subprocess.Popen(
        [sys.executable, "-m", "gigstream", "merge", "artist", "a", "into", "b"],
        env=commands.environ,
        cwd=commands.home,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(ours, answer.encode())
    _, said = asked.communicate(timeout=60)
    os.close(ours), os.close(theirs)

    assert asked.returncode == code
    assert "merge artist 'a' into 'b' touches 1 statements of 1 gigs, 1 plays that count" in said
    assert "Continue? [y/N]" in said
    assert installation.status()["artists"] == (2 if code else 1)
