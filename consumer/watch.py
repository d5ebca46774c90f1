"""Whether Kafka answers, said once when that changes, however often librdkafka tries."""

import logging
import time

from confluent_kafka import KafkaError

from consumer.errors import NoAnswer

logger = logging.getLogger(__name__)

_CALM_S = 2.0
_OURS = 0


class Watch:
    """Hears librdkafka's complaints and that messages come again.

    Args:
        bootstrap: the brokers, for people.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._said: set[int] = set()
        self._last_s = 0.0

    def complaint(self, error: KafkaError) -> None:
        """Something failed; librdkafka will try again."""
        self._say_once(error.code(), error.str())

    def no_answer(self, error: NoAnswer) -> None:
        """A question of ours got no answer; we will ask again."""
        self._say_once(_OURS, str(error))

    def _say_once(self, code: int, text: str) -> None:
        self._last_s = time.monotonic()
        if code not in self._said:
            self._said.add(code)
            logger.warning("Kafka at %s: %s; waiting", self._bootstrap, text)

    def message(self) -> None:
        """A message came."""
        # Right after a complaint it is one that had been fetched before.
        if self._said and time.monotonic() - self._last_s > _CALM_S:
            self._said.clear()
            logger.info("Kafka at %s answers again", self._bootstrap)
