"""Which topic this is: the identity that the store keeps positions by.

A topic that was deleted and made anew has another id, so its offsets are not mistaken for the
old one's. librdkafka's mock cluster (the embedded broker of the demo) tells no ids: there the
cluster's id, new at each start, does alone.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.errors import (
    BrokerUnreachable,
    ConsumerError,
    KafkaFailed,
    KafkaOptionRefused,
    NotAuthorized,
    Stopped,
    TopicMissing,
    WrongCredentials,
)
from consumer.probe import diagnosis
from consumer.settings import ConsumerSettings
from consumer.store import app_id

logger = logging.getLogger(__name__)

QUIET = {"log_level": "2"}
"""librdkafka reports each attempt to reconnect on stderr; what matters comes as an error."""

_EMBEDDED = "mockCluster"
_SLICE_S = 0.2
_REPLY_S = 10.0


@dataclass(frozen=True)
class Topic:
    """A topic as the store knows it.

    Attributes:
        partitions: the numbers of its partitions.
        topic_id: its id, ``-`` on an embedded broker.
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
    """What a broker tells of a topic."""

    topic_id: str
    partitions: range


def is_embedded(app_id: str) -> bool:
    """Whether a position is of an embedded broker, gone with it."""
    return app_id.startswith(_EMBEDDED)


def incarnation_of(app_id: str) -> str:
    """Cluster and topic of a position."""
    # librdkafka writes topic ids in base64 with `+` and `/`, Kafka's tools with `-` and `_`.
    cluster_id, _, rest = app_id.partition("/")
    topic_id = rest.rpartition("/")[0]
    return f"{cluster_id}/{topic_id.replace('+', '-').replace('/', '_')}"


def identify(settings: ConsumerSettings, *, stopping: Callable[[], bool] = lambda: False) -> Topic:
    """Find the topic, made where it is missing and the settings say so.

    Args:
        settings: broker, topic, options, and how long to wait.
        stopping: asked while waiting; true ends the wait.

    Raises:
        BrokerUnreachable: no answer within ``connect_timeout_s``.
        WrongCredentials: the broker refused the login.
        NotAuthorized: we may not see or create the topic.
        TopicMissing: it is not there.
        KafkaOptionRefused: librdkafka does not know an option.
        Stopped: ``stopping`` came true.
    """
    complaints: list[KafkaError] = []
    admin = admin_client(settings, complaints.append)
    cluster_id = _cluster_id(admin, settings, complaints, stopping)
    find = _find_embedded if cluster_id.startswith(_EMBEDDED) else _find
    found = find(admin, settings)
    if found is None:
        raise TopicMissing(settings.kafka_topic, settings.kafka_bootstrap)
    return Topic(settings.kafka_topic, cluster_id, *found)


def admin_client(
    settings: ConsumerSettings, complain: Callable[[KafkaError], None] = lambda _error: None
) -> AdminClient:
    """A client of Kafka's administration; keep it in a variable, a dropped one fails its calls.

    Raises:
        KafkaOptionRefused: librdkafka does not know an option.
    """
    ours: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap, "error_cb": complain}
    try:
        return AdminClient({**QUIET, **settings.kafka, **ours})
    except KafkaException as error:
        raise KafkaOptionRefused(error.args[0].str()) from None


def _cluster_id(
    admin: AdminClient,
    settings: ConsumerSettings,
    complaints: list[KafkaError],
    stopping: Callable[[], bool],
) -> str:
    """The first answer of a broker, waited for in slices so that a signal is noticed."""
    give_up_at = time.monotonic() + settings.connect_timeout_s
    while True:
        try:
            return admin.cluster_id(timeout=_SLICE_S)
        except KafkaException as error:
            cause = error.args[0]
        admin.poll(0)
        _refuse_login(settings, complaints)
        if stopping():
            raise Stopped
        if time.monotonic() > give_up_at:
            said = [complaint for complaint in complaints if not _is_summary(complaint)]
            raise _unreachable(settings, said[-1] if said else None, cause)


def _unreachable(
    settings: ConsumerSettings, said: KafkaError | None, cause: KafkaError
) -> ConsumerError:
    wanted = None if said else diagnosis(settings.kafka_bootstrap, settings.kafka)
    if wanted:
        return WrongCredentials(settings.kafka_bootstrap, wanted)
    reason = (said or cause).str()
    return BrokerUnreachable(settings.kafka_bootstrap, settings.connect_timeout_s, reason)


def _refuse_login(settings: ConsumerSettings, complaints: list[KafkaError]) -> None:
    for complaint in complaints:
        if complaint.code() in {KafkaError._AUTHENTICATION, KafkaError._SSL}:  # noqa: SLF001
            raise WrongCredentials(settings.kafka_bootstrap, complaint.str())


def _is_summary(complaint: KafkaError) -> bool:
    return complaint.code() == KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001


def ask(admin: AdminClient, name: str, *, timeout_s: float) -> Found | None:
    """What a broker tells of the topic of that name; None: there is none.

    Raises:
        KafkaException: no answer, or another one.
    """
    answers = admin.describe_topics(TopicCollection([name]), request_timeout=timeout_s)
    try:
        told = answers[name].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise
    return Found(str(told.topic_id), range(len(told.partitions)))


def _find(admin: AdminClient, settings: ConsumerSettings) -> Found | None:
    """The topic; None where it is missing and stays so."""
    found = _describe(admin, settings)
    if found is None and settings.kafka_create_partitions:
        _create(admin, settings)
        give_up_at = time.monotonic() + _REPLY_S
        while found is None and time.monotonic() < give_up_at:
            time.sleep(_SLICE_S)
            found = _describe(admin, settings)
    return found


def _reply_s(settings: ConsumerSettings) -> float:
    # A broker that answers may itself wait for the controller that the cluster has lost.
    return max(_REPLY_S, settings.connect_timeout_s)


def _describe(admin: AdminClient, settings: ConsumerSettings) -> Found | None:
    try:
        return ask(admin, settings.kafka_topic, timeout_s=_reply_s(settings))
    except KafkaException as error:
        raise _translated(error, settings) from None


def _create(admin: AdminClient, settings: ConsumerSettings) -> None:
    name, partitions = settings.kafka_topic, settings.kafka_create_partitions
    try:
        reply_s = _reply_s(settings)
        admin.create_topics([NewTopic(name, partitions)], request_timeout=reply_s)[name].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise _translated(error, settings) from None
    else:
        logger.info("Created topic %s with %d partitions", name, partitions)


def _find_embedded(admin: AdminClient, settings: ConsumerSettings) -> Found | None:
    # To ask the mock cluster for a topic by name is to create it: CreateTopics times out there.
    name = settings.kafka_topic
    topics = admin.list_topics(timeout=_REPLY_S).topics
    if name not in topics and settings.kafka_create_partitions:
        topics = admin.list_topics(name, timeout=_REPLY_S).topics
    return Found("-", range(len(topics[name].partitions))) if name in topics else None


def _translated(error: KafkaException, settings: ConsumerSettings) -> ConsumerError:
    cause = error.args[0]
    if cause.code() in {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }:
        return NotAuthorized(f"topic {settings.kafka_topic!r}", cause.str())
    if cause.code() in {KafkaError._TIMED_OUT, KafkaError._TRANSPORT}:  # noqa: SLF001
        return BrokerUnreachable(settings.kafka_bootstrap, _reply_s(settings), cause.str())
    return KafkaFailed(cause.str())
