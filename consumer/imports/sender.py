"""Sends the events of imports and of the demo to Kafka.

librdkafka's mock cluster (an embedded broker) keeps 5 MiB of a partition and silently drops the
oldest messages beyond that. So with an embedded broker, and only there, the sender waits for the
store after each `LIMIT_BYTES`.
"""

import time
from contextlib import closing
from typing import Self

from confluent_kafka import Consumer

from consumer.deadline import Deadline
from consumer.errors import ConsumerError
from consumer.events import Event, encode
from consumer.kafka.client import client_options, watermarks
from consumer.kafka.producer import RecordProducer
from consumer.kafka.topic import Topic, identify
from consumer.settings import ConsumerSettings
from consumer.table import delta_log

LIMIT_BYTES = 4 << 20
_OVERHEAD_BYTES = 64  # of a record, beside value and key
STALL_S = 30.0
_LOOK_S = 0.01
_SERVE_EVERY = 1_000
_BATCHING = {
    "batch.size": 256 << 10,
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 64 << 10,
}


class Stalled(ConsumerError):
    """An embedded broker is full, and no consumer stores what it holds."""


class Sender:
    """Sends events, in order within a gig; leaving the context waits until all are delivered.

    Connects with the first event, so that a bad file is reported before an absent broker, or
    earlier by `connect`; that raises what `consumer.kafka.topic` raises. Later on:
        NotDelivered: The broker refused a message or was away for five minutes.
        Stalled: The consumer behind an embedded broker stores nothing.
    """

    def __init__(self, settings: ConsumerSettings) -> None:
        self._settings = settings
        self._producer: RecordProducer | None = None
        self._topic: Topic | None = None
        self._unstored_bytes = self._since_served = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        if error is None:
            self.flush()
        elif self._producer:
            self._producer.purge()

    def send(self, event: Event) -> None:
        """Queue one event; waits where the queue or an embedded broker is full."""
        producer, value = self.connect(), encode(event)
        if self._topic and self._topic.embedded:
            size = len(value) + len(event.event_id) + _OVERHEAD_BYTES
            self._unstored_bytes += size
            if self._unstored_bytes > LIMIT_BYTES:
                self._wait_for_store(producer, self._topic)
                self._unstored_bytes = size
        producer.produce(self._settings.kafka_topic, value, key=event.event_id)
        # Delivery reports are handled in batches: a call for each event would halve the rate.
        self._since_served += 1
        if self._since_served >= _SERVE_EVERY:
            self._since_served = 0
            producer.serve(0)

    def flush(self) -> None:
        """Wait until the broker has all that was sent."""
        if self._producer:
            self._producer.flush()

    def connect(self) -> RecordProducer:
        """Connect, once."""
        if self._producer is None:
            self._topic = identify(self._settings)
            self._producer = RecordProducer(self._settings, repeat="import", options=_BATCHING)
        return self._producer

    def _wait_for_store(self, producer: RecordProducer, topic: Topic) -> None:
        """Wait until the store has all that was sent: that much the broker may forget."""
        producer.flush()
        # Asked for, not taken from delivery reports: a signal in their call-backs would be lost.
        ends = self._ends(topic)
        deadline, before = Deadline(STALL_S), 0
        while not deadline.is_over:
            snapshot = delta_log.replay(self._settings.store)
            positions = snapshot.positions if snapshot else {}
            if all(positions.get(name, 0) >= end for name, end in ends.items()):
                return
            stored = sum(positions.get(name, 0) for name in ends)
            if stored > before:
                deadline, before = Deadline(STALL_S), stored
            time.sleep(_LOOK_S)
        raise Stalled(
            f"the embedded broker is full, and for {STALL_S:.0f} s nothing was stored in "
            f"{self._settings.store}; see why `gigstream consume` does not store"
        )

    def _ends(self, topic: Topic) -> dict[str, int]:
        options = {**client_options(self._settings, {}), "group.id": self._settings.kafka_group}
        with closing(Consumer(options)) as consumer:
            return {
                name: watermarks(consumer, topic.name, number, STALL_S)[1]
                for number, name in topic.app_ids.items()
            }
