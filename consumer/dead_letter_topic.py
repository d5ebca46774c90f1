"""The dead-letter topic: takes each dead letter once, by Kafka's transactions.

Letters and progress are one transaction. The transactional id and the groups that hold the
progress are of the consumer group, so whoever forwards for it fences everybody else: a zombie
cannot commit, and who comes next reads what the last one committed.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from consumer.dead_letters import DeadLetter
from consumer.errors import ConsumerError, KafkaOptionRefused, NotAuthorized
from consumer.forwarded import BLOCK, NOTE, Source, from_text, to_text
from consumer.settings import ConsumerSettings
from consumer.topic import Topic, identify

REASON, FIELD = "gigstream-reason", "gigstream-field"
SOURCE, FIRST_SEEN = "gigstream-source", "gigstream-first-seen"

_OURS = {REASON, FIELD, SOURCE, FIRST_SEEN}
_CONNECT_S = 5.0
_REPLY_S = 10.0
_ABORT_S = 2.0
_PAUSE_S = 0.05
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PURGED = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}  # noqa: SLF001
_LOADING = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
_GRANT = "READ and WRITE"  # READ: progress is kept as an offset of it
_PRODUCER = {
    "compression.type": "lz4",
    "linger.ms": 5,
    # The topic's own limit counts: a letter is a little larger than its record was.
    "message.max.bytes": 100_000_000,
    # Readers wait for an open transaction: that of a dead forwarder must not last.
    "transaction.timeout.ms": 15_000,
}


_silent = logging.getLogger(f"{__name__}.librdkafka")
_silent.setLevel(logging.CRITICAL + 1)  # what it says of errors comes as exceptions too


class NotForwarded(ConsumerError):
    """Dead letters wait in the store: the topic did not take them this time."""


def _nothing(_step: str) -> None:
    pass


class DeadLetterTopic:
    """A producer for the topic, alone in its right to write there for its group.

    Args:
        settings: of the consumer; they name the topic.
        source: the topic whose records died.
        topic: the dead-letter topic.
        on_step: told of each step, for tests that stop there.
    """

    def __init__(
        self,
        *,
        settings: ConsumerSettings,
        source: Topic,
        topic: Topic,
        on_step: Callable[[str], None] = _nothing,
    ) -> None:
        self._source = source
        self._topic = topic
        self._on_step = on_step
        self._name = f"{settings.kafka_group}.dead-letters"
        self._settings = settings
        self._options: dict[str, Any] = {
            **settings.kafka,
            "bootstrap.servers": settings.kafka_bootstrap,
            "logger": _silent,
        }
        self._refused: tuple[KafkaError, int] | None = None
        self._consumers: dict[tuple[str, str], Consumer] = {}
        self._sent: dict[str, int] = {}
        self._producer = self._connected()

    @classmethod
    def open(cls, settings: ConsumerSettings, *, on_step: Callable[[str], None] = _nothing) -> Self:
        """Find both topics, and shut out every other forwarder of this group.

        Raises:
            ConsumerError: a topic is missing, a right is, or no broker answers.
        """
        source, topic = find(settings)
        return cls(settings=settings, source=source, topic=topic, on_step=on_step)

    def is_there(self) -> bool:
        """Whether both topics are still those that were found, not made anew since.

        Raises:
            ConsumerError: as ``open`` does.
        """
        return all(
            _found(self._settings, topic.name).topic_id == topic.topic_id
            for topic in (self._source, self._topic)
        )

    @property
    def topic_id(self) -> str:
        """The dead-letter topic's own id."""
        return self._topic.topic_id

    def progress(self, sources: Collection[Source], *, sure: bool) -> dict[Source, int]:
        """Next offset to send of these sources, as far as Kafka knows; asked once per block.

        Args:
            sources: of what waits.
            sure: whether the caller knows how the last transaction ended. A broker that was
                killed at its end may never tell (Kafka 4.3 then lacks the marker for good).

        Raises:
            NotForwarded, NotAuthorized: Kafka did not say.
        """
        found: dict[Source, int] = {}
        for topic_id, block in {(topic_id, partition // BLOCK) for topic_id, partition in sources}:
            group = self._group(topic_id, block)
            if group not in self._sent:
                held = self._held(group, sure=sure)
                self._sent[group] = max(0, held.offset)
                said = from_text(self.topic_id, held.metadata or "")
                found |= {(topic_id, partition): offset for partition, offset in said.items()}
        return found

    def send(self, letters: Sequence[DeadLetter], reached: Mapping[Source, int]) -> None:
        """Send letters and remember progress, both or neither.

        Args:
            letters: in order, of sources that ``progress`` was asked for.
            reached: next offset of each of those sources, once these are sent.

        Raises:
            NotForwarded, NotAuthorized: neither was done; close this and open another.
        """
        self._refused = None
        with self._translated():
            self._producer.begin_transaction()
            for letter in letters:
                self._produce(letter)
            self._producer.flush(_REPLY_S)
            self._raise_refusal()
            self._on_step("dead_letters_produced")
            self._remember(letters, reached)
            self._on_step("dead_letters_remembered")
            self._producer.commit_transaction(_REPLY_S)
        self._on_step("dead_letters_committed")

    def close(self) -> None:
        """Abort what is open; what cannot be told to Kafka ends by its timeout."""
        with suppress(KafkaException):
            self._producer.abort_transaction(_ABORT_S)
        with suppress(KafkaException):
            self._producer.close()
        for consumer in self._consumers.values():
            consumer.close()

    def _connected(self) -> Producer:
        ours: dict[str, Any] = {
            "transactional.id": self._name,
            "enable.idempotence": True,
            "on_delivery": self._delivered,
        }
        try:
            producer = Producer({**_PRODUCER, **self._options, **ours})
        except KafkaException as error:
            raise KafkaOptionRefused(error.args[0].str()) from None
        with self._translated():
            producer.init_transactions(_REPLY_S)
        return producer

    def _produce(self, letter: DeadLetter) -> None:
        kept = [(name, value) for name, value in letter.headers if name not in _OURS]
        self._producer.produce(
            self._topic.name, letter.value, letter.key, headers=[*kept, *self._headers(letter)]
        )

    def _headers(self, letter: DeadLetter) -> list[tuple[str, bytes]]:
        said = {
            REASON: letter.reason,
            FIELD: letter.field,
            SOURCE: json.dumps(self._place_of(letter)),
            FIRST_SEEN: _instant(letter.recorded_ms),
        }
        return [(name, text.encode()) for name, text in said.items()]

    def _place_of(self, letter: DeadLetter) -> dict[str, object]:
        # Of a topic that was made anew since then only the id is known for sure.
        name = self._source.name if letter.topic_id == self._source.topic_id else None
        at = {"partition": letter.partition, "offset": letter.offset}
        return {"topic_id": letter.topic_id, "topic": name, **at}

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        # What is purged was not refused: the commit will say why.
        if error is not None and error.code() not in _PURGED and self._refused is None:
            self._refused = error, len(message)

    def _raise_refusal(self) -> None:
        if self._refused is not None:
            raise KafkaException(self._refused[0])

    def _remember(self, letters: Sequence[DeadLetter], reached: Mapping[Source, int]) -> None:
        sent = Counter((letter.topic_id, letter.partition // BLOCK) for letter in letters)
        for (topic_id, block), number in sent.items():
            group = self._group(topic_id, block)
            of_block = {
                partition: offset
                for (each, partition), offset in reached.items()
                if each == topic_id and partition // BLOCK == block
            }
            self._sent[group] += number
            place = self._place(self._sent[group], to_text(self.topic_id, of_block))
            identity = self._consumer(group).consumer_group_metadata()
            self._producer.send_offsets_to_transaction([place], identity, _REPLY_S)

    def _place(self, offset: int, text: str) -> TopicPartition:
        # Of the dead-letter topic, not of the source: Kafka forgets the offsets of a topic that
        # is deleted, and dead letters outlive theirs. The number is how many were sent, for show.
        return TopicPartition(self._topic.name, 0, offset, metadata=text)

    def _group(self, topic_id: str, block: int) -> str:
        return f"{self._name}.{topic_id}.{block}"

    def _held(self, group: str, *, sure: bool) -> TopicPartition:
        """What Kafka holds of a group."""
        try:
            return self._committed(group, "read_committed")
        except KafkaException as error:
            cause = error.args[0]
        if cause.code() != KafkaError._TIMED_OUT:  # noqa: SLF001
            raise self._named(cause)
        self._raise_complaint(group)
        # It answers, but the last transaction has no end. Ours of the same id ends it too.
        with self._translated():
            held = self._committed(group, "read_uncommitted")
        if not sure:
            raise NotForwarded(
                f"Kafka cannot tell how the last transaction of {self._name!r} ended; to send its "
                f"letters again, perhaps twice, delete the offsets of group {group!r} and the "
                f"file {NOTE} in the store"
            )
        return held

    def _committed(self, group: str, isolation: str) -> TopicPartition:
        """A coordinator that has just begun may not know it at once.

        An AdminClient would ask more plainly, but one that hears of another coordinator takes the
        process down (librdkafka 2.16).
        """
        give_up_at = time.monotonic() + _REPLY_S
        asked = [TopicPartition(self._topic.name, 0)]
        while True:
            try:
                (held,) = self._consumer(group, isolation).committed(asked, timeout=_REPLY_S)
            except KafkaException as error:
                if error.args[0].code() not in _LOADING or time.monotonic() > give_up_at:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return held

    def _consumer(self, group: str, isolation: str = "read_committed") -> Consumer:
        if (group, isolation) not in self._consumers:
            ours: dict[str, Any] = {
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": isolation,
            }
            self._consumers[group, isolation] = Consumer({**self._options, **ours})
        return self._consumers[group, isolation]

    def _raise_complaint(self, group: str) -> None:
        # Without the right to a group its coordinator is looked for until time is up.
        heard = self._consumer(group).poll(_PAUSE_S)
        error = None if heard is None else heard.error()
        if error is not None:
            raise self._named(error)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise self._named(error.args[0]) from None

    def _rights(self) -> dict[int, tuple[str, str]]:
        """What may not be ours to use, and the right that it takes, by Kafka's error."""
        return {
            KafkaError.TOPIC_AUTHORIZATION_FAILED: (f"topic {self._topic.name!r}", _GRANT),
            KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
                f"transactional id {self._name!r}",
                "WRITE",
            ),
            KafkaError.GROUP_AUTHORIZATION_FAILED: (
                f"the groups that begin with {self._name!r}",
                "READ",
            ),
        }

    def _named(self, error: KafkaError) -> ConsumerError:
        code, name = error.code(), self._topic.name
        if code in self._rights():
            what, grant = self._rights()[code]
            return NotAuthorized(what, error.str(), grant=grant)
        if code == KafkaError._FENCED:  # noqa: SLF001
            return NotForwarded(f"another process forwards dead letters as {self._name!r}")
        if code == KafkaError.MSG_SIZE_TOO_LARGE and self._refused:
            return NotForwarded(
                f"topic {name!r} refused a dead letter of {self._refused[1]:,} bytes; raise its "
                "max.message.bytes"
            )
        return NotForwarded(f"topic {name!r}: {error.str()}")


def find(settings: ConsumerSettings) -> tuple[Topic, Topic]:
    """The topic of events and the dead-letter topic.

    Raises:
        ConsumerError: one is missing or may not be seen, or no broker answers.
    """
    source = _found(settings, settings.kafka_topic)
    if source.embedded:
        raise NotForwarded(
            "an embedded broker keeps no dead-letter topic; unset kafka_dead_letter_topic"
        )
    name = settings.kafka_dead_letter_topic
    try:
        return source, _found(settings, name)
    except NotAuthorized:
        raise NotAuthorized(f"topic {name!r}", "it may not be seen", grant=_GRANT) from None


def _found(settings: ConsumerSettings, name: str) -> Topic:
    patience_s = min(_CONNECT_S, settings.connect_timeout_s)
    return identify(
        settings.model_copy(update={"kafka_topic": name, "connect_timeout_s": patience_s})
    )


def _instant(ms: int) -> str:
    time = _EPOCH + timedelta(milliseconds=ms)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
