"""Until when Kafka keeps what was erased here, as the receipt tells it."""

import time
from datetime import datetime

import pytest

from consumer.kafka import inspect
from consumer.kafka.inspect import Unanswered, cleanup_policy, retention
from gigstream.settings import Settings
from support.data.feed import send
from support.servers.guarded import as_user
from support.servers.kafka import KafkaBroker

DAY_MS = 86_400_000


@pytest.fixture
def settings(kafka):
    return Settings(kafka_bootstrap=kafka.bootstrap, connect_timeout_s=2)


def test_a_topic_keeps_its_newest_record_for_its_retention(kafka, settings):
    topic = kafka.create_topic(partitions=2, config={"retention.ms": str(DAY_MS)})
    for partition, at_ms in ((0, DAY_MS * 17_000), (1, DAY_MS * 17_001)):
        send(kafka.bootstrap, topic, b"{}", partition=partition, timestamp=at_ms)

    found = retention(settings, topic)

    assert found["retention_ms"] == DAY_MS
    assert datetime.fromisoformat(found["newest_record_at"]).timestamp() == 17_001 * 86_400
    assert datetime.fromisoformat(found["retained_until"]).timestamp() == 17_002 * 86_400
    assert found["said"].startswith("until 2016-07-20")


def test_a_topic_without_end_says_so(kafka, settings):
    topic = kafka.create_topic(config={"retention.ms": "-1"})
    send(kafka.bootstrap, topic, b"{}")

    found = retention(settings, topic)

    assert found["retained_until"] is None
    assert found["said"] == "for ever: its retention.ms is -1"
    assert datetime.fromisoformat(found["newest_record_at"]).timestamp() > time.time() - 60


def test_an_empty_topic_retains_nothing(kafka, settings):
    found = retention(settings, kafka.create_topic())

    assert (found["retained_until"], found["said"]) == (None, "it holds no records")


def test_a_grant_is_advised_where_one_is_missing_alone(guarded, settings, monkeypatch):
    guarded.create_topic(name="quiet")
    reader = settings.model_copy(
        update={
            "kafka_bootstrap": guarded.bootstrap,
            "kafka_topic": "quiet",
            "kafka": as_user("reader"),
        }
    )
    with pytest.raises(Unanswered, match="grant DescribeConfigs on it"):
        cleanup_policy(reader)

    monkeypatch.setattr(inspect, "_REPLY_S", 1.0)
    with KafkaBroker(own=True) as broker:
        slow = {"kafka_bootstrap": broker.bootstrap, "kafka_topic": broker.create_topic()}
        assert cleanup_policy(settings.model_copy(update=slow)) == "delete"
        broker.pause()
        with pytest.raises(Unanswered, match="try again later") as unanswered:
            cleanup_policy(settings.model_copy(update=slow))
        broker.resume()
    assert "grant" not in str(unanswered.value)


def test_what_the_broker_does_not_tell_is_unknown_and_no_failure(kafka, settings):
    missing = retention(settings, "no-such-topic")
    away = retention(settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"}), "gigs")

    assert missing["said"].startswith("unknown: topic 'no-such-topic' does not exist")
    assert away["said"].startswith("unknown: no Kafka broker answered")
    assert away["retained_until"] is None
