"""What a topic still holds, read once from its start, by a consumer that is in no group.

Words used here:
    low: the first offset that Kafka holds of a partition.
    end: where reading stops, the store's position.
"""

import logging
import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.errors import BrokerUnreachable, ConsumerError, KafkaFailed, NotAuthorized, TopicMoved
from consumer.membership import consumer_options
from consumer.settings import ConsumerSettings
from consumer.topic import Topic

logger = logging.getLogger(__name__)

_CHUNK = 10_000
_LOOK_S = 1.0
_GONE = {KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION}  # noqa: SLF001
_NOT_GRANTED = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
_PASSING = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
}


class Retained:
    """The records of a topic below the given ends; close it in the end.

    Args:
        topic: which one.
        settings: how to reach it, and how long to wait for an answer.
        ends: by partition, the position to stop at.

    Raises:
        BrokerUnreachable: no broker answers.
    """

    def __init__(
        self, *, topic: Topic, settings: ConsumerSettings, ends: Mapping[int, int]
    ) -> None:
        self._topic = topic
        self._settings = settings
        self._consumer = Consumer(consumer_options(settings))
        self.lows = {number: self._low(number) for number in ends}
        self.ends = dict(ends)

    def close(self) -> None:
        """Nothing more is read."""
        self._consumer.close()

    def read(self, begin: Mapping[int, int] | None = None) -> Iterator[list[Message]]:
        """All records from `begin` (where Kafka still has that) to the ends, in chunks.

        Those of one partition come in the order of their offsets.

        Raises:
            BrokerUnreachable: nothing came for ``connect_timeout_s``.
            TopicMoved: retention deleted what was to be read next.
        """
        waiting, heard_s = self._assign(begin or {}), time.monotonic()
        while waiting:
            messages = self._consumer.consume(_CHUNK, _LOOK_S)
            found = [message for message in messages if self._is_record(message, waiting)]
            if messages:
                heard_s = time.monotonic()
            elif time.monotonic() - heard_s > self._settings.connect_timeout_s:
                raise self._unreachable("no more records came")
            if found:
                yield found

    def _assign(self, begin: Mapping[int, int]) -> set[int]:
        """Returns the partitions of which there is something to read."""
        starts = {n: max(low, begin.get(n, 0)) for n, low in self.lows.items()}
        left = {number: start for number, start in starts.items() if start < self.ends[number]}
        self._consumer.assign([TopicPartition(self._topic.name, *each) for each in left.items()])
        return set(left)

    def _is_record(self, message: Message, waiting: set[int]) -> bool:
        """Whether it is to be handed out; ends the partition where it is the last."""
        number, offset, error = message.partition(), message.offset(), message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            self._hear(error)
            return False
        if number is None or offset is None or number not in waiting:
            return False
        following = offset if error is not None else offset + 1
        # At the end of the partition there is no more, whatever the store's position says.
        if following >= self.ends[number] or error is not None:
            waiting.discard(number)
        return error is None and following <= self.ends[number]

    def _hear(self, error: KafkaError) -> None:
        if error.code() in _GONE:
            raise TopicMoved(self._topic.name)
        if error.code() in _NOT_GRANTED:
            raise NotAuthorized(f"topic {self._topic.name!r}", error.str())
        if error.code() not in _PASSING or error.fatal():
            raise KafkaFailed(error.str())
        logger.debug("Kafka: %s", error.str())

    def _low(self, number: int) -> int:
        where = TopicPartition(self._topic.name, number)
        try:
            low, _ = self._consumer.get_watermark_offsets(
                where, timeout=self._settings.connect_timeout_s
            )
        except KafkaException as error:
            raise self._unreachable(error.args[0].str()) from None
        return int(low)

    def _unreachable(self, cause: str) -> ConsumerError:
        settings = self._settings
        return BrokerUnreachable(settings.kafka_bootstrap, settings.connect_timeout_s, cause)
