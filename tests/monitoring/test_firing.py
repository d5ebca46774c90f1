"""Each alert fires by a real fault, and ends with it: real processes, servers and Prometheus."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from consumer.settings import ConsumerSettings
from consumer.table import write_lock
from support.data.worlds import Gig, World
from support.processes import living
from support.processes.consume import Consuming
from support.processes.installation import Installation, event
from support.processes.running import Process, until
from support.processes.scrape import free_port, get
from support.processes.serving import Api, served
from support.servers.kafka import KafkaBroker
from support.servers.prometheus import RULES, Prometheus
from support.servers.redis import RedisServer

WINDOW = 50
"""Latest messages that the dead-letter alarm looks at."""
DISK = "64m"
SETTINGS = {
    "GIGSTREAM_FACTORS": "8",
    "GIGSTREAM_CONNECT_TIMEOUT_S": "60",
    "GIGSTREAM_REFIT_QUIET_S": "0.1",
    "GIGSTREAM_REFIT_INTERVAL_S": "1e9",
    "GIGSTREAM_REFIT_SHARE": "1e9",
}
HISTORY = 2_000


@dataclass
class Stack:
    """All processes, and Prometheus beside them."""

    folder: Path
    kafka: KafkaBroker
    redis: RedisServer
    installation: Installation
    ports: dict[str, int] = field(default_factory=lambda: {job: free_port() for job in JOBS})
    parts: ExitStack = field(default_factory=ExitStack)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**6, 10**9)))

    def __enter__(self) -> Self:
        self.world = World()
        self.installation.send(*map(stated, self.world.gigs(HISTORY)))
        # In a hurry: a clean-up comes every 0.2 s, not every minute.
        self.consumer = self.parts.enter_context(Consuming(self.settings(), upkeep=()))
        self.installation.stored(HISTORY)
        environ = self.installation.commands.environ
        environ["GIGSTREAM_TRAINER_METRICS_PORT"] = str(self.ports["trainer"])
        self.trainer = self.installation.commands.start("train")
        until(self.installation.generation, 120)
        self.api: Api = served(
            self.installation, GIGSTREAM_SERVE_METRICS_PORT=str(self.ports["serve"])
        )
        until(self.api.ready, 90)
        self.small = self.parts.enter_context(small_disk(self))
        targets = {job: [self.ports[job]] for job in ("consumer", "trainer", "serve")}
        targets["consumer"].append(self.ports["disk"])
        for port in self.ports.values():
            until(lambda port=port: get(port, "/metrics")[0] == 200, 90)
        self.prometheus = self.parts.enter_context(Prometheus(self.folder / "watch", targets))
        until(self.prometheus.is_ready)
        until(lambda: self.prometheus.value("sum(up)") == [4.0])
        return self

    def __exit__(self, *_: object) -> None:
        self.parts.close()

    def settings(self) -> ConsumerSettings:
        """Of the consumer."""
        topic = self.installation.topic
        return ConsumerSettings(
            home=self.installation.commands.home,
            kafka_bootstrap=self.kafka.bootstrap,
            kafka_topic=topic,
            kafka_group=topic,
            consumer_metrics_port=self.ports["consumer"],
            dead_letter_brake_window=WINDOW,
        )

    def send(self, count: int = 5, source: str = "default") -> None:
        """Gigs of artists and venues that are known."""
        numbers = (next(self.numbers) for _ in range(count))
        events = (event(n, f"artist-{n % 50}", f"venue-{n % 60}", source=source) for n in numbers)
        self.installation.send(*events)

    def maintenance(self) -> int:
        """The number of the maintenance process."""
        pids = living.children(self.consumer.process.pid)
        (found,) = (p for p in pids if any(w.endswith(".maintain") for w in living.command(p)))
        return found


JOBS = ("consumer", "trainer", "serve", "disk")


def stated(gig: Gig, source: str = "default"):
    number, artist, venue, at_ms = gig
    return event(0, artist, venue, event_id=number, time_ms=at_ms, source=source)


@contextmanager
def small_disk(stack: Stack) -> Iterator[Process]:
    """Another consumer, whose store is on a small disk in a mount namespace of its own."""
    home = stack.folder / "small"
    home.mkdir()
    topic = stack.kafka.create_topic()
    settings = {
        "GIGSTREAM_HOME": str(home),
        "GIGSTREAM_KAFKA_BOOTSTRAP": stack.kafka.bootstrap,
        "GIGSTREAM_KAFKA_TOPIC": topic,
        "GIGSTREAM_KAFKA_GROUP": topic,
        "GIGSTREAM_CONSUMER_METRICS_PORT": str(stack.ports["disk"]),
    }
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    script = f'mount -t tmpfs -o size={DISK} gigstream "$0" && exec "$@"'
    command = ["unshare", "--mount", *user, "sh", "-c", script, str(home)]
    with (stack.folder / "small.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, sys.executable, "-m", "gigstream", "consume"],
            env={**os.environ, **settings},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def a_disk_that_fills_up(stack: Stack) -> Iterator[None]:
    # Of its namespace: this process does not see the mount.
    ballast = Path(f"/proc/{stack.small.pid}/root{stack.folder}/small/ballast")
    there = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, int(there.f_bavail * there.f_frsize * 0.97))
    yield
    ballast.unlink()


@contextmanager
def an_erasure_that_hangs(stack: Stack) -> Iterator[None]:
    """It has the store alone, so that commits wait."""
    with write_lock.exclusive(stack.settings().store, patience_s=60):
        stack.send()
        yield


@contextmanager
def a_redis_that_hangs(stack: Stack) -> Iterator[None]:
    stack.redis.pause()
    stack.send()
    yield
    stack.redis.resume()


@contextmanager
def no_redis(stack: Stack) -> Iterator[None]:
    stack.redis.stop()
    yield
    stack.redis.start()


@contextmanager
def a_fit_that_is_held(stack: Stack) -> Iterator[None]:
    planted = [
        (f"p{a}-{v}", f"artist-{a}", f"venue-{v}", 1_609_000_000_000)
        for a in range(300)
        for v in range(a % 7, 60, 7)
    ]
    before = stack.installation.status()["events"]
    stack.installation.send(*(stated(gig, "planted") for gig in planted))
    stack.installation.stored(before + len(planted))
    refused = stack.installation.commands.run("train", "--once")
    assert refused.returncode == 4, refused.stderr
    yield
    stack.installation.commands.json("accept")


@contextmanager
def a_producer_that_breaks_the_contract(stack: Stack) -> Iterator[None]:
    for number in range(WINDOW):
        bad = {"event_id": f"bad-{number}", "artist_id": "", "source": "box"}
        stack.installation.send_raw(json.dumps(bad).encode())
    stack.send(1)
    yield
    # Corrected: its latest messages are good.
    stack.send(2 * WINDOW, source="box")


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def frozen_processes(stack: Stack):
    return stopped(stack.consumer.process.pid, stack.trainer.pid, stack.api.process.pid)


@contextmanager
def no_broker(stack: Stack) -> Iterator[None]:
    stack.kafka.kill()
    yield
    stack.kafka.start()


FAULTS: dict[str, Callable] = {
    "StoreLags": an_erasure_that_hangs,
    "ListsStale": a_redis_that_hangs,
    "RedisAway": no_redis,
    "GateRefused": a_fit_that_is_held,
    "DeadLetters": a_producer_that_breaks_the_contract,
    "MaintenanceStuck": lambda stack: stopped(stack.maintenance()),
    "ProcessFrozen": frozen_processes,
    "DiskFills": a_disk_that_fills_up,
    "KafkaAway": no_broker,
}
LABELS = {
    "ProcessFrozen": {"job": {"consumer", "trainer", "serve"}},
    "GateRefused": {"verdict": {"held"}},
    "DeadLetters": {"source": {"box"}},
}


@pytest.fixture
def stack(tmp_path):
    with (
        KafkaBroker(own=True) as kafka,
        RedisServer() as redis,
        Installation(tmp_path, kafka, redis, "watched", partitions=2, **SETTINGS) as installation,
        Stack(tmp_path, kafka, redis, installation) as made,
    ):
        yield made


@pytest.mark.skipif(not shutil.which("unshare"), reason="a disk of its own needs Linux")
def test_each_alert_fires_by_a_real_fault_and_ends_with_it(stack):
    took = {alert: fired(stack, alert, fault) for alert, fault in FAULTS.items()}

    print(json.dumps(took))
    assert set(took) == {rule["alert"] for rule in RULES}


def fired(stack: Stack, alert: str, fault: Callable) -> float:
    """Seconds from a fault until the alert fires; it fires neither before nor afterwards."""

    def is_silent() -> bool:
        return not stack.prometheus.firing(alert)

    def fires() -> list[dict[str, str]]:
        return settled(stack.prometheus.firing(alert), alert)

    # Named by a wait that is in vain.
    is_silent.__qualname__, fires.__qualname__ = f"the end of {alert}", alert
    until(is_silent, 180, every_s=0.2)
    began_s = time.monotonic()
    with fault(stack):
        until(fires, 180, every_s=0.2)
        took_s = time.monotonic() - began_s
    until(is_silent, 180, every_s=0.2)
    return round(took_s, 1)


def settled(found: list[dict[str, str]], alert: str) -> list[dict[str, str]]:
    """The instances that fire, once all of those that the fault is to bring do."""
    wanted = LABELS.get(alert, {})
    is_whole = all({each[name] for each in found} >= values for name, values in wanted.items())
    return found if is_whole else []
