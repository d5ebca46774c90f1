"""Generations: listed, rolled back on today's plays, pinned over restarts, unpinned."""

import json
import shutil
import time
from pathlib import Path

import pytest

from support.processes.installation import event, season
from support.processes.running import stop, until
from support.processes.training import Training
from trainer.registry.state import Registry

REFITS = {"GIGSTREAM_REFIT_SHARE": "0.01"}
"""Any new gig makes a refit due."""


@pytest.fixture
def training(tmp_path, redis_server, prefix):
    with Training(tmp_path / "home", redis_server, prefix) as made:
        made.book(("only", "artist-1", "gone-hall"), ("again", "artist-2", "venue-9"))
        made.published()
        made.book(*((f"new-{n}", f"artist-{n}", "new-hall") for n in range(5)))
        refitted(made)
        yield made


def refitted(training: Training) -> int:
    with training.refit() as asked:
        return until(asked.answer)


def generations(training: Training) -> list[dict]:
    return training.commands.json("generations")["generations"]


def live_model(training: Training) -> str:
    found = training.client.hget(f"{training.prefix}:artist", "_meta")
    return json.loads(found)["model_hash"]


def shown(training: Training) -> set[str]:
    """Every venue that stands in a list of an artist."""
    views = ("artist", "artist:returns")
    return {v for view in views for each in training.lists(view).values() for v in each["v"]}


def test_a_roll_back_publishes_the_older_model_on_todays_plays(training):
    second, first = generations(training)
    assert (first["live"], second["live"], second["pinned"]) == (False, True, False)
    assert first["overlap"] is None
    assert 0 < second["overlap"] < 1
    training.cancel("only", "again")
    training.right()

    unasked = training.commands.run("rollback")
    assert unasked.returncode == 2
    assert f"touches all lists: the model {first['model']} of generation" in unasked.stderr
    assert "add --yes" in unasked.stderr
    done = training.commands.json("rollback", "--yes")

    newest, *_ = generations(training)
    assert done["generation"] == newest["generation"] > second["generation"]
    assert (newest["model"], newest["live"], newest["pinned"]) == (first["model"], True, True)
    assert live_model(training) == first["model_hash"] != second["model_hash"]
    training.right()
    assert "gone-hall" not in shown(training)
    assert "new-hall" in shown(training)
    assert training.process
    assert training.process.poll() is None


def test_a_pinned_model_stays_over_new_gigs_and_restarts_until_it_is_unpinned(training):
    first = generations(training)[-1]
    assert training.process
    assert stop(training.process) == 0
    training.commands.environ.update(REFITS)

    assert (
        training.commands.json("rollback", str(first["generation"]), "--yes")["model"]
        == first["model"]
    )
    training.start()
    training.book(*((f"more-{n}", f"artist-{n}", "other-hall") for n in range(20)))
    training.right()
    time.sleep(2)
    again = training.commands.json("train", "--once")["generation"]
    training.right()
    assert live_model(training) == first["model_hash"]
    assert generations(training)[0]["generation"] == again

    training.commands.json("unpin")

    until(lambda: live_model(training) != first["model_hash"])
    training.right()
    newest = generations(training)[0]
    assert (newest["pinned"], newest["plays"]) == (False, len(training.gigs))


def test_a_roll_back_that_was_cut_short_is_completed_by_the_next_trainer(training):
    first = generations(training)[-1]
    assert training.process
    assert stop(training.process) == 0
    models = training.commands.home / "models"
    Registry(models).pin(models / first["model"])

    training.start()

    until(lambda: live_model(training) == first["model_hash"])
    training.right()


def test_a_pin_keeps_the_live_model_and_lists_follow(training):
    before = live_model(training)
    assert training.commands.json("pin")["model"] == generations(training)[0]["model"]
    assert training.process
    assert stop(training.process) == 0
    training.commands.environ.update(REFITS)
    training.start()
    training.book(*((f"more-{n}", f"artist-{n}", "other-hall") for n in range(20)))
    training.right()
    time.sleep(2)

    assert live_model(training) == before
    training.client.delete(f"{training.prefix}:artist")
    until(training.generation)
    training.right()
    assert live_model(training) == before


