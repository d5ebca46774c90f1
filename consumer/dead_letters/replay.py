"""Replay: dead letters are decoded again, and sent back to the topic that they came from.

A record is sent as it came, with key, headers and timestamp, and with a header that names its dead
letter. The row that it becomes names it too, so that it is not sent a second time. If it is sent
twice before the first one is stored, both say the same and count once.
"""

from collections.abc import Iterable, Sequence

from confluent_kafka import Message

from consumer.dead_letters.letters import DeadLetter
from consumer.events.framing import Unframe
from consumer.events.statuses import Words
from consumer.ingest import rows
from consumer.kafka.producer import RecordProducer
from consumer.kafka.topic import identify
from consumer.settings import ConsumerSettings
from consumer.table.schema import REPLAY_OF

_CREATE_TIME = 1
_ANY_PARTITION = -1


def faults(
    letters: Sequence[DeadLetter], unframe: Unframe | None = None, statuses: Words | None = None
) -> list[str | None]:
    """Why each breaks the contract by today's decoder; None where it is valid now.

    Args:
        letters: to be decoded.
        unframe: reads values framed for a schema registry, where one is set up.
        statuses: what sources' own words for a status mean.
    """
    found: list[str | None] = [None] * len(letters)
    messages = [_message(number, letter) for number, letter in enumerate(letters)]
    judged = rows.table(messages, topic_id="-", unframe=unframe, statuses=statuses)
    for number, reason in zip(
        judged["offset"].to_pylist(), judged["reason"].to_pylist(), strict=True
    ):
        found[number] = reason
    return found


def _message(number: int, letter: DeadLetter) -> Message:
    return Message(
        topic="-",
        partition=0,
        offset=number,
        key=letter.key,
        value=letter.value,
        headers=list(letter.headers) or None,
        timestamp=(_CREATE_TIME, letter.recorded_ms),
    )


def send(settings: ConsumerSettings, letters: Iterable[DeadLetter]) -> None:
    """Send these records again, and wait until the broker has all of them.

    Args:
        settings: where the topic is.
        letters: what to send.

    Raises:
        ConsumerError: the broker or its topic cannot be reached.
        NotDelivered: it did not take one; those before it may be there.
    """
    topic = identify(settings)
    producer = RecordProducer(settings, repeat="replay")
    for letter in letters:
        # To the partition it came from, whatever partitioner its first sender used.
        stays = letter.partition in topic.partitions
        producer.produce(
            topic.name,
            letter.value,
            key=letter.key,
            partition=letter.partition if stays else _ANY_PARTITION,
            timestamp=max(1, letter.recorded_ms),
            headers=_headers(letter),
        )
    producer.flush()


def _headers(letter: DeadLetter) -> list[tuple[str, str | bytes | None]]:
    kept = [(name, value) for name, value in letter.headers if name != REPLAY_OF]
    return [*kept, (REPLAY_OF, letter.address)]
