"""The consumer's loop in this process, without a group: the test assigns partitions."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer

from consumer.ingest.batch import FlushPolicy
from consumer.ingest.loop import Ingest
from consumer.kafka.client import consumer_options
from consumer.kafka.outage import Watch
from consumer.kafka.topic import identify
from consumer.kafka.topic_check import TopicCheck
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from support.data.records import until


@contextmanager
def looping(settings: ConsumerSettings) -> Iterator[Ingest]:
    topic = identify(settings)
    consumer = Consumer(consumer_options(settings))
    yield Ingest(
        consumer=consumer,
        store=Store.open(settings.store),
        topic=topic,
        options=consumer_options(settings),
        topic_check=TopicCheck(topic=topic, settings=settings),
        accept_loss=settings.kafka_accept_loss,
        policy=FlushPolicy(max_events=100, max_bytes=10_000, wait_s=0.01),
        revoke_s=1,
        watch=Watch(settings.kafka_bootstrap),
        on_step=lambda _step: None,
    )
    consumer.close()


def turn_until(loop: Ingest, condition) -> None:
    def turned() -> bool:
        loop._poll_once()
        return condition()

    until(turned)
