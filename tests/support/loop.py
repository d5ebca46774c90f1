"""The consumer's loop in this process, its consumer in no group: the test plays the group."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer

from consumer.batch import FlushPolicy
from consumer.incarnation import Incarnation
from consumer.ingest import Ingest
from consumer.membership import consumer_options
from consumer.settings import ConsumerSettings
from consumer.store import Store
from consumer.topic import identify
from consumer.watch import Watch
from support.records import until


@contextmanager
def looping(settings: ConsumerSettings) -> Iterator[Ingest]:
    topic = identify(settings)
    consumer = Consumer(consumer_options(settings))
    yield Ingest(
        consumer=consumer,
        store=Store.open(settings.store),
        topic=topic,
        incarnation=Incarnation(topic=topic, settings=settings),
        accept_loss=settings.kafka_accept_loss,
        policy=FlushPolicy(max_events=100, max_bytes=10_000, wait_s=0.01),
        revoke_s=1,
        watch=Watch(settings.kafka_bootstrap),
        on_step=lambda _step: None,
    )
    consumer.close()


def turn_until(loop: Ingest, condition) -> None:
    def turned() -> bool:
        loop._turn()
        return condition()

    until(turned)
