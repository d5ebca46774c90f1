"""Dead letters sent again: judged by today's decoder, and back to the topic that they came from.

A record goes out as it came, key, headers and timestamp included, with a header that names its
dead letter. The row that it becomes names it too, so that it is not sent a second time; and if
it was, before the first became a row, both say the same and count once.
"""

from collections.abc import Iterable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer import rows
from consumer.dead_letters import DeadLetter
from consumer.errors import KafkaOptionRefused
from consumer.framing import Unframe
from consumer.rows import REPLAY_OF
from consumer.sender import NotDelivered
from consumer.settings import ConsumerSettings
from consumer.topic import QUIET, identify

_CREATE_TIME = 1
_ANY_PARTITION = -1
_WAIT_S = 0.1
_PRODUCER = {"enable.idempotence": True, "compression.type": "lz4", "linger.ms": 5}


def faults(letters: Sequence[DeadLetter], unframe: Unframe | None = None) -> list[str | None]:
    """Why each breaks the contract as it is today; None where it does not any more.

    Args:
        letters: to be judged.
        unframe: reads values framed for a schema registry, where one is set up.
    """
    found: list[str | None] = [None] * len(letters)
    messages = [_message(number, letter) for number, letter in enumerate(letters)]
    judged = rows.table(messages, topic_id="-", unframe=unframe)
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

    Raises:
        ConsumerError: the broker or its topic cannot be reached.
        NotDelivered: it did not take one; those before it may be there.
    """
    topic = identify(settings)
    delivery = _Delivery(settings)
    for letter in letters:
        # Where it lay before, whatever the partitioner of the one who sent it.
        stays = letter.partition in topic.partitions
        delivery.produce(topic.name, letter, letter.partition if stays else _ANY_PARTITION)
    delivery.finish()


def _headers(letter: DeadLetter) -> list[tuple[str, str | bytes | None]]:
    kept = [(name, value) for name, value in letter.headers if name != REPLAY_OF]
    return [*kept, (REPLAY_OF, letter.place)]


class _Delivery:
    """A producer whose first refusal is an error."""

    def __init__(self, settings: ConsumerSettings) -> None:
        self._bootstrap = settings.kafka_bootstrap
        self._refusal: KafkaError | None = None
        options = {
            **QUIET,
            **_PRODUCER,
            **settings.kafka,
            "bootstrap.servers": settings.kafka_bootstrap,
            "on_delivery": self._delivered,
        }
        try:
            self._producer = Producer(options)
        except KafkaException as error:
            raise KafkaOptionRefused(error.args[0].str()) from None

    def produce(self, topic: str, letter: DeadLetter, partition: int) -> None:
        """Queue a record; waits where the queue is full."""
        while True:
            try:
                self._producer.produce(
                    topic,
                    letter.value,
                    letter.key,
                    partition,
                    timestamp=max(1, letter.recorded_ms),
                    headers=_headers(letter),
                )
            except BufferError:
                self._serve()
            except KafkaException as error:  # too large, for one
                self._refusal = error.args[0]
                self._raise_refusal()
            else:
                return

    def finish(self) -> None:
        """Wait until the broker has all."""
        while self._producer.flush(_WAIT_S):
            self._raise_refusal()
        self._raise_refusal()

    def _serve(self) -> None:
        self._producer.poll(_WAIT_S)
        self._raise_refusal()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._refusal = self._refusal or error

    def _raise_refusal(self) -> None:
        if self._refusal is not None:
            raise NotDelivered(
                f"the broker at {self._bootstrap} did not take a record ({self._refusal.str()}); "
                "mend that and replay again: nothing counts twice"
            )
