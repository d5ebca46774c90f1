"""Lists follow the store, whatever happens to Redis, to answers of it and to the trainer."""

import json
import os
import signal
import time
from contextlib import suppress

import pytest

from support.faults.lossy import COMMIT, FOLD_IN
from support.processes.running import stop, until
from support.processes.training import WITHIN_S, Training
from support.servers.redis import RedisServer


@pytest.fixture
def training(tmp_path, prefix):
    with RedisServer() as redis, Training(tmp_path / "home", redis, prefix) as found:
        yield found


@pytest.mark.parametrize("script", [COMMIT, FOLD_IN])
def test_an_answer_that_is_lost_swallows_no_change(training, script):
    """The issue's case: one answer dropped, then refusals for 4 seconds."""
    training.published()
    training.book(("n1", "new-1", "venue-1"))
    training.right()
    generation = training.generation()
    training.proxy.lose(script, refuse_s=4)
    if script is COMMIT:
        training.client.flushall()
    else:
        training.book(("n2", "new-2", "venue-1"))
    until(lambda: training.proxy.lost, every_s=0.001)
    training.cancel("n1", "s0-0", "s0-1", "s0-2", "s0-3")
    training.book(("n3", "new-3", "new-venue"))
    time.sleep(4.5)

    training.right()
    assert "new-1" not in training.lists("artist")
    assert (training.generation() > generation) == (script is COMMIT)


def test_older_lists_of_the_same_generation_are_brought_up_to_date(training):
    training.published()
    training.book(("n1", "new-1", "venue-1"))
    training.right()
    older = training.redis.dumped()
    generation, (seq, version) = training.generation(), training.progress()
    training.cancel("n1")  # from here on all is again as the model was fitted
    training.right()
    training.book(("n2", "new-2", "new-venue"))
    training.right()
    training.redis.restart_with(older)

    training.right(WITHIN_S + 2)  # the trainer may have to wait before it tries again
    assert training.generation() == generation
    assert training.progress() > (seq, version)


def test_a_restarted_trainer_goes_on_with_what_is_live_and_stages_nothing(training):
    training.published()
    training.book(("n1", "new-1", "venue-1"))
    training.right()
    generation = training.generation()
    for number in range(3):
        training.process.kill()
        training.process.wait()
        training.book((f"m{number}", f"away-{number}", "venue-1"))
        training.cancel(f"s{number}-0", f"s{number}-1", f"s{number}-2", f"s{number}-3")
        training.start()
        training.right(WITHIN_S + 15)

    assert training.generation() == generation
    done = training.commands.run("verify", "lists")
    assert done.returncode == 0, done.stderr


def test_a_generation_of_a_version_without_a_view_gets_it_and_is_folded_into(training):
    training.published()
    generation = training.generation()
    training.process.kill()
    training.process.wait()
    training.client.delete(f"{training.prefix}:venue:returns")
    training.book(("n1", "new-1", "venue-1"))
    shown = training.commands.run("status", "--json").stdout  # no Kafka answers here
    assert json.loads(shown.splitlines()[-1])["generation"] == generation
    assert training.commands.json("venue", "venue-1")["source"] == "model"
    training.start()
    training.right()
    training.book(("n2", "new-1", "venue-2"))
    training.right()

    assert training.generation() == generation + 1
    found = training.commands.json("venue", "venue-1", "--returns", "-n", "50")["items"]
    assert {item["id"]: item["plays"] for item in found}["new-1"] == 1
    done = training.commands.run("verify", "lists")
    assert done.returncode == 0, done.stderr


def test_older_lists_that_came_back_while_the_trainer_was_away_are_brought_up_to_date(training):
    training.published()
    training.book(("n1", "new-1", "venue-1"))
    training.right()
    older = training.redis.dumped()
    training.cancel("n1")
    training.right()
    assert stop(training.process) == 0
    training.redis.restart_with(older)
    assert "new-1" in training.lists("artist")
    generation = training.generation()
    training.start()

    training.right(WITHIN_S + 15)
    assert training.generation() == generation


def test_lists_come_back_after_a_shrink_and_a_flush_also_from_a_restarted_trainer(training):
    training.published()
    training.cancel(*(f"s{artist}-{n}" for artist in range(5, 30) for n in range(4)))
    training.right()
    training.client.flushall()
    training.right()
    assert stop(training.process) == 0
    training.client.flushall()
    training.start()
    training.right(WITHIN_S + 15)
    training.book(("n1", "new-1", "venue-1"))

    training.right()


def test_a_refit_that_is_killed_is_tried_again_and_does_not_end_the_trainer(training):
    training.published()
    for _ in range(2):
        with training.refit():
            for pid in until(training.refits, every_s=0.01):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            until(lambda: not training.refits(), every_s=0.01)

    training.right()
    assert training.process.poll() is None
    assert "exit code -9 (1 in a row" in training.commands.logs()


def test_lists_lost_during_a_refit_come_back_before_it_ends_and_its_lists_follow(training):
    training.published()
    generation = training.generation()
    with training.refit() as asked:
        (refit,) = until(training.refits, every_s=0.01)
        os.kill(refit, signal.SIGSTOP)
        training.client.flushall()
        training.book(("n1", "new-1", "new-venue"))
        training.right()
        put_back = training.generation()
        assert (put_back > generation, asked.answer()) == (True, None)
        os.kill(refit, signal.SIGCONT)
        published = until(asked.answer)

    training.right()
    assert training.generation() >= published > put_back


def test_fold_ins_go_on_while_a_refit_dies_and_dies(training):
    """A refit that is due, and whose process does not live long enough to stage anything."""
    training.commands.environ["GIGSTREAM_REFIT_SHARE"] = "0.01"
    training.published()
    deadline = time.monotonic() + 60
    number = 0
    while "in a row" not in training.commands.logs() and time.monotonic() < deadline:
        for pid in training.refits():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        number += 1
        training.book((f"n{number}", f"new-{number}", "venue-1"))
        training.right()

    assert training.process.poll() is None
    assert "in a row" in training.commands.logs()


def test_a_folded_in_list_tells_the_date_from_which_plays_age_in_its_generation(training):
    training.published()
    (fitted_s,) = {each["t"] for each in training.lists("artist").values()}
    training.book(("n1", "new-1", "venue-1"), later_s=10_000)
    training.right()

    assert training.lists("artist")["new-1"]["t"] == fitted_s


def test_a_password_that_changes_under_a_running_trainer_is_waited_out(tmp_path, prefix):
    with RedisServer(password="first") as redis:  # noqa: S106 - a test's
        training = Training(tmp_path / "home", redis, prefix)
        url = f"redis://:first@127.0.0.1:{training.proxy.port}/0"
        training.commands.environ["GIGSTREAM_REDIS_URL"] = url
        with training:
            training.published()
            training.client.config_set("requirepass", "second")
            training.client.client_kill_filter(_type="normal", skipme=True)
            training.book(("n1", "new-1", "venue-1"))
            time.sleep(4)
            assert training.process.poll() is None
            training.client.config_set("requirepass", "first")

            training.right(WITHIN_S + 1)
            assert training.commands.logs().count("refuses the login") == 1


def test_change_events_name_what_changed(training):
    training.published()
    training.book(("n1", "new-1", "venue-1"))
    training.right()
    ((_, fields),) = training.client.xrevrange(f"{training.prefix}:events", count=1)

    told = json.loads(fields[b"artists"])
    assert "new-1" in told  # and its bill-mates at venue-1
    assert json.loads(fields[b"venues"]) == ["venue-1"]
