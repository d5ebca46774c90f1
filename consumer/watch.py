"""Whether Kafka answers, said once when that changes, however often librdkafka tries."""

import logging
import time

from confluent_kafka import KafkaError

logger = logging.getLogger(__name__)

_CALM_S = 2.0


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
        self._last_s = time.monotonic()
        if error.code() not in self._said:
            self._said.add(error.code())
            logger.warning("Kafka at %s: %s; waiting", self._bootstrap, error.str())

    def message(self) -> None:
        """A message came."""
        # Right after a complaint it is one that had been fetched before.
        if self._said and time.monotonic() - self._last_s > _CALM_S:
            self._said.clear()
            logger.info("Kafka at %s answers again", self._bootstrap)
