"""Whether Kafka answers, said once when that changes, however often librdkafka tries."""

import logging

from confluent_kafka import KafkaError

logger = logging.getLogger(__name__)


class Watch:
    """Hears librdkafka's complaints and that messages come again.

    Args:
        bootstrap: the brokers, for people.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._said: set[int] = set()

    def complaint(self, error: KafkaError) -> None:
        """Something failed; librdkafka will try again."""
        if error.code() not in self._said:
            self._said.add(error.code())
            logger.warning("Kafka at %s: %s; waiting", self._bootstrap, error.str())

    def message(self) -> None:
        """A message came."""
        if self._said:
            self._said.clear()
            logger.info("Kafka at %s answers again", self._bootstrap)
