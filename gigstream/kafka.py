"""What `status` and `check` ask the broker."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from consumer.errors import ConsumerError
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


def retention(settings: Settings, topic: str) -> dict[str, Any]:
    """Until when a topic keeps what it holds now, as far as the broker tells.

    `retained_until` is the newest record's time plus `retention.ms`: Kafka deletes whole segments,
    within minutes of the last record's end. None where that is unknown or never; `said` is a line
    for people.
    """
    found: dict[str, Any] = {"topic": topic, "retention_ms": None, "newest_record_at": None}
    found |= {"retained_until": None}
    try:
        known = identify(settings.model_copy(update={"kafka_topic": topic}))
        if known.embedded:
            return found | {"said": "an embedded broker forgets it when it stops"}
        admin = _admin(settings)
        keeps_ms = int(_config(admin, topic, "retention.ms"))
        newest_ms = _newest_ms(admin, topic, known.partitions)
    except (ConsumerError, KafkaException) as error:
        return found | {"said": f"unknown: {_one_line(error)}"}
    return found | _retained(keeps_ms, newest_ms)


def _retained(keeps_ms: int, newest_ms: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"retention_ms": keeps_ms}
    if newest_ms is None:
        return found | {"said": "it holds no records"}
    found["newest_record_at"] = _instant(newest_ms)
    if keeps_ms < 0:
        return found | {"said": "for ever: its retention.ms is -1"}
    until = _instant(newest_ms + keeps_ms)
    return found | {"retained_until": until, "said": f"until {until}, by its retention.ms"}


def _newest_ms(admin: AdminClient, topic: str, partitions: Iterable[int]) -> int | None:
    newest = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(topic, number): newest for number in partitions}
    answers = admin.list_offsets(asked, request_timeout=_REPLY_S).values()
    return max((at for each in answers if (at := each.result().timestamp) >= 0), default=None)


def _instant(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="seconds")


def _one_line(error: Exception) -> str:
    return str(error.args[0].str() if isinstance(error, KafkaException) else error)


def _admin(settings: Settings) -> AdminClient:
    servers = {"bootstrap.servers": settings.kafka_bootstrap}
    return AdminClient({**QUIET, **settings.kafka, **servers})


def _config(admin: AdminClient, topic: str, name: str) -> str:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    (answer,) = admin.describe_configs([resource], request_timeout=_REPLY_S).values()
    return str(answer.result()[name].value)


def cleanup_policy(settings: Settings) -> str:
    """The topic's `cleanup.policy`: `delete`, `compact` or both.

    Raises:
        Unreachable: The broker does not say.
    """
    try:
        return _config(_admin(settings), settings.kafka_topic, "cleanup.policy")
    except KafkaException as error:
        raise Unreachable(
            f"Kafka at {settings.kafka_bootstrap} does not tell the settings of topic "
            f"{settings.kafka_topic} ({error.args[0].str()}); grant DescribeConfigs on it",
        ) from None


def rights(settings: Settings) -> set[str]:
    """What we may do with the topic, by the names of Kafka's operations.

    Raises:
        Unreachable: The broker does not say.
    """
    servers = {"bootstrap.servers": settings.kafka_bootstrap}
    admin = AdminClient({**QUIET, **settings.kafka, **servers})
    name = settings.kafka_topic
    try:
        answers = admin.describe_topics(
            TopicCollection([name]), include_authorized_operations=True, request_timeout=_REPLY_S
        )
        return {each.name for each in answers[name].result().authorized_operations or ()}
    except KafkaException as error:
        raise Unreachable(
            f"Kafka at {settings.kafka_bootstrap} does not tell our rights on topic {name} "
            f"({error.args[0].str()}); grant DESCRIBE on it",
        ) from None
