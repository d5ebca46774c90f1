"""Two trainers in one home: refused, asked, standing by, taking over, asleep."""

import contextlib
import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from support.processes.installation import event, season
from support.processes.running import Gigstream, stop, until

TAKEOVER_S = 3.0
HASHES = (
    "artist",
    "artist:returns",
    "venue",
    "venue:returns",
    "artist:name",
    "venue:name",
    "artist:info",
    "venue:info",
)


def writer(installation) -> int | None:
    """The number of the process that publishes, as Redis has it."""
    found = installation.client.hget(f"{installation.prefix}:writer", "pid")
    return int(found) if found else None


def listed(installation, *artists: str) -> bool:
    """Whether all of these have a list."""
    return all(installation.client.hmget(f"{installation.prefix}:artist:returns", artists))


def generations(installation) -> set[str]:
    """Of all hashes and all lists in them: one, unless lists are mixed."""
    found = [installation.client.hgetall(f"{installation.prefix}:{view}") for view in HASHES]
    marks = {each[b"_gen"].decode() for each in found}
    entries = [value for each in found[:3] for key, value in each.items() if key[:1] != b"_"]
    return marks | {str(json.loads(entry)["g"]) for entry in entries}


@pytest.fixture
def training(installation):
    """A trainer that has published; the installation's `trainer`."""
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(200))
    installation.stored(200)
    installation.trainer = commands.start("train")
    # Until the registry notes it: a trainer that is stopped then does not hold its lock.
    until(lambda: installation.generation() and noted(installation) == installation.generation())
    return installation


def noted(installation) -> int | None:
    """The live generation, as the registry knows it."""
    path = installation.commands.home / "models" / "registry.json"
    return json.loads(path.read_text())["live_generation"]


def test_a_second_trainer_ends_with_4_and_names_the_first_which_goes_on(training):
    second = training.commands.run("train")
    training.send(event(900, "newcomer", "venue-3"))

    until(lambda: listed(training, "newcomer"))
    assert second.returncode == 4
    assert f"process {training.trainer.pid} on " in second.stderr.splitlines()[-1]
    assert "--standby" in second.stderr.splitlines()[-1]
    assert (writer(training), training.trainer.poll()) == (training.trainer.pid, None)


def test_once_beside_a_trainer_is_done_by_that_trainer(training):
    before = training.generation()
    training.send(event(900, "newcomer", "venue-3"))
    training.stored(201)

    made = training.commands.json("train", "--once")["generation"]

    models = training.commands.home / "models"
    manifest = json.loads((models / f"gen-{made:08d}" / "manifest.json").read_text())
    assert made == training.generation() > before
    assert (manifest["counts"]["plays"], manifest["warm_fits"]) == (201, 0)
    assert (writer(training), training.trainer.poll()) == (training.trainer.pid, None)
    assert not [*models.glob("request-*")]


def test_once_beside_up_leaves_it_running(tmp_path):
    rows = [f"a{n % 30},v{n % 7},2024-01-{n % 28 + 1:02d}" for n in range(300)]
    (tmp_path / "gigs.csv").write_text("\n".join(["artist_id,venue_id,date", *rows]))
    settings = {"GIGSTREAM_FACTORS": "16", "GIGSTREAM_REFIT_QUIET_S": "0.3"}
    with contextlib.closing(Gigstream(tmp_path / "home", settings)) as commands:
        stack = commands.start("up")
        until(lambda: commands.run("status").returncode == 0)
        imported = commands.run("import", str(tmp_path / "gigs.csv"))
        before = until(lambda: commands.json("status")["generation"])

        made = commands.json("train", "--once")["generation"]

        assert imported.returncode == 0, imported.stderr
        assert made > before
        assert commands.json("status")["generation"] == made
        (tmp_path / "more.csv").write_text("artist_id,venue_id,date\nnewcomer,v1,2024-02-01\n")
        assert commands.run("import", str(tmp_path / "more.csv")).returncode == 0
        until(lambda: commands.json("artist", "newcomer")["source"] != "popular")
        assert stack.poll() is None, commands.logs()
        assert stop(stack, 20) == 0


def test_a_refusal_of_the_trainer_that_was_asked_is_the_askers_and_force_is_passed_on(training):
    # Lists of which the store knows nothing: a model of the store's plays would take them away.
    ghosts = {f"ghost-{number}": "{}" for number in range(40)}
    training.client.hset(f"{training.prefix}:artist", mapping=ghosts)
    # A model of the same plays is the live one again, which is never refused.
    training.send(event(900, "newcomer", "venue-3"))
    until(lambda: listed(training, "newcomer"))

    refused = training.commands.run("train", "--once")
    forced = training.commands.run("train", "--once", "--force")

    assert refused.returncode == 4
    assert "would shrink from 71 to 31" in refused.stderr.splitlines()[-1]
    assert forced.returncode == 0, forced.stderr
    assert not training.client.hexists(f"{training.prefix}:artist", "ghost-0")
    assert training.trainer.poll() is None


def test_a_trainer_without_plays_says_so_to_who_asks(installation):
    trainer = installation.commands.start("train")
    until(lambda: writer(installation) == trainer.pid)

    refused = installation.commands.run("train", "--once")

    assert refused.returncode == 2
    assert "holds no plays yet" in refused.stderr.splitlines()[-1]
    assert trainer.poll() is None


