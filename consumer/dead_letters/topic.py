"""The dead-letter topic: a dead letter as a record of it, and sending such records."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from confluent_kafka import KafkaError

from consumer.dead_letters.letters import DeadLetter
from consumer.errors import ConsumerError, NotAuthorized
from consumer.kafka import refusals
from consumer.kafka.producer import NotDelivered, RecordProducer
from consumer.kafka.topic import Topic, identify
from consumer.settings import ConsumerSettings

REASON, FIELD = "gigstream-reason", "gigstream-field"
SOURCE, FIRST_SEEN = "gigstream-source", "gigstream-first-seen"
"""Headers of a letter. `SOURCE` names its record and never changes: readers de-duplicate by it."""

_OURS = {REASON, FIELD, SOURCE, FIRST_SEEN}
_CONNECT_S = 5.0
_FLUSH_S = 30.0
_GRANT = "WRITE"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The topic's own limit counts: a letter is a little larger than its record was.
OPTIONS = {"message.max.bytes": 100_000_000}


class NotForwarded(ConsumerError):
    """The topic did not take the dead letters this time; they wait in the store."""


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


def send(producer: RecordProducer, name: str, source: Topic, letters: Iterable[DeadLetter]) -> None:
    """Send letters in order, and wait until the broker has all of them.

    Args:
        producer: with `OPTIONS`; not to be used again after an error.
        name: of the dead-letter topic.
        source: the topic of events as it is now.
        letters: what to send.

    Raises:
        NotForwarded, NotAuthorized: the broker refused a letter; others may be there.
    """
    try:
        for letter in letters:
            # A record that was a dead letter before may carry our headers: of an earlier failure.
            kept = [header for header in letter.headers if header[0] not in _OURS]
            headers = [*kept, *_headers(letter, source)]
            producer.produce(name, letter.value, key=letter.key, headers=headers)
        if not producer.flush(_FLUSH_S):
            raise NotForwarded(f"topic {name!r}: no acknowledgement within {_FLUSH_S:g} s")
    except NotDelivered as error:
        raise _translated(error.cause, name) from None


def _headers(letter: DeadLetter, source: Topic) -> list[tuple[str, bytes]]:
    # The name is certain only as long as the topic is still the one that the record came from.
    topic = source.name if letter.topic_id == source.topic_id else None
    position = {"partition": letter.partition, "offset": letter.offset}
    texts = {
        REASON: letter.reason,
        FIELD: letter.field,
        SOURCE: json.dumps({"topic_id": letter.topic_id, "topic": topic, **position}),
        FIRST_SEEN: _instant(letter.recorded_ms),
    }
    return [(name, text.encode()) for name, text in texts.items()]


def _translated(error: KafkaError, name: str) -> ConsumerError:
    if error.code() in refusals.NOT_GRANTED:
        return refusals.translated(error, name, grant=_GRANT)
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return NotForwarded(
            f"topic {name!r} refused a dead letter for its size; raise its max.message.bytes"
        )
    return NotForwarded(f"topic {name!r}: {error.str()}")


def _found(settings: ConsumerSettings, name: str) -> Topic:
    patience_s = min(_CONNECT_S, settings.connect_timeout_s)
    return identify(
        settings.model_copy(update={"kafka_topic": name, "connect_timeout_s": patience_s})
    )


def _instant(ms: int) -> str:
    time = _EPOCH + timedelta(milliseconds=ms)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
