"""Whether a topic is still the one that the store goes on in.

A topic that is deleted and made anew under its name, and a topic of another cluster, have other
offsets: reading on would store rows of the new one as the old one's, skip some, or store copies
a second time. So another topic is refused until an operator says that it is meant.

Kafka says nothing to a consumer whose topic is made anew: it is read on at the old offset. But
librdkafka fetches by topic id, and an id never comes back. What was fetched before Kafka was
asked, and answered with our id, was our topic's: asking between the last fetch and the commit is
enough, and takes 1 ms. With several brokers there is one more thing to it: the one that answers
may hear of a change some milliseconds later than the one that we fetch from.
"""

import time
from collections.abc import Collection

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from consumer.errors import NoAnswer, NotAuthorized, TopicMissing, TopicReplaced
from consumer.settings import ConsumerSettings
from consumer.topic import Found, Topic, admin_client, ask, incarnation_of, is_embedded

_REPLY_S = 1.0
_MISSING_S = 5.0
"""A broker that has just started may not know every topic yet."""


class Incarnation:
    """Asks Kafka which topic has the name now.

    Args:
        topic: the one that we read. An embedded broker tells no ids, and deletes no topic: there
            nothing is asked.
        settings: where to ask.
    """

    def __init__(self, *, topic: Topic, settings: ConsumerSettings) -> None:
        self._topic = topic
        self._settings = settings
        self._admin = None if topic.embedded else admin_client(settings)
        self._missing_since_s: float | None = None

    def confirm(self) -> None:
        """Return only if all that was fetched until now was our topic's.

        Raises:
            TopicReplaced: the name is another topic's.
            TopicMissing: there has been no topic of that name for seconds.
            NotAuthorized: we may not see it any more.
            NoAnswer: no broker answered; ask again later.
        """
        if self._admin is None:
            return
        try:
            found = ask(self._admin, self._topic.name, timeout_s=_REPLY_S)
            if found is not None and found.topic_id != self._topic.topic_id:
                raise self._replaced_by(found, self._admin)
        except KafkaException as error:
            raise self._unanswered(error.args[0]) from None
        if found is None:
            raise self._missing(time.monotonic())
        self._missing_since_s = None

    def _replaced_by(self, found: Found, admin: AdminClient) -> TopicReplaced:
        # Not `admin.cluster_id`: that tells the cluster of its first answer, for ever.
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
    """Refuse a topic that takes the place of the one that was stored so far.

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
