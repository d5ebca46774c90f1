"""Queries about a topic: lag, retention, clean-up policy, our rights."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType  # type: ignore[attr-defined]

from consumer.deadline import Deadline
from consumer.errors import ConsumerError
from consumer.kafka import refusals
from consumer.kafka.client import admin_client, client_options, watermarks
from consumer.kafka.topic import Topic, identify
from consumer.settings import ConsumerSettings

_REPLY_S = 10.0
_OLDEST_S = 2.0
_AT_ONCE = 16


class Unanswered(ConsumerError):
    """The broker does not answer a query, or not to us."""

    exit_code = 3


class Waiting(NamedTuple):
    """What waits of one partition.

    Attributes:
        number: of the partition.
        low: the first offset that Kafka holds.
        end: the offset of the next record.
        stored: the next offset to read, as the store has it; None: nothing of it is stored.
        events: records that are not stored yet.
        oldest_ms: when the oldest of them was recorded, epoch ms; None: none, or it did not come.
    """

    number: int
    low: int
    end: int
    stored: int | None
    events: int
    oldest_ms: int | None


def lag(
    settings: ConsumerSettings, positions: Mapping[str, int], topic: Topic | None = None
) -> tuple[int, int | None]:
    """Records that are not stored yet, and when the oldest of them was recorded (epoch ms).

    Args:
        settings: Where broker and topic are.
        positions: The store's offsets, next to read, by app id.
        topic: As `identify` found it; None: it is found here.

    Raises:
        ConsumerError: The broker cannot be reached, refuses the login, or lacks the topic.
        Unanswered: It does not answer any more.
    """
    with closing(LagMeter(settings, topic)) as meter:
        return meter.read(positions)


class LagMeter:
    """Asks one topic for its lag, again and again.

    Args:
        settings: Where broker and topic are.
        topic: The topic, where it was identified already.

    Raises:
        ConsumerError: The broker cannot be reached, refuses the login, or lacks the topic.
    """

    def __init__(self, settings: ConsumerSettings, topic: Topic | None = None) -> None:
        self._settings = settings
        self._topic = topic or identify(settings)
        # The group's offsets belong to the consumers.
        ours = {"group.id": settings.kafka_group, "enable.auto.commit": "false"}
        # Small fetches: of each partition one record is wanted.
        ours |= {"fetch.message.max.bytes": "16384", "fetch.wait.max.ms": "10"}
        self._consumer = Consumer({**client_options(settings, {}), **ours})

    def read(self, positions: Mapping[str, int]) -> tuple[int, int | None]:
        """Records that are not stored yet, and when the oldest of them was recorded (epoch ms).

        Args:
            positions: The store's offsets, next to read, by app id.

        Raises:
            Unanswered: The broker does not answer.
        """
        found = self.waiting(positions)
        oldest_ms = [each.oldest_ms for each in found if each.oldest_ms is not None]
        return sum(each.events for each in found), min(oldest_ms, default=None)

    def waiting(self, positions: Mapping[str, int]) -> list[Waiting]:
        """What waits of each partition, by its number.

        Args:
            positions: The store's offsets, next to read, by app id.

        Raises:
            Unanswered: The broker does not answer.
        """
        found = [
            _waiting(number, low, end, positions.get(self._topic.app_id(number)))
            for number, low, end in self._ends()
        ]
        recorded_ms = self._recorded_ms(found)
        return [each._replace(oldest_ms=recorded_ms.get(each.number)) for each in found]

    def close(self) -> None:
        """Let the client end."""
        self._consumer.close()

    def _ends(self) -> list[tuple[int, int, int]]:
        """Each partition with its first offset and its end; all are asked at once."""

        def ask(number: int) -> tuple[int, int, int]:
            return number, *watermarks(self._consumer, self._topic.name, number, _REPLY_S)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                return list(pool.map(ask, self._topic.partitions))
            except KafkaException as error:
                raise Unanswered(
                    f"Kafka at {self._settings.kafka_bootstrap} does not answer "
                    f"({error.args[0].str()}); see whether it runs"
                ) from None

    def _recorded_ms(self, found: Iterable[Waiting]) -> dict[int, int]:
        """By partition, when its oldest waiting record was recorded, of those that come in time."""
        behind = {each.number: each.end - each.events for each in found if each.events}
        recorded: dict[int, int] = {}
        # Assigned, not subscribed: a look must not start a rebalance of the group.
        places = [TopicPartition(self._topic.name, number, at) for number, at in behind.items()]
        self._consumer.assign(places)
        deadline = Deadline(_OLDEST_S)
        while len(recorded) < len(behind) and not deadline.is_over:
            message = self._consumer.poll(deadline.left_s)
            if message is None or message.error() is not None:
                continue
            number = int(message.partition() or 0)
            recorded.setdefault(number, int(message.timestamp()[1]))
            # One is enough: further ones would come before those of other partitions.
            self._consumer.pause([TopicPartition(self._topic.name, number)])
        return recorded


def _waiting(number: int, low: int, end: int, stored: int | None) -> Waiting:
    # A position below the low counts from the low: deleted records are no lag. Where no row of a
    # partition is stored, all that it still holds waits.
    begin = max(low, low if stored is None else stored)
    return Waiting(number, low, end, stored, max(0, end - begin), None)


def retention(settings: ConsumerSettings, topic: str) -> dict[str, Any]:
    """Until when a topic keeps what it holds now.

    `retained_until` is the newest record's time plus `retention.ms`: Kafka deletes whole segments,
    within minutes of the last record's end. None where that is unknown or never; `said` is a line
    to print.

    Args:
        settings: Where the broker is.
        topic: Its name.
    """
    found: dict[str, Any] = {"topic": topic, "retention_ms": None, "newest_record_at": None}
    found |= {"retained_until": None}
    try:
        # The receipt covers the dead-letter topic too, hence the copy.
        known = identify(settings.model_copy(update={"kafka_topic": topic}))
        if known.embedded:
            return found | {"said": "an embedded broker forgets it when it stops"}
        admin = admin_client(settings)
        keeps_ms = int(_config(admin, topic, "retention.ms"))
        newest_ms = _newest_ms(admin, topic, known.partitions)
    except (ConsumerError, KafkaException) as error:
        cause = error.args[0].str() if isinstance(error, KafkaException) else error
        return found | {"said": f"unknown: {cause}"}
    return found | _retained(keeps_ms, newest_ms)


def _retained(keeps_ms: int, newest_ms: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"retention_ms": keeps_ms}
    if newest_ms is None:
        return found | {"said": "it holds no records"}
    found["newest_record_at"] = _instant(newest_ms)
    # Kafka's -1 means unlimited.
    if keeps_ms < 0:
        return found | {"said": "for ever: its retention.ms is -1"}
    until = _instant(newest_ms + keeps_ms)
    return found | {"retained_until": until, "said": f"until {until}, by its retention.ms"}


def _newest_ms(admin: AdminClient, topic: str, partitions: Iterable[int]) -> int | None:
    newest = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(topic, number): newest for number in partitions}
    answers = admin.list_offsets(asked, request_timeout=_REPLY_S).values()
    # An empty partition answers -1.
    return max((at for each in answers if (at := each.result().timestamp) >= 0), default=None)


def _instant(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="seconds")


def _config(admin: AdminClient, topic: str, name: str) -> str:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    (answer,) = admin.describe_configs([resource], request_timeout=_REPLY_S).values()
    return str(answer.result()[name].value)


def cleanup_policy(settings: ConsumerSettings) -> str:
    """The topic's `cleanup.policy`: `delete`, `compact` or both.

    Raises:
        Unanswered: The broker does not answer.
    """
    with shown(settings, f"the settings of topic {settings.kafka_topic}", "DescribeConfigs"):
        return _config(admin_client(settings), settings.kafka_topic, "cleanup.policy")


def rights(settings: ConsumerSettings) -> set[str]:
    """What we may do with the topic, by the names of Kafka's operations.

    Raises:
        Unanswered: The broker does not answer.
    """
    admin, name = admin_client(settings), settings.kafka_topic
    with shown(settings, f"our rights on topic {name}", "DESCRIBE"):
        answers = admin.describe_topics(
            TopicCollection([name]), include_authorized_operations=True, request_timeout=_REPLY_S
        )
        return {each.name for each in answers[name].result().authorized_operations or ()}


@contextmanager
def shown(settings: ConsumerSettings, what: str, grant: str) -> Iterator[None]:
    """Ask Kafka for something that it may not show us.

    Args:
        settings: of the broker.
        what: is asked for.
        grant: the right that is needed.

    Raises:
        Unanswered: the broker does not answer, or not to us.
    """
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        remedy = f"grant {grant} on it" if refusals.needs_grant(cause) else "try again later"
        raise Unanswered(
            f"Kafka at {settings.kafka_bootstrap} does not show {what} ({cause.str()}); {remedy}"
        ) from None
