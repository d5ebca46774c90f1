"""Kafka goes away and comes back: the consumer waits, recovers, loses nothing, says it once."""

import time

import pytest

from consumer.settings import ConsumerSettings
from consumer.tail import Tail
from support.consume import Consuming
from support.feed import Feed, send
from support.kafka import KafkaBroker
from support.records import gig, places, until

AWAY_S = 20


@pytest.fixture(scope="module")
def broker():
    """A broker that these tests may kill."""
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture
def settings(broker, tmp_path):
    topic = broker.create_topic(2)
    return ConsumerSettings(
        home=tmp_path,
        kafka_bootstrap=broker.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
        kafka={"session.timeout.ms": "6000"},
    )


def all_stored(settings, delivered) -> bool:
    return len(places(settings.store)) == len(delivered)


def test_a_broker_killed_for_twenty_seconds_is_waited_for_and_nothing_is_lost(broker, settings):
    feed = Feed(broker.bootstrap, settings.kafka_topic, per_s=100)
    with feed, Consuming(settings) as consumer:
        until(lambda: "Stored" in consumer.said)
        broker.kill()
        time.sleep(AWAY_S)
        broker.start()
        until(lambda: "answers again" in consumer.said)
        before = len(places(settings.store))
        until(lambda: len(places(settings.store)) > before + 100)
        consumer.stop()
    with Consuming(settings) as consumer:
        until(lambda: all_stored(settings, feed.delivered))
        consumer.stop()

    found = places(settings.store)
    assert {(partition, offset) for _, partition, offset in found} == feed.delivered
    assert set(found.values()) == {1}


def test_an_outage_is_said_once_and_sigterm_still_ends_it_in_time(broker, settings):
    send(broker.bootstrap, settings.kafka_topic, gig(0))
    tail = Tail(settings.store)
    with Consuming(settings) as consumer:
        until(lambda: (chunk := tail.read()) and chunk.events.num_rows)
        broker.kill()
        try:
            time.sleep(3)
            consumer.stop()
        finally:
            broker.start()

    said = [line for line in consumer.said.splitlines() if "; waiting" in line]
    assert 1 <= len(said) <= 2, consumer.said
    assert len(set(said)) == len(said)


def test_sigterm_while_the_broker_hangs_ends_with_0_in_time(broker, settings):
    send(broker.bootstrap, settings.kafka_topic, gig(0))
    with Consuming(settings) as consumer:
        until(lambda: "Stored" in consumer.said)
        broker.pause()
        try:
            time.sleep(0.5)
            consumer.stop()
        finally:
            broker.resume()

    assert "its session timeout will end our membership" in consumer.said