def test_a_quarantine_counts_for_a_pinned_model_without_a_refit(training):
    training.flood("spambox", *((f"spam-{n}", f"artist-{n}", "spam-hall") for n in range(20)))
    refitted(training)
    training.commands.json("pin")
    before = live_model(training)
    until(lambda: "spam-hall" in shown(training))

    training.commands.json("source", "quarantine", "spambox", "--yes")

    until(lambda: "spam-hall" not in shown(training))
    training.right()
    assert live_model(training) == before


def test_ids_that_were_merged_since_are_no_entries_of_the_older_models_lists(training):
    training.commands.json("merge", "venue", "gone-hall", "into", "venue-1", "--yes")
    until(lambda: "gone-hall" not in shown(training))

    training.commands.json("rollback", "--yes")

    assert "gone-hall" not in shown(training)
    assert "venue-1" in shown(training)


def test_what_cannot_be_rolled_back_to_is_refused_with_its_reason(training):
    (newest, first) = generations(training)
    shutil.rmtree(training.commands.home / "models" / first["model"])

    unknown = training.commands.run("rollback", "77", "--yes")
    gone = training.commands.run("rollback", str(first["generation"]), "--yes")
    none = training.commands.run("rollback", "--yes")

    assert [each.returncode for each in (unknown, gone, none)] == [2, 2, 2]
    assert "generation 77 was not published here" in unknown.stderr
    assert "is not stored any more" in gone.stderr
    assert "GIGSTREAM_MODELS_KEPT" in none.stderr
    assert not generations(training)[0]["pinned"]
    assert generations(training)[0]["generation"] == newest["generation"]


def test_nothing_is_pinned_before_anything_is_published(tmp_path, redis_server, prefix):
    with Training(tmp_path / "home", redis_server, prefix) as training:
        refused = training.commands.run("pin")

    assert refused.returncode == 2
    assert "nothing is published yet" in refused.stderr


def test_only_so_many_models_are_kept_and_the_pinned_one(tmp_path, redis_server, prefix):
    settings = {"GIGSTREAM_MODELS_KEPT": "2"}
    with Training(tmp_path / "home", redis_server, prefix, **settings) as training:
        training.published()
        training.commands.json("pin")
        (first,) = generations(training)
        training.commands.json("unpin")
        for number in range(4):
            training.book((f"x-{number}", "artist-1", f"venue-{number}"))
            refitted(training)
        found = generations(training)

        assert len(found) == 5
        assert [each["stored"] for each in found] == [True, True, False, False, False]
        assert found[-1]["model"] == first["model"]
        assert len([*(training.commands.home / "models").glob("gen-*")]) == 2


def test_an_erased_id_does_not_return(installation, tmp_path):
    commands = installation.commands
    commands.environ["GIGSTREAM_REFIT_INTERVAL_S"] = "1e9"
    commands.start("consume")
    installation.send(*season(200))
    installation.stored(200)
    commands.start("train")
    until(installation.generation)
    models = Path(commands.home / "models")
    (first,) = commands.json("generations")["generations"]
    shutil.copytree(models / first["model"], tmp_path / "copy")
    commands.json("pin")

    assert commands.run("erase", "artist", "artist-3", "--yes").returncode == 0
    found = commands.json("generations")["generations"]
    assert [each["pinned"] for each in found] == [False] * len(found)
    shutil.copytree(tmp_path / "copy", models / first["model"])
    refused = commands.run("rollback", str(first["generation"]), "--yes")

    assert refused.returncode == 4
    assert "holds an id that was erased" in refused.stderr
    installation.send(event(900, "newcomer", "venue-3"))
    until(lambda: "newcomer" in installation.lists()["artist"])
    lists = installation.lists()
    assert "artist-3" not in lists["artist"]
    assert not [1 for ids, *_ in lists["venue"].values() if "artist-3" in ids]
