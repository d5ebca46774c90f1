"""Kafka goes away and comes back: the consumer waits, recovers, loses nothing, says it once."""

import time

import pytest

from consumer.settings import ConsumerSettings
from support.data.feed import Feed, send
from support.data.records import gig, places, until
from support.processes.consume import Consuming
from support.servers.kafka import KafkaBroker

AWAY_S = 20


@pytest.fixture(scope="module")
def broker():
    """A broker that these tests may kill."""
    with KafkaBroker(own=True) as broker:
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


def test_a_broker_away_for_twenty_seconds_is_waited_for_said_once_and_nothing_lost(
    broker, settings
):
    with Consuming(settings) as consumer:
        with Feed(broker.bootstrap, settings.kafka_topic, per_s=100) as feed:
            until(lambda: "Stored" in consumer.said)
            broker.kill()
            time.sleep(AWAY_S)
            broker.start()
            until(lambda: "answers again" in consumer.said)
        until(lambda: len(places(settings.store)) == len(feed.delivered))
        consumer.stop()

    found = places(settings.store)
    assert {(partition, offset) for _, partition, offset in found} == feed.delivered
    assert set(found.values()) == {1}
    waiting = [line.partition(" ")[2] for line in consumer.said.splitlines() if "waiting" in line]
    assert 1 <= len(waiting) <= 3
    assert len(set(waiting)) == len(waiting)


def test_sigterm_while_the_broker_is_away_ends_with_0_in_time(broker, settings):
    send(broker.bootstrap, settings.kafka_topic, gig(0))
    with Consuming(settings) as consumer:
        until(lambda: "Stored" in consumer.said)
        broker.kill()
        try:
            time.sleep(0.5)
            consumer.stop()
        finally:
            broker.start()


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
