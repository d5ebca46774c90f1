"""Events on their way to Kafka, one answer for each request.

The contract's own judge decides about each event before anything is sent, so that the sender
learns what the consumer would have stored as a dead letter.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Condition
from types import TracebackType
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.errors import KafkaOptionRefused
from consumer.events import InvalidEvent, Tombstone, decode
from consumer.kafka.client import client_options
from consumer.kafka.outage import Watch
from consumer.settings import ConsumerSettings
from web.errors import NotConfirmed
from web.live.worker import Worker
from web.metrics import ACCEPTED, REFUSED, UNCONFIRMED, Meters

logger = logging.getLogger(__name__)

WAIT_S = 10.0
"""How long one request waits for Kafka."""
_LOOK_S = 0.02
# Records expire before the request does: a broker that is away is an answer, not a queue.
_OPTIONS = {
    "enable.idempotence": True,
    "compression.type": "lz4",
    "linger.ms": 2,
    "delivery.timeout.ms": 8_000,
    "queue.buffering.max.messages": 100_000,
}


class Verdict(NamedTuple):
    """What became of one event of a request."""

    place: int
    """Of the event in the request, from 0."""
    error: InvalidEvent | None
    """None: Kafka has it."""


class _Delivery:
    """The records of one request that Kafka has not confirmed."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._open = 0
        self._refusal: KafkaError | None = None

    def expect(self) -> None:
        with self._changed:
            self._open += 1

    def settle(self, error: KafkaError | None, _message: Message | None) -> None:
        """The producer's call-back, once for each record."""
        with self._changed:
            self._open -= 1
            self._refusal = self._refusal or error
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until all are confirmed.

        Raises:
            NotConfirmed: they are not in time, or Kafka refused one.
        """
        with self._changed:
            done = self._changed.wait_for(lambda: self._open <= 0, seconds)
        if self._refusal is not None or not done:
            cause = self._refusal.str() if self._refusal else f"no answer within {seconds:.0f} s"
            raise NotConfirmed(
                f"Kafka did not confirm the events ({cause}); send all of them again, as nothing "
                "counts twice"
            )


class EventSink(Worker):
    """Sends events to the topic; usable by many threads while the context lasts.

    Args:
        settings: of the broker and the topic, and what words of sources mean.
        meters: count the events, and show whether a broker is connected.

    Raises:
        KafkaOptionRefused: librdkafka does not know an option.
    """

    def __init__(self, settings: ConsumerSettings, meters: Meters) -> None:
        super().__init__("deliveries")
        self._topic, self._statuses = settings.kafka_topic, settings.statuses
        self._meters = meters
        watch = Watch(settings.kafka_bootstrap, meters.kafka)
        try:
            self._producer = Producer(client_options(settings, {**_OPTIONS, **watch.options}))
        except KafkaException as error:
            raise KafkaOptionRefused(error.args[0].str()) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        # Only requests that were cut off have records left here.
        self._producer.flush(WAIT_S)

    def send(self, values: Sequence[bytes]) -> list[Verdict]:
        """Judge events, send those that follow the contract, wait until Kafka has them.

        Args:
            values: JSON objects of the event contract.

        Returns:
            One verdict per event, in their order.

        Raises:
            NotConfirmed: Kafka has not confirmed all of them in time.
        """
        delivery = _Delivery()
        with self._counted(values):
            verdicts = [self._take(index, value, delivery) for index, value in enumerate(values)]
            delivery.wait(WAIT_S)
        refused = sum(each.error is not None for each in verdicts)
        self._meters.posted(REFUSED, refused)
        self._meters.posted(ACCEPTED, len(verdicts) - refused)
        return verdicts

    @contextmanager
    def _counted(self, values: Sequence[bytes]) -> Iterator[None]:
        try:
            yield
        except NotConfirmed:
            self._meters.posted(UNCONFIRMED, len(values))
            raise

    def _take(self, index: int, value: bytes, delivery: _Delivery) -> Verdict:
        try:
            key = _event_id(value, self._statuses)
        except InvalidEvent as error:
            return Verdict(index, error)
        # Before it is queued, since the call-back may come at once.
        delivery.expect()
        self._produce(value, key, delivery)
        return Verdict(index, None)

    def _produce(self, value: bytes, key: str, delivery: _Delivery) -> None:
        try:
            self._producer.produce(self._topic, value, key=key, on_delivery=delivery.settle)
        except BufferError:
            raise NotConfirmed(
                "the queue to Kafka is full; send these events again later"
            ) from None
        except KafkaException as error:
            raise NotConfirmed(
                f"Kafka does not take the event ({error.args[0].str()}); correct that and send it "
                "again"
            ) from None

    def run(self) -> None:
        """Serve what Kafka answers: call-backs of deliveries come from here."""
        while not self.stop.is_set():
            self._producer.poll(_LOOK_S)


def _event_id(value: bytes, statuses: Mapping[str, Mapping[str, str]]) -> str:
    """The event id of a JSON event, which becomes the record's key.

    Raises:
        InvalidEvent: it breaks the contract.
    """
    # The broker stamps the record in a moment: both clocks are this one.
    now_ms = time.time_ns() // 1_000_000
    event = decode(value, record_ms=now_ms, now_ms=now_ms, statuses=statuses)
    if isinstance(event, Tombstone):
        raise InvalidEvent("value", value, "is a tombstone", "send an event with a status")
    # As key it keeps all statements about one bill in one partition, in their order.
    return event.event_id
