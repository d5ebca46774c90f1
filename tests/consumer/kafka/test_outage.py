"""An outage is said once, its end too."""

import pytest
from confluent_kafka import KafkaError

from consumer.kafka import outage
from consumer.kafka.outage import Watch

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
REFUSED = KafkaError(KafkaError._TRANSPORT, "connection refused")
GONE = ["Kafka at here:9092: 1/1 brokers are down; waiting"]
BACK = ["Kafka at here:9092 answers again"]


@pytest.fixture
def said(caplog):
    """What was said since the last time."""
    caplog.set_level("INFO", outage.__name__)

    def since() -> list[str]:
        messages = list(caplog.messages)
        caplog.clear()
        return messages

    return since


def test_each_complaint_is_said_once_per_outage(said, monkeypatch):
    monkeypatch.setattr(outage, "_CALM_S", 0.0)
    kafka = Watch("here:9092")
    for complaint in (DOWN, REFUSED, DOWN, DOWN):
        kafka.complaint(complaint)
    assert said() == [*GONE, "Kafka at here:9092: connection refused; waiting"]

    kafka.message()
    kafka.message()
    assert said() == BACK

    kafka.complaint(DOWN)
    assert said() == GONE


def test_a_message_that_had_been_fetched_before_the_outage_does_not_end_it(said):
    kafka = Watch("here:9092")
    kafka.complaint(DOWN)
    said()

    kafka.message()

    assert said() == []
