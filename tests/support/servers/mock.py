"""librdkafka's mock cluster, the broker that the demo embeds."""

from typing import Self

from confluent_kafka import Producer


class MockBroker:
    """Lives as long as the producer that holds it; a context manager."""

    def __init__(self) -> None:
        options = {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0}
        self._holder = Producer(options)
        (broker,) = self._holder.list_topics(timeout=5).brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.close()
