"""What a topic still holds, read once from its start by a consumer in no group.

Words used here:
    low: the first offset of a partition that Kafka holds.
    end: where reading stops, the store's position.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.deadline import Deadline
from consumer.errors import BrokerUnreachable, ConsumerError, TopicMoved
from consumer.kafka import refusals, unpackable
from consumer.kafka.client import consumer_options, watermarks
from consumer.kafka.topic import Topic
from consumer.kafka.unpackable import Unpackable
from consumer.settings import ConsumerSettings

logger = logging.getLogger(__name__)

_CHUNK = 10_000
_LOOK_S = 1.0


class Piece(NamedTuple):
    """What one read brought."""

    messages: list[Message]
    unpackable: list[Unpackable]
    """Batches that come after the messages of their partition."""


class Retained:
    """The records of a topic below given ends; to be closed.

    Args:
        topic: what to read.
        settings: how to reach it, and how long to wait for an answer.
        ends: where to stop, by partition.

    Raises:
        BrokerUnreachable: no broker answers.
    """

    def __init__(
        self, *, topic: Topic, settings: ConsumerSettings, ends: Mapping[int, int]
    ) -> None:
        self._topic = topic
        self._settings = settings
        self._consumer = Consumer(consumer_options(settings))
        # The lows before the first read: retention may delete records while we read, and a gap at
        # the start must not pass for rows that are missing in the topic.
        self.lows = {number: self._low(number) for number in ends}
        self.ends = dict(ends)

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def read(self, begin: Mapping[int, int] | None = None) -> Iterator[Piece]:
        """All records from `begin` to the ends, in pieces, each partition in the order of offsets.

        Where Kafka has deleted `begin`, a partition starts at its low.

        Raises:
            BrokerUnreachable: nothing came for ``connect_timeout_s``.
            TopicMoved: retention deleted what was to be read next.
        """
        waiting, deadline = self._assign(begin or {}), Deadline(self._settings.connect_timeout_s)
        while waiting:
            messages = self._consumer.consume(_CHUNK, _LOOK_S)
            broken = {_place(each): each for each in messages if _is_unpackable(each)}
            found = Piece(
                [message for message in messages if self._is_record(message, waiting)],
                [self._pass_over(number, first, broken[number, first]) for number, first in broken],
            )
            waiting -= {each.partition for each in found.unpackable if self._is_last(each)}
            if messages:
                deadline = Deadline(self._settings.connect_timeout_s)
            elif deadline.is_over:
                raise self._unreachable("no more records came")
            if any(found):
                yield found

    def _assign(self, begin: Mapping[int, int]) -> set[int]:
        """Assign the partitions that have something to read; returns them."""
        starts = {n: max(low, begin.get(n, 0)) for n, low in self.lows.items()}
        left = {number: start for number, start in starts.items() if start < self.ends[number]}
        # Assigned, not subscribed: no group, no rebalance, and no right on a group needed.
        self._consumer.assign([TopicPartition(self._topic.name, *each) for each in left.items()])
        return set(left)

    def _is_record(self, message: Message, waiting: set[int]) -> bool:
        """Whether it is to be returned; the last one ends its partition."""
        number, offset, error = message.partition(), message.offset(), message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            self._check(error)
            return False
        if number is None or offset is None or number not in waiting:
            return False
        following = offset if error is not None else offset + 1
        # The partition may end below the store's position: then there is no more.
        if following >= self.ends[number] or error is not None:
            waiting.discard(number)
        return error is None and following <= self.ends[number]

    def _pass_over(self, number: int, first: int, message: Message) -> Unpackable:
        """Continue behind a batch; the client would stay before it for good."""
        topic, timeout_s, error = (
            self._topic.name,
            self._settings.connect_timeout_s,
            message.error(),
        )
        said = "" if error is None else error.str()
        try:
            high = watermarks(self._consumer, topic, number, timeout_s)[1]
            options = consumer_options(self._settings)
            end = unpackable.find_end(options, topic, number, first, high)
            self._consumer.seek(TopicPartition(topic, number, end))
        except KafkaException as raised:
            raise self._unreachable(raised.args[0].str()) from None
        return Unpackable(number, first, end, unpackable.letter(first, end, said))

    def _is_last(self, batch: Unpackable) -> bool:
        return batch.end >= self.ends[batch.partition]

    def _check(self, error: KafkaError) -> None:
        if error.code() in refusals.OUT_OF_RANGE:
            raise TopicMoved(self._topic.name)
        if not refusals.passes(error) and error.code() not in unpackable.CODES:
            raise refusals.translated(error, self._topic.name)
        logger.debug("Kafka: %s", error.str())

    def _low(self, number: int) -> int:
        timeout_s = self._settings.connect_timeout_s
        try:
            return watermarks(self._consumer, self._topic.name, number, timeout_s)[0]
        except KafkaException as error:
            raise self._unreachable(error.args[0].str()) from None

    def _unreachable(self, cause: str) -> ConsumerError:
        settings = self._settings
        return BrokerUnreachable(settings.kafka_bootstrap, settings.connect_timeout_s, cause)


def _is_unpackable(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() in unpackable.CODES


def _place(message: Message) -> tuple[int, int]:
    number, offset = message.partition(), message.offset()
    if number is None or offset is None:
        raise ValueError("an error without a place in Kafka")
    return number, offset
