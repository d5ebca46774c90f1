"""The identity of a topic: the store keeps its positions by it.

A topic that was deleted and created again has another id, so its offsets are not mistaken for
those of the old one. librdkafka's mock cluster (the embedded broker of the demo) has no topic ids:
there the cluster id, new at each start, stands for the topic's id too.
"""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.deadline import Deadline
from consumer.errors import (
    BrokerUnreachable,
    ConsumerError,
    Stopped,
    TopicMissing,
    WrongCredentials,
)
from consumer.kafka import refusals
from consumer.kafka.client import admin_client
from consumer.kafka.outage import diagnosis
from consumer.settings import ConsumerSettings

logger = logging.getLogger(__name__)

_EMBEDDED = "mockCluster"
_SLICE_S = 0.2
_REPLY_S = 10.0

Reply = TypeVar("Reply")


def app_id(cluster_id: str, topic_id: str, partition: int) -> str:
    """The store's name of a partition.

    Args:
        cluster_id: of Kafka.
        topic_id: of the topic.
        partition: its number.
    """
    return f"{cluster_id}/{topic_id}/{partition}"


@dataclass(frozen=True)
class Topic:
    """A topic as the store knows it.

    Attributes:
        partitions: the numbers of its partitions.
        topic_id: its id; the cluster's on an embedded broker, whose offsets begin at 0 again.
    """

    name: str
    cluster_id: str
    topic_id: str
    partitions: range

    @property
    def embedded(self) -> bool:
        """Whether the broker is librdkafka's mock cluster."""
        return is_embedded(self.cluster_id)

    @property
    def app_ids(self) -> dict[int, str]:
        """The store's name of each partition, by its number."""
        return {number: self.app_id(number) for number in self.partitions}

    def app_id(self, partition: int) -> str:
        """The store's name of a partition."""
        return app_id(self.cluster_id, self.topic_id, partition)

    @property
    def incarnation(self) -> str:
        """Cluster id and topic id, as people and Kafka's own tools write them."""
        return incarnation_of(self.app_id(0))


class Found(NamedTuple):
    """A broker's answer on a topic."""

    topic_id: str
    partitions: range


def is_embedded(app_id: str) -> bool:
    """Whether a position belongs to an embedded broker; it is void when that broker ends."""
    return app_id.startswith(_EMBEDDED)


def incarnation_of(app_id: str) -> str:
    """Cluster id and topic id of a position's app id."""
    # librdkafka writes topic ids in base64 with `+` and `/`, Kafka's tools with `-` and `_`.
    cluster_id, _, rest = app_id.partition("/")
    topic_id = rest.rpartition("/")[0]
    return f"{cluster_id}/{topic_id.replace('+', '-').replace('/', '_')}"


def identify(settings: ConsumerSettings, *, stopping: Callable[[], bool] = lambda: False) -> Topic:
    """Find the topic; it is created where it is missing and the settings allow it.

    Args:
        settings: broker, topic, options, and how long to wait.
        stopping: whether to give up waiting.

    Raises:
        BrokerUnreachable: no answer within ``connect_timeout_s``.
        WrongCredentials: the broker refused the login.
        NotAuthorized: we may not see or create the topic.
        TopicMissing: there is no such topic.
        KafkaOptionRefused: librdkafka does not know an option.
        Stopped: ``stopping`` came true.
    """
    complaints: list[KafkaError] = []
    admin = admin_client(settings, complaints.append)
    cluster_id = _cluster_id(admin, settings, complaints, stopping)
    # To describe a topic of the mock cluster would create it.
    embedded = cluster_id.startswith(_EMBEDDED)
    found = (
        _find_embedded(admin, settings, cluster_id)
        if embedded
        else _find(admin, settings, stopping)
    )
    if found is None:
        raise TopicMissing(settings.kafka_topic, settings.kafka_bootstrap)
    return Topic(settings.kafka_topic, cluster_id, *found)


def _cluster_id(
    admin: AdminClient,
    settings: ConsumerSettings,
    complaints: list[KafkaError],
    stopping: Callable[[], bool],
) -> str:
    """The first answer of a broker, waited for in slices so that a signal is noticed."""
    deadline = Deadline(settings.connect_timeout_s)
    while True:
        try:
            return admin.cluster_id(timeout=_SLICE_S)
        except KafkaException as error:
            cause = error.args[0]
        # Serves the error call-back: a refused login is only reported there.
        admin.poll(0)
        _refuse_login(settings, complaints)
        if stopping():
            raise Stopped
        if deadline.is_over:
            # Not the summary "all brokers are down": the cause is in another one.
            summary = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
            causes = [complaint for complaint in complaints if complaint.code() != summary]
            raise _unreachable(settings, causes[-1] if causes else None, cause)


