"""Whether a topic is still the one that the store was filled from.

A topic that is deleted and created again under its name, and a topic of another cluster, have
other offsets: reading on would store rows of the new one as those of the old one, skip some, or
store copies a second time. So another topic is refused until an operator accepts it.

Kafka does not tell a consumer that its topic was created again: reading continues at the old
offset. But librdkafka fetches by topic id, and an id is never used twice. If Kafka, asked after a
fetch, answers with our id, all records fetched before were of our topic: asking between the last
fetch and the commit is enough, and takes 1 ms. With several brokers a gap of some milliseconds
remains: the broker that answers may learn of a change later than the one that we fetch from.
"""

import time
from collections.abc import Collection

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from consumer.errors import NoAnswer, NotAuthorized, TopicMissing, TopicReplaced
from consumer.kafka.client import admin_client
from consumer.kafka.topic import Found, Topic, describe, incarnation_of, is_embedded
from consumer.settings import ConsumerSettings

_REPLY_S = 1.0
_MISSING_S = 5.0
"""A broker that has just started may not know every topic yet."""


class TopicCheck:
    """Asks Kafka which topic has the name now.

    Args:
        topic: the one that we read. An embedded broker has no topic ids and deletes no topic: it
            is not asked.
        settings: where to ask.
    """

    def __init__(self, *, topic: Topic, settings: ConsumerSettings) -> None:
        self._topic = topic
        self._settings = settings
        self._admin = None if topic.embedded else admin_client(settings)
        self._missing_since_s: float | None = None

    def assert_unchanged(self) -> None:
        """Return only if everything fetched until now was of our topic.

        Raises:
            TopicReplaced: the name belongs to another topic.
            TopicMissing: there has been no topic of that name for seconds.
            NotAuthorized: we may not see it any more.
            NoAnswer: no broker answered; ask again later.
        """
        if self._admin is None:
            return
        try:
            found = describe(self._admin, self._topic.name, timeout_s=_REPLY_S)
            # An id is never used twice, so an equal id is proof; the name alone is none.
            if found is not None and found.topic_id != self._topic.topic_id:
                raise self._replaced_by(found, self._admin)
        except KafkaException as error:
            raise self._unanswered(error.args[0]) from None
        if found is None:
            raise self._missing(time.monotonic())
        self._missing_since_s = None

    def _replaced_by(self, found: Found, admin: AdminClient) -> TopicReplaced:
        # Not `admin.cluster_id`: it returns the cluster of its first answer for ever.
        cluster = admin.describe_cluster(request_timeout=_REPLY_S).result()
        now = Topic(self._topic.name, str(cluster.cluster_id), *found)
        return _replaced({self._topic.incarnation}, now, self._settings)

    def _unanswered(self, error: KafkaError) -> NotAuthorized | NoAnswer:
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return NotAuthorized(f"topic {self._topic.name!r}", error.str())
        return NoAnswer(error.str())

    def _missing(self, now_s: float) -> TopicMissing | NoAnswer:
        since_s = self._missing_since_s = self._missing_since_s or now_s
        if now_s - since_s < _MISSING_S:
            return NoAnswer("there is no topic of that name")
        return TopicMissing(self._topic.name, "the broker any more")


def refuse_another(topic: Topic, stored: Collection[str], settings: ConsumerSettings) -> None:
    """Refuse a topic that has taken the place of the one stored so far.

    Args:
        topic: as it is now.
        stored: app ids of all positions in the store.
        settings: they may accept it.

    Raises:
        TopicReplaced: the store knows others, not this one, and the settings do not accept it.
    """
    known = {incarnation_of(name) for name in stored if not is_embedded(name)}
    accepted = {*known, settings.kafka_accept_topic}
    if known and not topic.embedded and topic.incarnation not in accepted:
        raise _replaced(known, topic, settings)


def _replaced(known: Collection[str], now: Topic, settings: ConsumerSettings) -> TopicReplaced:
    return TopicReplaced(now.name, settings.kafka_bootstrap, known, now.incarnation)
