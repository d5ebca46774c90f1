"""The gate of a running trainer: what is refused or held leaves the live lists as they are."""

import json

import pytest

from support.data.worlds import Gig, Log, World, real
from support.processes.running import stop, until
from support.processes.training import Training


@pytest.fixture
def training(tmp_path, redis_server, prefix):
    settings = {"GIGSTREAM_CONNECT_TIMEOUT_S": "1"}
    with Training(tmp_path / "home", redis_server, prefix, **settings) as made:
        yield made


def started(training: Training, gigs: list[Gig]) -> Log:
    """A trainer that has published these gigs, and their store."""
    log = Log(training.commands.home / "store")
    log.append(gigs)
    training.start()
    until(training.generation, 120)
    return log


def live(training: Training) -> dict:
    return json.loads(training.client.hget(f"{training.prefix}:artist", "_meta"))


def verdict(training: Training) -> dict:
    shown = training.commands.run("status", "--json")  # no Kafka answers here
    return json.loads(shown.stdout.splitlines()[-1])["verdict"]


def test_a_refused_refit_leaves_the_live_lists_as_they_are(training):
    started(training, real())
    before, lists = live(training), training.lists("artist")
    assert before["quality"]["note"] == "not judged: there was no live model to compare it with"
    assert training.process
    assert stop(training.process) == 0
    training.commands.environ["GIGSTREAM_REGULARIZATION"] = "100000"

    trainer = training.start()  # other settings: a cold fit is due

    until(lambda: verdict(training)["verdict"] == "refused", 200, every_s=1)
    shown, checked = verdict(training), training.commands.run("check", "gate")
    assert shown["generation"] > before["generation"]
    assert "that of the live recipe and weights" in shown["reason"]
    assert checked.returncode == 4
    assert f"generation {shown['generation']} is refused" in checked.stdout
    assert "refused: on the latest plays" in training.commands.logs()
    now = live(training)
    told = now.pop("refused")
    assert before.pop("refused") is None
    assert (told["verdict"], told["generation"]) == ("refused", shown["generation"])
    assert "that of the live recipe and weights" in told["reasons"][0]
    assert (now, training.lists("artist")) == (before, lists)
    assert trainer.poll() is None
    newest, first = training.commands.json("generations")["generations"]
    assert (newest["verdict"], newest["live"], first["live"]) == ("refused", False, True)
    assert newest["reasons"]
    assert training.commands.run("accept").returncode == 2


def test_a_held_generation_waits_for_a_person(training):
    world = World()
    log = started(training, world.gigs(2000))
    before = live(training)
    planted = [
        (f"p{a}-{v}", f"artist-{a}", f"venue-{v}", 1_609_000_000_000)
        for a in range(300)
        for v in range(a % 7, 60, 7)
    ]
    log.append(planted, source="planted")

    held = training.commands.run("train", "--once")

    assert held.returncode == 4
    assert "held: source 'planted' brings 100% of" in held.stderr
    assert "`gigstream accept`" in held.stderr
    now = live(training)
    told = now.pop("refused")
    assert (told["verdict"], told["summary"]) == ("held", "a venue or source takes over")
    assert "planted" not in str(told)
    assert now == {name: value for name, value in before.items() if name != "refused"}
    assert verdict(training)["verdict"] == "held"
    assert training.commands.run("check", "gate").returncode == 4

    model = training.commands.json("generations")["generations"][0]["model"]
    accepted = training.commands.json("accept")

    assert accepted["model"] == model, "the one that a person has looked at"
    assert live(training)["generation"] == accepted["generation"] > before["generation"]
    assert live(training)["model_hash"] != before["model_hash"]
    assert training.commands.run("check", "gate").returncode == 0
    assert training.process
    assert training.process.poll() is None


def test_a_quarantine_of_the_source_that_was_held_is_published(training):
    world = World()
    log = started(training, world.gigs(2000))
    before = live(training)
    planted = [(f"p{n}", f"artist-{n % 300}", "venue-1", 1_609_000_000_000) for n in range(900)]
    log.append(planted, source="planted")
    assert training.commands.run("train", "--once").returncode == 4

    assert training.commands.run("source", "quarantine", "planted", "--yes").returncode == 0
    done = training.commands.run("train", "--once")

    assert done.returncode == 0, done.stderr
    assert live(training)["generation"] > before["generation"]
    assert verdict(training)["verdict"] == "published"
