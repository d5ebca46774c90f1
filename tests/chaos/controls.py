"""Controls of the harness: without one guard at a time, events must be lost or doubled.

Each guard has a scenario that needs it. With all guards the scenario loses and doubles nothing,
without that one it must: a control that passes proves that the recount is blind.
"""

import signal
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from chaos.group import Member
from chaos.oracle import Recount, recount
from chaos.stage import QUICK
from chaos.unguarded import without
from consumer.ingest.loop import Ingest
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from consumer.store.writer import Store
from consumer.table import delta_log
from support.data.feed import send
from support.data.records import gig, until
from support.processes.consume import KILLED, Consuming
from support.processes.loop import looping, turn_until
from support.servers.kafka import KafkaBroker

_COUNT = 30
_WITHIN_S = 30


class Scenario:
    """A scenario: one partition, thirty gigs, one sequence of faults.

    Args:
        kafka: the broker; the topic is a new one.
        home: of the store.
        guard: which one is missing; None: none.
    """

    def __init__(self, kafka: KafkaBroker, home: Path, guard: str | None) -> None:
        topic = kafka.create_topic()
        self._kafka = kafka
        self._guard = guard
        self.settings = ConsumerSettings(
            home=home,
            kafka_bootstrap=kafka.bootstrap,
            kafka_topic=topic,
            kafka_group=topic,
            kafka=QUICK,
        )
        self.send(0)

    def send(self, first: int) -> None:
        """Send thirty gigs."""
        said = {"time": 1_540_000_000_000, "status": "confirmed"}
        values = (gig(number, **said) for number in range(first, first + _COUNT))
        send(self._kafka.bootstrap, self.settings.kafka_topic, *values)

    def zombie(self) -> None:
        """Stop a consumer right before its commit, let another one store, then resume the first."""
        with self._consumer(("parquet_written", 1, "stop")) as zombie:
            until(lambda: Member(zombie, None).stopped, _WITHIN_S)
            with Consuming(self.settings) as heir:
                self._wait_for(_COUNT)
                zombie.signal(signal.SIGCONT)
                until(lambda: zombie.said.count("Stored ") or "stored on" in zombie.said, _WITHIN_S)
                heir.stop()

    def moved(self) -> None:
        """Move the group's committed offsets in Kafka."""
        topic, group = self.settings.kafka_topic, self.settings.kafka_group
        moved = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 20)])

        def altered() -> bool:
            try:
                found = self._kafka.admin.alter_consumer_group_offsets([moved])[group].result(30)
            except KafkaException:
                return False  # the first group of a new broker has no coordinator yet
            return all(each.error is None for each in found.topic_partitions)

        until(altered, _WITHIN_S)
        self._read_on(_COUNT)

    def killed(self) -> None:
        """Kill the consumer after it has read everything and stored nothing."""
        with self._consumer(("before_commit", 1, "kill")) as consumer:
            assert consumer.code(_WITHIN_S) == KILLED, consumer.said
        self.send(_COUNT)
        self._read_on(2 * _COUNT)

    def redelivered(self) -> None:
        """Let Kafka deliver records a second time."""
        with without(self._guard), looping(self.settings) as loop:
            consumer, start = loop._consumer, [TopicPartition(loop._topic.name, 0, 0)]
            loop._assigned(consumer, start)
            _turn(loop, _COUNT)
            consumer.incremental_unassign(start)
            consumer.incremental_assign(start)
            self.send(_COUNT)
            _turn(loop, 2 * _COUNT)

    def torn(self) -> None:
        """Leave two lines of the last log entry, as a power cut may."""
        self._read_on(_COUNT)
        last = delta_log.entry_path(
            self.settings.store, delta_log.versions(self.settings.store)[-1]
        )
        last.write_bytes(b"".join(last.read_bytes().splitlines(keepends=True)[:2]))
        self.send(_COUNT)
        self._read_on(2 * _COUNT)

    def _read_on(self, position: int) -> None:
        with self._consumer() as consumer:
            self._wait_for(position)
            consumer.stop()

    def _wait_for(self, position: int) -> None:
        def reached() -> bool:
            chunk = StoreReader(self.settings.store).read()
            return chunk is not None and max(chunk.positions.values(), default=0) >= position

        with without(self._guard):
            until(reached, _WITHIN_S)

    def _consumer(self, fault: tuple[str, int, str] | None = None) -> Consuming:
        program = (
            ("chaos.unguarded", self._guard) if self._guard else ("support.processes.consume",)
        )
        return Consuming(self.settings, fault=fault, program=program)


def _turn(loop: Ingest, position: int) -> None:
    app_id = loop._topic.app_id(0)
    path = loop._appender._store._path

    def held() -> int:
        return Store.open(path).positions([app_id])[app_id] or 0

    turn_until(loop, lambda: held() >= position)


_STORIES: dict[str, Callable[[Scenario], None]] = {
    "guard 1": Scenario.zombie,
    "guard 2": Scenario.zombie,
    "positions of the store": Scenario.moved,
    "stored before acknowledged": Scenario.killed,
    "messages below the position dropped": Scenario.redelivered,
    "torn entries seen": Scenario.torn,
}


def control(kafka: KafkaBroker, home: Path, guard: str, *, removed: bool) -> Recount:
    """The recount after this guard's scenario, with or without the guard."""
    scenario = Scenario(kafka, home, guard if removed else None)
    _STORIES[guard](scenario)
    return recount(scenario.settings, {})
