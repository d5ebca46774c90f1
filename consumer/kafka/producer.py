"""An idempotent producer whose first refused record is an error."""

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.deadline import Deadline
from consumer.errors import ConsumerError, KafkaOptionRefused
from consumer.kafka.client import client_options
from consumer.settings import ConsumerSettings

_IDEMPOTENT = {"enable.idempotence": True, "compression.type": "lz4", "linger.ms": 5}
_WAIT_S = 0.1


class NotDelivered(ConsumerError):
    """The broker did not take a record; those before it may be there.

    Attributes:
        cause: what Kafka answered.
    """

    exit_code = 3

    def __init__(self, bootstrap: str, cause: KafkaError, repeat: str) -> None:
        super().__init__(
            f"the broker at {bootstrap} did not take a record ({cause.str()}); correct that and "
            f"{repeat} again: nothing counts twice"
        )
        self.cause = cause


class RecordProducer:
    """Sends records in the order given; its queue is bounded.

    Args:
        settings: where the broker is, and options for librdkafka.
        repeat: what the operator is to do again after a refusal, a verb.
        options: more options of the producer, below those of the settings.

    Raises:
        KafkaOptionRefused: librdkafka does not know an option.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        *,
        repeat: str,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._bootstrap = settings.kafka_bootstrap
        self._repeat = repeat
        self._refusal: KafkaError | None = None
        ours = {**_IDEMPOTENT, "delivery.report.only.error": True}
        chosen = client_options(settings, {**ours, **(options or {})})
        try:
            self._producer = Producer({**chosen, "on_delivery": self._delivered})
        except KafkaException as error:
            raise KafkaOptionRefused(error.args[0].str()) from None

    def produce(self, topic: str, value: bytes | None, **fields: Any) -> None:  # noqa: ANN401
        """Queue a record; waits where the queue is full.

        Args:
            topic: where to.
            value: of the record.
            fields: ``key``, ``partition``, ``headers`` and ``timestamp``, as librdkafka takes them.

        Raises:
            NotDelivered: this record, or one before it, was refused.
        """
        while True:
            try:
                return self._producer.produce(topic, value, **fields)
            except BufferError:
                self.serve(_WAIT_S)
            except KafkaException as error:  # too large, for example
                raise self._refused(error.args[0]) from None

    def serve(self, timeout_s: float) -> None:
        """Handle delivery reports for so long at most; raises as `flush` does."""
        self._checked(self._producer.poll, timeout_s)

    def flush(self, timeout_s: float = float("inf")) -> bool:
        """Wait until the broker has all records; false where time was up before.

        Raises:
            NotDelivered: a record was refused.
        """
        deadline = Deadline(timeout_s)
        while self._checked(self._producer.flush, _WAIT_S):
            if deadline.is_over:
                return False
        return True

    def purge(self) -> None:
        """Forget what is queued."""
        self._producer.purge()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        # The first refusal is the cause; those that follow are its consequences.
        if error is not None:
            self._refusal = self._refusal or error

    def _checked(self, call: Callable[[float], int], timeout_s: float) -> int:
        """The result of `call`, if no record was refused, and the producer still works."""
        try:
            result = call(timeout_s)
        except KafkaException as error:  # fatal: no right to write, for example
            raise self._refused(error.args[0]) from None
        if self._refusal is not None:
            raise self._refused(self._refusal)
        return result

    def _refused(self, cause: KafkaError) -> NotDelivered:
        return NotDelivered(self._bootstrap, cause, self._repeat)
