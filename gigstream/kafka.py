"""What `status` and `check` ask the broker."""

from collections.abc import Mapping
from contextlib import closing

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    ResourceType,
)

from consumer.topic import QUIET, identify
from gigstream.errors import Unreachable
from gigstream.settings import Settings

_REPLY_S = 10.0
_OLDEST_S = 2.0


def lag(settings: Settings, positions: Mapping[str, int]) -> tuple[int, int | None]:
    """Records that are not stored yet, and when the oldest was recorded (epoch ms), if any is.

    Args:
        settings: Where broker and topic are.
        positions: The store's offsets, next to read, by app id.

    Raises:
        ConsumerError: The broker cannot be reached, refuses the login, or lacks the topic.
        Unreachable: It does not answer any more.
    """
    topic = identify(settings)
    ours = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "group.id": settings.kafka_group,
        "enable.auto.commit": "false",
    }
    with closing(Consumer({**QUIET, **settings.kafka, **ours})) as consumer:
        behind: list[TopicPartition] = []
        events = 0
        for number in topic.partitions:
            begin, end = _watermarks(consumer, settings, number)
            stored = positions.get(topic.app_id(number), begin)
            if end > max(begin, stored):
                behind.append(TopicPartition(settings.kafka_topic, number, max(begin, stored)))
                events += end - max(begin, stored)
        return events, _oldest_ms(consumer, behind)


def _watermarks(consumer: Consumer, settings: Settings, partition: int) -> tuple[int, int]:
    """First offset and end of a partition."""
    try:
        where = TopicPartition(settings.kafka_topic, partition)
        begin, end = consumer.get_watermark_offsets(where, timeout=_REPLY_S)
    except KafkaException as error:
        raise Unreachable(
            f"Kafka at {settings.kafka_bootstrap} does not answer ({error.args[0].str()}); "
            "see whether it runs",
        ) from None
    return int(begin), int(end)


def _oldest_ms(consumer: Consumer, behind: list[TopicPartition]) -> int | None:
    """The least record timestamp at these positions, as far as they come in time."""
    found: list[int] = []
    for position in behind:
        consumer.assign([position])
        message = consumer.poll(_OLDEST_S)
        if message is not None and message.error() is None:
            found.append(int(message.timestamp()[1]))
    return min(found, default=None)


def cleanup_policy(settings: Settings) -> str:
    """The topic's `cleanup.policy`: `delete`, `compact` or both.

    Raises:
        Unreachable: The broker does not say.
    """
    servers = {"bootstrap.servers": settings.kafka_bootstrap}
    admin = AdminClient({**QUIET, **settings.kafka, **servers})
    resource = ConfigResource(ResourceType.TOPIC, settings.kafka_topic)
    try:
        (answer,) = admin.describe_configs([resource], request_timeout=_REPLY_S).values()
        return str(answer.result()["cleanup.policy"].value)
    except KafkaException as error:
        raise Unreachable(
            f"Kafka at {settings.kafka_bootstrap} does not tell the settings of topic "
            f"{settings.kafka_topic} ({error.args[0].str()}); grant DescribeConfigs on it",
        ) from None
