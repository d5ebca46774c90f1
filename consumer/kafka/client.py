"""Clients of librdkafka with our options: ours, those of the settings, and those that must hold."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.deadline import Deadline
from consumer.errors import KafkaOptionRefused
from consumer.settings import ConsumerSettings

QUIET = {"log_level": "2"}
"""librdkafka reports each attempt to reconnect on stderr; what matters comes as an error."""

_FETCHING = {
    # What librdkafka buffers for us at most, and how soon it fetches again. It unpacks a whole
    # answer at once: an answer of many small batches must stay small; one batch comes whole.
    "fetch.message.max.bytes": 16 * 1024,
    "queued.min.messages": 500_000,
    "queued.max.messages.kbytes": 32 * 1024,
    "fetch.queue.backoff.ms": 5,
    "fetch.wait.max.ms": 100,
    # A broker that comes back is noticed within a second, not ten.
    "reconnect.backoff.max.ms": 1_000,
    # How soon partitions that were added, and a topic that was deleted, are noticed.
    "topic.metadata.refresh.interval.ms": 30_000,
}
_LEADER_MOVES = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}
_AGAIN_S = 0.1

_CLASSIC_GROUP = {
    # The shortest that every broker accepts. It counts only where a whole machine dies: the death
    # of a process is noticed at once (`static_members`).
    "session.timeout.ms": 6_000,
    # The other members learn from the next heartbeat that partitions are free.
    "heartbeat.interval.ms": 500,
    "partition.assignment.strategy": "cooperative-sticky",
}


def client_options(settings: ConsumerSettings, ours: Mapping[str, Any]) -> dict[str, Any]:
    """Options of any client: `ours` may be overridden by the settings, the address may not."""
    return {
        **QUIET,
        **ours,
        # In this order: an operator may change our defaults, but not what correctness needs.
        **settings.kafka,
        "bootstrap.servers": settings.kafka_bootstrap,
    }


def consumer_options(settings: ConsumerSettings) -> dict[str, Any]:
    """Options of a consumer, without call-backs."""
    group = {} if settings.modern_group else _CLASSIC_GROUP
    return {
        **client_options(settings, {**_FETCHING, **group}),
        "group.id": settings.kafka_group,
        # Positions come from the store. Where Kafka does not hold one, the loop decides: Kafka must
        # not silently start elsewhere.
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        # The end of a partition shows positions that moved without a record (transaction markers).
        "enable.partition.eof": True,
    }


def watermarks(consumer: Consumer, topic: str, partition: int, timeout_s: float) -> tuple[int, int]:
    """The first offset that Kafka holds of a partition, and its end.

    Args:
        consumer: any.
        topic: its name.
        partition: its number.
        timeout_s: how long to wait for the answer.

    Raises:
        KafkaException: there was none.
    """
    place, deadline = TopicPartition(topic, partition), Deadline(timeout_s)
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=deadline.left_s)
        except KafkaException as error:
            if error.args[0].code() not in _LEADER_MOVES or deadline.is_over:
                raise
            # The client asks for the new leader meanwhile.
            time.sleep(_AGAIN_S)
        else:
            return int(low), int(high)


def admin_client(
    settings: ConsumerSettings, complain: Callable[[KafkaError], None] = lambda _error: None
) -> AdminClient:
    """A client of Kafka's administration; keep a reference, as a dropped one fails its calls.

    Raises:
        KafkaOptionRefused: librdkafka does not know an option.
    """
    try:
        options: dict[str, Any] = {**client_options(settings, {}), "error_cb": complain}
        return AdminClient(options)
    except KafkaException as error:
        raise KafkaOptionRefused(error.args[0].str()) from None
