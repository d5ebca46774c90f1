"""The Kafka producer of imports and of the demo.

Words used here:
    queue: what librdkafka holds and the broker has not acknowledged; bounded.
    backlog: see `consumer.backlog`; only an embedded broker makes the sender wait for the store.
"""

import time
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.backlog import Backlog
from consumer.errors import ConsumerError
from consumer.events import Event, encode
from consumer.settings import ConsumerSettings
from consumer.tail import Tail
from consumer.topic import QUIET, identify

STALL_S = 30.0
_LOOK_S = 0.01
_FULL_QUEUE_S = 0.1
_SERVE_EVERY = 1_000
_PRODUCER = {
    "enable.idempotence": True,
    "compression.type": "lz4",
    "linger.ms": 5,
    "batch.size": 256 << 10,
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 64 << 10,
}


class NotDelivered(ConsumerError):
    """The broker did not take a message."""

    exit_code = 3


class Stalled(ConsumerError):
    """An embedded broker is full and nobody stores what it holds."""


class Sender:
    """Sends events, in order within a gig; leaving the context waits until all are delivered.

    Connects with the first event, so that a bad file is told before an absent broker, or earlier
    by `connect`; that raises what `consumer.topic` raises. Later on:
        NotDelivered: The broker refused a message or was away for five minutes.
        Stalled: The consumer behind an embedded broker stores nothing.
    """

    def __init__(self, settings: ConsumerSettings) -> None:
        self._settings = settings
        self._producer: Producer | None = None
        self._backlog: Backlog | None = None
        self._tail = Tail(settings.store, columns=["partition"])
        self._refusal: KafkaError | None = None
        self._since_served = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.flush()
        elif self._producer:
            self._producer.purge()

    def send(self, event: Event) -> None:
        """Queues one event; waits where the queue or an embedded broker is full."""
        producer, value = self.connect(), encode(event)
        if self._backlog:
            self._await_room(producer, self._backlog, len(value))
        while not self._queued(producer, event.event_id, value):
            self._serve(producer, _FULL_QUEUE_S)
        self._since_served += 1
        if self._since_served >= _SERVE_EVERY:
            self._since_served = 0
            self._serve(producer, 0)

    def flush(self) -> None:
        """Waits until the broker has all that was sent."""
        while self._producer and self._producer.flush(_FULL_QUEUE_S):
            self._raise_refusal()
        self._raise_refusal()

    def connect(self) -> Producer:
        """Connects, once."""
        if self._producer:
            return self._producer
        topic = identify(self._settings)
        if topic.embedded:
            self._backlog = Backlog(topic.app_ids)
        self._producer = Producer(
            {
                **QUIET,
                **_PRODUCER,
                **self._settings.kafka,
                "bootstrap.servers": self._settings.kafka_bootstrap,
                "delivery.report.only.error": not topic.embedded,
                "on_delivery": self._delivered,
            },
        )
        return self._producer

    def _queued(self, producer: Producer, key: str, value: bytes) -> bool:
        try:
            producer.produce(self._settings.kafka_topic, value, key)
        except BufferError:
            return False
        except KafkaException as error:  # too large, for one
            self._refusal = error.args[0]
            self._raise_refusal()
        return True

    def _serve(self, producer: Producer, timeout_s: float) -> None:
        """Takes in delivery reports."""
        producer.poll(timeout_s)
        self._raise_refusal()

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refusal = self._refusal or error
        elif self._backlog:
            partition, offset = message.partition() or 0, message.offset() or 0
            self._backlog.delivered(partition, offset, len(message.value() or b""))

    def _raise_refusal(self) -> None:
        if self._refusal is not None:
            raise NotDelivered(
                f"the broker at {self._settings.kafka_bootstrap} did not take a message "
                f"({self._refusal.str()}); mend that and import again: nothing counts twice",
            )

    def _await_room(self, producer: Producer, backlog: Backlog, size: int) -> None:
        backlog.queued(size)
        moved_s = time.monotonic()
        while backlog.full:
            self._serve(producer, _LOOK_S)
            chunk = self._tail.read()
            if chunk is not None and backlog.stored(chunk.positions):
                moved_s = time.monotonic()
            if time.monotonic() - moved_s > STALL_S:
                raise Stalled(
                    f"the embedded broker is full, and for {STALL_S:.0f} s nothing was stored in "
                    f"{self._settings.store}; see why `gigstream consume` does not store",
                )
