"""Cancels and newcomers around lost answers, old snapshots, restarts, flushes and shrinks.

Set ``GIGSTREAM_TEST_ROUNDS`` for more than the usual rounds, ``GIGSTREAM_TEST_SEED`` for others.
"""

import os
import random
import shutil
import signal
import statistics
from collections.abc import Callable
from contextlib import suppress

import pytest

from support.faults.lossy import COMMIT, FOLD_IN
from support.processes.running import stop, until
from support.processes.training import WITHIN_S, Training
from support.servers.redis import RedisServer

ROUNDS = int(os.environ.get("GIGSTREAM_TEST_ROUNDS", "15"))
SEED = int(os.environ.get("GIGSTREAM_TEST_SEED", "13"))
START_S = WITHIN_S + 5
"""For a trainer that starts first: imports take seconds."""


class Rounds:
    """Each method named after a fault does it and changes something around it."""

    def __init__(self, training: Training, draw: random.Random) -> None:
        self._training = training
        self._draw = draw
        self._number = 0
        self._snapshots = [training.redis.dumped()]
        self.took_s: dict[str, list[float]] = {}

    def run(self) -> None:
        faults: list[Callable[[], float]] = [
            self.nothing,
            self.lost_fold_in,
            self.lost_commit,
            self.old_snapshot,
            self.restart,
            self.killed,
            self.flush,
            self.flush_in_refit,
            self.killed_refit,
            self.shrink,
        ]
        for number in range(ROUNDS):
            fault = faults[number] if number < len(faults) else self._draw.choice(faults)
            within_s = fault()
            took_s = self._training.right(within_s)
            self.took_s.setdefault(fault.__name__, []).append(took_s)
            if self._draw.random() < 0.5:
                self._snapshots.append(self._training.redis.dumped())

    def nothing(self) -> float:
        self._change()
        return WITHIN_S

    def lost_fold_in(self) -> float:
        return self._losing(FOLD_IN, self._change)

    def lost_commit(self) -> float:
        return self._losing(COMMIT, self._training.client.flushall)

    def _losing(self, script: bytes, cause: Callable[[], object]) -> float:
        lost = self._training.proxy.lost
        self._training.proxy.lose(script, refuse_s=1)
        cause()
        until(lambda: self._training.proxy.lost > lost, every_s=0.001)
        self._change()
        return 1 + 2 * WITHIN_S  # refused, then the trainer's own pause

    def old_snapshot(self) -> float:
        self._change()
        self._training.right()
        self._training.redis.restart_with(self._draw.choice(self._snapshots))
        self._change()
        return WITHIN_S

    def restart(self) -> float:
        assert self._training.process is not None
        assert stop(self._training.process) == 0
        return self._started()

    def killed(self) -> float:
        assert self._training.process is not None
        self._change()
        self._training.process.send_signal(signal.SIGKILL)
        self._training.process.wait()
        return self._started()

    def _started(self) -> float:
        self._change()
        self._training.start()
        self._change()
        return START_S

    def flush(self) -> float:
        self._training.client.flushall()
        self._change()
        return WITHIN_S

    def flush_in_refit(self) -> float:
        return self._flush_in_refit(signal.SIGCONT)

    def killed_refit(self) -> float:
        return self._flush_in_refit(signal.SIGKILL)

    def _flush_in_refit(self, after: signal.Signals) -> float:
        with self._training.refit():
            pids = until(self._training.refits, every_s=0.01)
            self._training.client.flushall()
            self._change()
            for pid in pids:
                with suppress(ProcessLookupError):  # it ended meanwhile, as a quick one may
                    os.kill(pid, after)
            self._training.right()
        self._change()
        return WITHIN_S

    def shrink(self) -> float:
        self._training.cancel(*list(self._training.gigs)[: -len(self._training.gigs) // 3])
        self._training.right()
        self._training.client.flushall()
        self._training.right()
        more = (f"again-{self._number}-{n}" for n in range(60))
        self._training.book(
            *((e, f"artist-{n % 30}", f"venue-{n % 7}") for n, e in enumerate(more))
        )
        return WITHIN_S

    def _change(self) -> None:
        """A newcomer at a known or new venue, and a cancellation or two."""
        self._number += 1
        venue = f"venue-{self._draw.randrange(14)}"
        self._training.book((f"n{self._number}", f"new-{self._number}", venue))
        self._training.cancel(*self._draw.sample(sorted(self._training.gigs), 2))


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_lists_follow_through_everything_and_end_as_train_once_makes_them(tmp_path, prefix):
    with RedisServer() as redis, Training(tmp_path / "home", redis, prefix) as training:
        training.commands.environ["GIGSTREAM_WARM_REFITS"] = "0"
        training.published()
        rounds = Rounds(training, random.Random(SEED))
        rounds.run()
        for name, took_s in rounds.took_s.items():
            print(f"{name}: {len(took_s)}, {statistics.median(took_s):.2f} to {max(took_s):.2f} s")
        done = training.commands.run("verify", "lists")
        assert done.returncode == 0, done.stderr

        assert training.process is not None
        assert stop(training.process) == 0
        _compare_with_train_once(training, tmp_path)


def _compare_with_train_once(training: Training, tmp_path) -> None:
    """A refit of the trainer's own, against `train --once` in a fresh home and prefix."""
    generation = training.generation()
    training.commands.environ["GIGSTREAM_REFIT_INTERVAL_S"] = "0.1"
    training.start()
    training.book(("last", "last", "venue-1"))
    until(lambda: training.generation() > generation and "last" in training.lists("artist"))
    until(lambda: not any("foldin" in map(str, each.values()) for each in lists(training)))
    live = contents(training)
    assert stop(training.process) == 0

    shutil.copytree(training.commands.home / "store", tmp_path / "fresh" / "store")
    fresh = {"GIGSTREAM_HOME": str(tmp_path / "fresh"), "GIGSTREAM_REDIS_PREFIX": "fresh"}
    training.commands.environ |= fresh
    training.prefix = "fresh"
    done = training.commands.run("train", "--once")
    assert done.returncode == 0, done.stderr
    assert contents(training) == live


def lists(training: Training) -> list[dict]:
    return list(training.lists("artist").values())


def contents(training: Training) -> dict[str, dict]:
    """Lists without their generation's number and how they were made."""
    return {
        view: {
            name: {part: value for part, value in each.items() if part not in "gk"}
            for name, each in training.lists(view).items()
        }
        for view in ("artist", "artist:returns", "venue")
    }