def _unreachable(
    settings: ConsumerSettings, reported: KafkaError | None, cause: KafkaError
) -> ConsumerError:
    wanted = None if reported else diagnosis(settings.kafka_bootstrap, settings.kafka)
    if wanted:
        return WrongCredentials(settings.kafka_bootstrap, wanted)
    reason = (reported or cause).str()
    return BrokerUnreachable(settings.kafka_bootstrap, settings.connect_timeout_s, reason)


def _refuse_login(settings: ConsumerSettings, complaints: list[KafkaError]) -> None:
    for complaint in complaints:
        if complaint.code() in {KafkaError._AUTHENTICATION, KafkaError._SSL}:  # noqa: SLF001
            raise WrongCredentials(settings.kafka_bootstrap, complaint.str())


def describe(
    admin: AdminClient,
    name: str,
    *,
    timeout_s: float,
    stopping: Callable[[], bool] = lambda: False,
) -> Found | None:
    """Describe the topic of that name; None: there is none.

    Args:
        admin: the client.
        name: of the topic.
        timeout_s: how long to wait for the answer.
        stopping: whether to give up waiting.

    Raises:
        KafkaException: no answer, or an error.
        Stopped: ``stopping`` came true.
    """
    answers = admin.describe_topics(TopicCollection([name]), request_timeout=timeout_s)
    try:
        described = _reply(answers[name], stopping)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise
    return Found(str(described.topic_id), range(len(described.partitions)))


def _reply(asked: Future[Reply], stopping: Callable[[], bool]) -> Reply:
    """A broker's reply, waited for in slices so that a signal is noticed and the pulse beats."""
    while True:
        try:
            return asked.result(_SLICE_S)
        except TimeoutError:
            if stopping():
                raise Stopped from None


def _find(
    admin: AdminClient, settings: ConsumerSettings, stopping: Callable[[], bool]
) -> Found | None:
    """The topic; None where it is missing and was not created."""
    found = _describe(admin, settings, stopping)
    if found is None and settings.kafka_create_partitions:
        _create(admin, settings, stopping)
        deadline = Deadline(_REPLY_S)
        while found is None and not deadline.is_over:
            time.sleep(_SLICE_S)
            found = _describe(admin, settings, stopping)
    return found


def _reply_s(settings: ConsumerSettings) -> float:
    # A broker that answers may itself wait for the controller that the cluster has lost.
    return max(_REPLY_S, settings.connect_timeout_s)


def _describe(
    admin: AdminClient, settings: ConsumerSettings, stopping: Callable[[], bool]
) -> Found | None:
    with _translating(settings):
        name, reply_s = settings.kafka_topic, _reply_s(settings)
        return describe(admin, name, timeout_s=reply_s, stopping=stopping)


def _create(admin: AdminClient, settings: ConsumerSettings, stopping: Callable[[], bool]) -> None:
    name, partitions = settings.kafka_topic, settings.kafka_create_partitions
    with _translating(settings):
        reply_s = _reply_s(settings)
        try:
            made = admin.create_topics([NewTopic(name, partitions)], request_timeout=reply_s)
            _reply(made[name], stopping)
            logger.info("Created topic %s with %d partitions", name, partitions)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _find_embedded(admin: AdminClient, settings: ConsumerSettings, cluster_id: str) -> Found | None:
    # To ask the mock cluster for a topic by name is to create it: CreateTopics times out there.
    name = settings.kafka_topic
    topics = admin.list_topics(timeout=_REPLY_S).topics
    if name not in topics and settings.kafka_create_partitions:
        topics = admin.list_topics(name, timeout=_REPLY_S).topics
    found = topics.get(name)
    return Found(cluster_id, range(len(found.partitions))) if found else None


@contextmanager
def _translating(settings: ConsumerSettings) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        if cause.code() in {KafkaError._TIMED_OUT, KafkaError._TRANSPORT}:  # noqa: SLF001
            waited_s = _reply_s(settings)
            raise BrokerUnreachable(settings.kafka_bootstrap, waited_s, cause.str()) from None
        raise refusals.translated(cause, settings.kafka_topic) from None
