"""One stage of chaos: a topic, a store, a feed and a group under faults."""

import fcntl
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos.audit import remarks
from chaos.feed import Feed
from chaos.group import Group
from chaos.oracle import Recount, counted, recount
from chaos.schedule import faults
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from consumer.table import delta_log
from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

QUICK = {"session.timeout.ms": "1500", "heartbeat.interval.ms": "300"}
_TICK_S = 0.05
_SETTLE_S = 120.0
_TEAR_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """Result of a stage; `wrong` is empty if everything is correct."""

    name: str
    kills: int
    recount: Recount
    counts: Counter[str]
    seconds: float
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stage:
    """Parameters of a stage.

    Attributes:
        brokers: killed and restarted in turn.
        options: librdkafka's.
        zombie_s: how long a stopped consumer is held; more than its session.
        size: members of the group.
        pause: kills between two larger events.
    """

    name: str
    brokers: Sequence[KafkaBroker]
    topic: str
    options: dict[str, str]
    zombie_s: float = 3.0
    size: int = 3
    pause: int = 10
    per_s: float = 150

    def settings(self, home: Path) -> ConsumerSettings:
        """Settings of each consumer."""
        return ConsumerSettings(
            home=home,
            kafka_bootstrap=",".join(broker.bootstrap for broker in self.brokers),
            kafka_topic=self.topic,
            kafka_group=self.topic,
            kafka=self.options,
            connect_timeout_s=60,
        )

    def run(self, home: Path, redis: RedisServer, *, kills: int, seed: int) -> Outcome:
        """Kills and other faults as the seed draws them, then quiet, then the recount."""
        began_s, settings = time.monotonic(), self.settings(home)
        draw = random.Random(seed)
        with Group(
            settings, faults(draw), size=self.size, zombie_s=self.zombie_s, draw=draw
        ) as group:
            with Feed(settings.kafka_bootstrap, self.topic, seed=seed, per_s=self.per_s) as feed:
                self._disturb(group, settings, kills, draw)
            settled = _settle(group, settings, feed)
            group.stop()
        found = recount(settings, feed.acknowledged)
        wrong = [
            *feed.failed,
            *group.crashes,
            *_wrong(found, feed),
            *remarks(settings, redis, found),
        ]
        if not settled:
            wrong.append(f"not everything was stored within {_SETTLE_S:g} s of calm")
        counts = group.counts + counted(group.logs)
        return Outcome(self.name, group.kills, found, counts, time.monotonic() - began_s, wrong)

    def _disturb(
        self, group: Group, settings: ConsumerSettings, kills: int, draw: random.Random
    ) -> None:
        events = self._events(group, settings, draw)
        for mark in itertools.count(self.pause, self.pause):
            while group.kills < min(mark, kills):
                group.tick()
                time.sleep(_TICK_S)
            if group.kills >= kills:
                return
            next(events)()

    def _events(
        self, group: Group, settings: ConsumerSettings, draw: random.Random
    ) -> Iterator[Callable[[], None]]:
        brokers = itertools.cycle(self.brokers)
        while True:
            yield lambda: _crash_broker(group, next(brokers), away_s=draw.uniform(0.5, 4))
            yield lambda: _cut_power(group, settings.store, draw)


def _crash_broker(group: Group, broker: KafkaBroker, *, away_s: float) -> None:
    broker.kill()
    group.counts["broker"] += 1
    until_s = time.monotonic() + away_s
    while time.monotonic() < until_s:
        group.tick()
        time.sleep(_TICK_S)
    broker.start()


def _cut_power(group: Group, store: Path, draw: random.Random) -> None:
    """Kill all consumers at once and truncate the last log entry."""
    give_up_at = time.monotonic() + _TEAR_S
    while time.monotonic() < give_up_at:
        group.kill_all()
        # Housekeeping ends with its owner, a moment later.
        with (store / ".upkeep.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        if tear(store, draw):
            group.counts["torn"] += 1
            return
        # The last entry has a checkpoint: what follows it has none at first.
        covered = delta_log.versions(store)[-1:]
        while delta_log.versions(store)[-1:] == covered and time.monotonic() < give_up_at:
            group.tick()
            time.sleep(_TICK_S)


def tear(store: Path, draw: random.Random) -> bool:
    """Truncate the last entry at a random byte, unless a checkpoint covers it."""
    there, marked = delta_log.versions(store), delta_log.checkpoints(store)
    if not there or there[-1] == 0 or (marked and marked[-1] == there[-1]):
        return False
    entry = delta_log.entry_path(store, there[-1])
    with entry.open("r+b") as file:
        file.truncate(draw.randrange(entry.stat().st_size))
    return True


def _settle(group: Group, settings: ConsumerSettings, feed: Feed) -> bool:
    """Stop feed and faults. Returns whether everything that was sent is stored."""
    tail, stored, give_up_at = StoreReader(settings.store), 0, time.monotonic() + _SETTLE_S
    while time.monotonic() < give_up_at:
        group.tick(calm=True)
        chunk = tail.read()
        if chunk is not None:
            stored = chunk.events.num_rows + chunk.dead + (0 if chunk.reset else stored)
        if stored >= len(feed.acknowledged):
            return True
        time.sleep(_TICK_S)
    return False


def _wrong(found: Recount, feed: Feed) -> Iterator[str]:
    if found.plays_differ:
        yield "the settled plays are not the oracle's"
    if not feed.aborted:
        yield "no transaction was aborted"
    if found.records < len(feed.acknowledged):
        yield "the topic holds less than its broker acknowledged"
