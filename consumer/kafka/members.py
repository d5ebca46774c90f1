"""Members of the consumer group that store somewhere else: two stores must not share a group.

Kafka gives each partition to one member of a group. Where consumers of two stores are in one group,
each store lacks what the other one receives, and no consumer sees anything wrong.

A member is of this store if its instance id is the name of one of the store's member files
(`static_members`), or if its client id is the store's.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException

from consumer.errors import ConsumerError
from consumer.kafka import static_members
from consumer.kafka.client import admin_client
from consumer.kafka.topic import Topic, identify
from consumer.settings import ConsumerSettings
from consumer.table import delta_log

logger = logging.getLogger(__name__)

_REPLY_S = 5.0
_CONNECT_S = 1
_AGAIN_S = 600.0
_CLIENT_ID = "client.id"
_OURS = "gigstream-"
_DIGITS = 12
_SHOWN = 3


@dataclass(frozen=True)
class Member:
    """A member of the group.

    Attributes:
        name: its instance id, else its client id.
        host: from which it is connected.
        partitions: of our topic that it reads.
    """

    name: str
    host: str
    partitions: tuple[int, ...]

    def __str__(self) -> str:
        numbers = ", ".join(map(str, self.partitions))
        return f"{self.name} at {self.host} reads partitions {numbers}"


def client_id(settings: ConsumerSettings) -> str:
    """The client id of a store's consumers; an operator may choose another."""
    chosen = settings.kafka.get(_CLIENT_ID)
    if chosen:
        return chosen
    snapshot = delta_log.replay(settings.store)
    table = snapshot.table.id if snapshot else ""
    return f"{_OURS}{table.replace('-', '')[:_DIGITS]}"


def other_members(settings: ConsumerSettings, topic: Topic) -> list[Member]:
    """Members of the settings' group that read the topic and store somewhere else.

    Args:
        settings: of this store's consumers.
        topic: as `identify` found it.

    Raises:
        KafkaException: the broker does not answer, or not to us.
    """
    if topic.embedded:  # it describes no groups, and ends with the stack that has one store
        return []
    admin, group = admin_client(settings), settings.kafka_group
    described = admin.describe_consumer_groups([group], request_timeout=_REPLY_S)[group].result()
    ours, names = client_id(settings), static_members.names(settings.store)
    return [
        member
        for each in described.members
        if not _is_ours(each, ours, names) and (member := _member(each, topic.name)).partitions
    ]


def _is_ours(described: Any, client_id: str, names: Sequence[str]) -> bool:  # noqa: ANN401 - untyped
    instance: str = described.group_instance_id or ""
    # An instance id of this form was given by some gigstream, from its own store.
    if instance.startswith(_OURS):
        return instance in names
    return bool(described.client_id == client_id)


def _member(described: Any, topic: str) -> Member:  # noqa: ANN401 - untyped
    assigned = described.assignment.topic_partitions
    numbers = sorted(each.partition for each in assigned if each.topic == topic)
    name = described.group_instance_id or described.client_id
    return Member(name, described.host.removeprefix("/"), tuple(numbers))


def text(found: Sequence[Member], settings: ConsumerSettings) -> str:
    """What is wrong and what to do, in one line."""
    return (
        f"consumers of another store are in the group {settings.kafka_group!r} of topic "
        f"{settings.kafka_topic} ({'; '.join(_first(found))}): each store lacks what the other "
        "one receives. Give each store a group of its own (GIGSTREAM_KAFKA_GROUP) and restart "
        "its consumers: they then store what is missing, as long as Kafka holds it"
    )


def _first(found: Sequence[Member]) -> Iterator[str]:
    yield from map(str, found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"and {len(found) - _SHOWN} more"


class MemberWatch:
    """Looks for other stores' consumers now and then, and writes them to the log.

    Args:
        settings: of this store's consumers.
        now_s: a monotonic clock.
    """

    def __init__(
        self, settings: ConsumerSettings, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        # A broker that is away must not hold up what else is done in this process.
        self._settings = settings.model_copy(update={"connect_timeout_s": _CONNECT_S})
        self._now_s = now_s
        self._topic: Topic | None = None
        self._before: list[str] = []
        self._said_s = -_AGAIN_S

    def look(self) -> None:
        """Log members that were there at the last look too, again every ten minutes."""
        try:
            self._topic = self._topic or identify(self._settings)
            found = other_members(self._settings, self._topic)
        except (KafkaException, ConsumerError) as error:
            logger.debug("The group's members are not known: %s", error)
            return
        # One look alone may meet a member whose file is gone and who leaves at this moment.
        stayed = [each for each in found if each.name in self._before]
        self._before = [each.name for each in found]
        if stayed and self._now_s() - self._said_s >= _AGAIN_S:
            self._said_s = self._now_s()
            logger.error("ALARM: %s", text(stayed, self._settings))