def test_an_asker_waits_no_longer_than_it_was_told_and_an_interrupt_ends_it(training):
    training.trainer.send_signal(signal.SIGSTOP)
    late = training.commands.run("train", "--once", "--wait", "1")
    asking = training.commands.start("train", "--once")
    until(lambda: [*(training.commands.home / "models").glob("request-*.json")])
    asking.send_signal(signal.SIGINT)

    assert asking.wait(10) == 0
    assert late.returncode == 1
    assert f"process {training.trainer.pid} on " in late.stderr.splitlines()[-1]
    assert not [*(training.commands.home / "models").glob("request-*")]
    training.trainer.send_signal(signal.SIGCONT)


def test_who_asked_a_trainer_that_is_killed_publishes_itself(training):
    training.trainer.send_signal(signal.SIGSTOP)
    before = training.generation()
    asking = training.commands.start("train", "--once")
    until(lambda: [*(training.commands.home / "models").glob("request-*.json")])
    training.trainer.kill()

    assert asking.wait(60) == 0, training.commands.logs()
    assert training.generation() > before
    assert writer(training) == asking.pid


def test_a_standby_takes_over_within_3_s_of_each_kill_and_no_fold_in_is_lost(training, tmp_path):
    commands, owner, took_s, sent = training.commands, training.trainer, [], []
    for number in range(4):
        standby = commands.start("train", "--standby")
        until(lambda n=number: commands.logs().count("Standing by") > n)
        for gig in range(5):
            sent.append(f"new-{number}-{gig}")
            training.send(event(1000 + len(sent), sent[-1], f"venue-{gig}"))
            time.sleep(0.02 * number)
        owner.kill()
        began = time.monotonic()
        until(lambda pid=standby.pid: writer(training) == pid, every_s=0.01)
        took_s.append(time.monotonic() - began)
        owner = standby
    until(lambda: listed(training, *sent))

    assert max(took_s) < TAKEOVER_S
    assert len(generations(training)) == 1
    training.stored(220)
    commands.json("train", "--once")
    assert training.lists() == training.lists_of_once(tmp_path / "copy")
    assert owner.poll() is None


def test_a_standby_that_is_told_to_stop_ends_with_0_and_the_owner_goes_on(training):
    standby = training.commands.start("train", "--standby")
    until(lambda: "Standing by" in training.commands.logs())

    assert stop(standby) == 0
    assert training.trainer.poll() is None


def test_once_does_not_stand_by(installation):
    refused = installation.commands.run("train", "--once", "--standby")

    assert refused.returncode == 2
    assert "leave out --once" in refused.stderr


def test_a_trainer_that_slept_through_a_takeover_wakes_and_ends_with_4(training):
    training.trainer.send_signal(signal.SIGSTOP)
    successor = training.commands.start("train", "--takeover")
    until(lambda: writer(training) == successor.pid)
    training.send(event(900, "newcomer", "venue-3"))
    until(lambda: listed(training, "newcomer"))
    before = training.lists()
    training.trainer.send_signal(signal.SIGCONT)

    assert training.trainer.wait(30) == 4
    # By the lease, or by Redis where it slept between its look at the lease and a write.
    assert "start it again with --takeover if it is the one to keep" in training.commands.logs()
    assert training.lists() == before
    assert len(generations(training)) == 1
    assert successor.poll() is None


@pytest.mark.parametrize("step", ["staged", "committed"])
def test_a_trainer_that_slept_in_mid_publish_is_fenced_when_it_wakes(installation, step):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(200))
    installation.stored(200)
    asleep = commands.start(step, program="support.processes.paused")
    until(lambda: state_of(asleep) == "T")
    successor = commands.start("train", "--takeover")
    until(lambda: writer(installation) == successor.pid)
    installation.send(event(900, "newcomer", "venue-3"))
    until(lambda: installation.generation() > (step == "committed"))
    until(lambda: listed(installation, "newcomer"))
    asleep.send_signal(signal.SIGCONT)

    assert asleep.wait(30) == 4, commands.logs()
    registry = json.loads((commands.home / "models" / "registry.json").read_text())
    assert registry["live_generation"] == installation.generation()
    assert registry["owner"]["pid"] == successor.pid
    assert listed(installation, "newcomer")
    assert len(generations(installation)) == 1
    assert successor.poll() is None


def state_of(process) -> str:
    """The kernel's letter for it, T where it was stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_what_killed_trainers_left_goes_with_the_next_start(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(200))
    installation.stored(200)
    killed = commands.start("train", "staged", program="support.processes.killed")
    killed.wait(60)
    draft = commands.home / "models" / ".gen-00000009"
    draft.mkdir()
    staged = [*installation.client.scan_iter(f"{installation.prefix}:*:staging:*")]

    commands.json("train", "--once")

    assert len(staged) == len(HASHES)
    assert not [*installation.client.scan_iter(f"{installation.prefix}:*:staging:*")]
    assert not draft.exists()


def test_a_restored_older_registry_goes_on_from_what_is_live(installation):
    commands = installation.commands
    commands.start("consume")
    installation.send(*season(200))
    installation.stored(200)
    registry = commands.home / "models" / "registry.json"
    commands.json("train", "--once")
    shutil.copy(registry, commands.home / "copy.json")
    for _ in range(3):
        commands.json("train", "--once")
    shutil.copy(commands.home / "copy.json", registry)

    done = commands.run("train", "--once", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["generation"] == 5
    assert "restored from a copy" in done.stderr


def test_damaged_facts_in_redis_are_replaced_by_a_running_trainer_and_by_a_start(training):
    def damage() -> None:
        for view in HASHES:
            training.client.hset(f"{training.prefix}:{view}", "_meta", "{")

    before = training.generation()
    damage()
    until(lambda: training.generation() > before)
    assert stop(training.trainer) == 0
    damage()

    done = training.commands.run("train", "--once")

    assert done.returncode == 0, done.stderr
    assert "cannot be read" in done.stderr
    assert training.status()["model_hash"]
