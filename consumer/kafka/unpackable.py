"""Batches that the Kafka client cannot unpack, such as blanks that became a thousandth packed.

The client names the first offset of such a batch and stays there. Where the batch ends is found by
reading at later offsets: as long as they lie in it, the answer is the same error.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.deadline import Deadline
from consumer.events.invalid import InvalidEvent

CODES = {KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG}  # noqa: SLF001
"""Errors that are the batch's own, so that no waiting ends them."""


class Unpackable(NamedTuple):
    """A batch that was passed over.

    Attributes:
        partition: its number.
        first: the batch's first offset.
        end: the offset after its last.
        letter: why its records are one dead letter.
    """

    partition: int
    first: int
    end: int
    letter: InvalidEvent


_ONE_BATCH = {"fetch.message.max.bytes": 1, "queued.min.messages": 1}
_ANSWER_S = 5.0
_REMEDY = "send smaller batches, or raise receive.message.max.bytes here and rebuild the store"


def find_end(options: dict[str, Any], topic: str, partition: int, first: int, high: int) -> int:
    """The offset behind a batch.

    Args:
        options: of a Kafka client that reads the topic, in no group.
        topic: its name.
        partition: of the topic.
        first: the batch's first offset.
        high: the partition's end, which no batch lies beyond.

    Raises:
        KafkaException: Kafka does not say.
    """
    with closing(Consumer(options | _ONE_BATCH)) as consumer:
        return _bisect(lambda at: _lies_in(consumer, topic, partition, first, at), first, high)


def letter(first: int, end: int, said: str) -> InvalidEvent:
    """Why the records from ``first`` to before ``end`` are one dead letter.

    Args:
        first: an offset.
        end: the offset after the last.
        said: the client's error.
    """
    problem = f"is a batch of offsets {first} to {end - 1} that cannot be unpacked ({said})"
    return InvalidEvent("value", None, problem, _REMEDY)


def _bisect(lies_in: Callable[[int], bool], inside: int, high: int) -> int:
    """The first offset that does not lie in it; batches are short, so look near by first."""
    step, outside = 1, high
    while inside + step < high:
        if not lies_in(inside + step):
            outside = inside + step
            break
        inside, step = inside + step, step * 2
    while outside - inside > 1:
        middle = (inside + outside) // 2
        if lies_in(middle):
            inside = middle
        else:
            outside = middle
    return outside


def _lies_in(consumer: Consumer, topic: str, partition: int, first: int, at: int) -> bool:
    consumer.assign([TopicPartition(topic, partition, at)])
    deadline = Deadline(_ANSWER_S)
    while not deadline.is_over:
        for message in consumer.consume(1, 0.5):
            error = message.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                return False
            if error.code() in CODES:
                return message.offset() == first
    said = f"no answer on where the batch at offset {first} ends"
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, said))  # noqa: SLF001
