"""The dead-letter topic gets each dead letter of the store once, whatever happens on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from deltalake import DeltaTable

from consumer import dead_letter_topic
from consumer import forwarder as forwarder_module
from consumer.forwarded import write_note
from consumer.forwarder import Forwarder
from consumer.settings import ConsumerSettings
from consumer.topic import identify
from support.consume import Consuming
from support.dead import bury, letters, place, places
from support.feed import send
from support.guarded import as_user
from support.kafka import KafkaBroker
from support.records import gig, until

TESTS = Path(__file__).parents[1]
STEPS = ("dead_letters_produced", "dead_letters_remembered", "dead_letters_committed")


class Clock:
    """A monotonic clock that stands still."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def settings_of(broker, tmp_path, **more) -> ConsumerSettings:
    topic = broker.create_topic(4)
    return ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=broker.bootstrap,
        kafka_topic=topic,
        kafka_group=f"{topic}-group",
        kafka_dead_letter_topic=broker.create_topic(),
        **more,
    )


@pytest.fixture
def settings(kafka, tmp_path) -> ConsumerSettings:
    return settings_of(kafka, tmp_path)


@pytest.fixture
def topic_id(settings) -> str:
    return identify(settings).topic_id


def forwarded(forwarder, number) -> None:
    """Until so many letters more were sent, past what a coordinator that still loads refuses."""
    left = number
    while left > 0:
        left -= until(forwarder.run_once)
    assert left == 0


def came(settings, **options):
    return letters(settings, settings.kafka_dead_letter_topic, **options)


def test_a_letter_is_the_record_as_it_was_with_headers_that_say_what_is_wrong(settings, topic_id):
    headers = [("trace", b"1"), ("gigstream-reason", b"of an earlier life"), ("x", None)]
    bury(
        settings,
        topic_id,
        [41],
        partition=3,
        value=gig(1, artist_id=""),
        key=b"\xff",
        headers=headers,
    )

    forwarded(Forwarder(settings=settings), 1)

    (letter,) = came(settings)
    assert (letter.value(), letter.key()) == (gig(1, artist_id=""), b"\xff")
    kept, said = letter.headers()[:2], dict(letter.headers()[2:])
    assert kept == [("trace", b"1"), ("x", None)]
    assert said.pop("gigstream-reason").startswith(b"artist_id: '' is empty; send ")
    assert json.loads(said.pop("gigstream-source")) == {
        "topic_id": topic_id,
        "topic": settings.kafka_topic,
        "partition": 3,
        "offset": 41,
    }
    assert said == {
        "gigstream-field": b"artist_id",
        "gigstream-first-seen": b"2018-10-31T15:33:20.000Z",
    }


def test_letters_come_once_each_and_in_the_order_of_their_partition(
    settings, topic_id, monkeypatch
):
    monkeypatch.setattr(forwarder_module, "_LETTERS", 7)
    for number in range(3):
        bury(settings, topic_id, range(10 * number, 10 * number + 10))
        bury(settings, topic_id, [number], partition=2)

    forwarded(Forwarder(settings=settings), 33)

    found = came(settings)
    assert set(places(found).values()) == {1}
    of_first = [place(letter)[2] for letter in found if place(letter)[1] == 0]
    assert of_first == list(range(30))


def test_what_was_sent_is_not_sent_again_by_the_next_forwarder(settings, topic_id):
    bury(settings, topic_id, range(5))
    first = Forwarder(settings=settings)
    forwarded(first, 5)
    first.close()

    bury(settings, topic_id, [7, 9])
    forwarded(Forwarder(settings=settings), 2)

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in (0, 1, 2, 3, 4, 7, 9)}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_it_still_sends_each_letter_once(settings, topic_id, step):
    bury(settings, topic_id, range(5))
    killed = subprocess.run(
        [sys.executable, "-m", "support.dead", settings.model_dump_json(), step],
        env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    bury(settings, topic_id, [8])

    forwarded(Forwarder(settings=settings), 1 if step == STEPS[-1] else 6)

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in (0, 1, 2, 3, 4, 8)}
    raw = places(came(settings, committed=False))
    assert raw[topic_id, 0, 0] == (1 if step == STEPS[-1] else 2), "it was on the topic already"


@pytest.mark.parametrize("step", STEPS[:2])
def test_a_zombie_that_wakes_after_its_successor_sends_nothing(settings, topic_id, step, caplog):
    bury(settings, topic_id, range(5))
    successor = Forwarder(settings=settings)

    def sleeps(name):
        if name == step and not successor._next:
            forwarded(successor, 5)

    zombie = Forwarder(settings=settings, on_step=sleeps)
    until(lambda: zombie.run_once() or successor._next)

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(5)}
    assert "another process forwards dead letters" in caplog.text
    # It may take over again, and then knows what the other one sent.
    bury(settings, topic_id, [5])
    forwarded(Forwarder(settings=settings), 1)
    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(6)}


def test_compaction_sends_nothing_twice_and_loses_nothing_that_waits(settings, topic_id):
    forwarder = Forwarder(settings=settings)
    for number in range(3):
        bury(settings, topic_id, [number])
    forwarded(forwarder, 3)
    bury(settings, topic_id, [3])
    forwarder._look()  # taken in, then compacted away before it was sent
    table = DeltaTable(settings.store)
    table.optimize.compact()
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    forwarded(forwarder, 1)
    assert forwarder.run_once() == 0
    assert Forwarder(settings=settings).run_once() == 0

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(4)}


def test_another_store_of_the_same_topic_sends_nothing_twice(settings, topic_id):
    bury(settings, topic_id, range(4))
    forwarder = Forwarder(settings=settings)
    forwarded(forwarder, 4)
    shutil.rmtree(settings.store)
    bury(settings, topic_id, range(6))

    forwarded(forwarder, 2)

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(6)}


def test_a_source_topic_made_anew_begins_at_its_own_zero(kafka, settings, topic_id):
    bury(settings, topic_id, range(5))
    forwarder = Forwarder(settings=settings)
    forwarded(forwarder, 5)
    kafka.admin.delete_topics([settings.kafka_topic])[settings.kafka_topic].result(30)
    until(lambda: settings.kafka_topic not in kafka.admin.list_topics(timeout=10).topics)
    kafka.create_topic(4, name=settings.kafka_topic)
    anew = identify(settings).topic_id
    bury(settings, anew, range(3))

    forwarded(forwarder, 3)
    assert Forwarder(settings=settings).run_once() == 0

    found = came(settings)
    assert places(found) == {(topic_id, 0, n): 1 for n in range(5)} | {
        (anew, 0, n): 1 for n in range(3)
    }


def test_a_dead_letter_topic_made_anew_is_filled_anew(kafka, settings, topic_id):
    bury(settings, topic_id, range(5))
    forwarder = Forwarder(settings=settings)
    forwarded(forwarder, 5)
    name = settings.kafka_dead_letter_topic
    kafka.admin.delete_topics([name])[name].result(30)
    until(lambda: name not in kafka.admin.list_topics(timeout=10).topics)
    kafka.create_topic(1, name=name)
    bury(settings, topic_id, [5])

    forwarded(forwarder, 6)

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(6)}


def test_the_note_bridges_offsets_that_kafka_has_forgotten(kafka, settings, topic_id):
    bury(settings, topic_id, range(5))
    forwarder = Forwarder(settings=settings)
    forwarded(forwarder, 5)
    forwarder.close()
    group = f"{settings.kafka_group}.dead-letters.{topic_id}.0"
    kafka.admin.delete_consumer_groups([group])[group].result(30)
    bury(settings, topic_id, [5])

    forwarded(Forwarder(settings=settings), 1)

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(6)}


def hang(settings, topic_id) -> Producer:
    """Leave the progress of a source in a transaction without an end."""
    group = f"{settings.kafka_group}.dead-letters.{topic_id}.0"
    servers = {"bootstrap.servers": settings.kafka_bootstrap, "log_level": 0}
    producer = Producer({**servers, "transactional.id": "another", "transaction.timeout.ms": 60000})
    producer.init_transactions(20)
    producer.begin_transaction()
    place = TopicPartition(settings.kafka_dead_letter_topic, 0, 99, metadata="? 0:99")
    with closing(Consumer({**servers, "group.id": group})) as consumer:
        producer.send_offsets_to_transaction([place], consumer.consumer_group_metadata(), 20)
    return producer


def test_where_kafka_cannot_tell_the_progress_the_note_does(settings, topic_id, monkeypatch):
    monkeypatch.setattr(dead_letter_topic, "_REPLY_S", 3.0)
    bury(settings, topic_id, range(5))
    forwarder = Forwarder(settings=settings)
    forwarded(forwarder, 5)
    forwarder.close()
    hanging = hang(settings, topic_id)
    bury(settings, topic_id, [5])

    forwarded(Forwarder(settings=settings), 1)

    hanging.abort_transaction(10)
    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(6)}


def test_where_neither_kafka_nor_the_note_can_tell_letters_wait_and_the_way_out_is_named(
    settings, topic_id, monkeypatch, caplog
):
    monkeypatch.setattr(dead_letter_topic, "_REPLY_S", 3.0)
    bury(settings, topic_id, range(5))
    forwarded(Forwarder(settings=settings), 5)
    write_note(settings.store, identify_dead(settings), {(topic_id, 0): 3}, is_open=True)
    hanging = hang(settings, topic_id)
    bury(settings, topic_id, [5])

    assert Forwarder(settings=settings).run_once() == 0

    hanging.abort_transaction(10)
    assert "Kafka cannot tell how the last transaction" in caplog.text
    assert "delete the offsets of group" in caplog.text
    forwarded(Forwarder(settings=settings), 1)
    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(6)}


def identify_dead(settings) -> str:
    named = {"kafka_topic": settings.kafka_dead_letter_topic}
    return identify(settings.model_copy(update=named)).topic_id


def test_without_a_topic_in_the_settings_nothing_is_done(tmp_path):
    settings = ConsumerSettings(home=tmp_path, kafka_bootstrap="127.0.0.1:1")
    bury(settings, "T", [1])

    assert Forwarder(settings=settings).run_once() == 0


def test_nobody_is_asked_while_there_is_no_dead_letter(tmp_path):
    settings = ConsumerSettings(
        home=tmp_path, kafka_bootstrap="127.0.0.1:1", kafka_dead_letter_topic="dead"
    )

    assert Forwarder(settings=settings).run_once() == 0


def test_a_missing_topic_is_told_once_and_tried_later_and_later(kafka, settings, topic_id, caplog):
    missing = settings.model_copy(
        update={"kafka_dead_letter_topic": f"{settings.kafka_topic}-dead"}
    )
    bury(missing, topic_id, [1])
    clock = Clock()
    forwarder = Forwarder(settings=missing, now_s=clock)

    tried = []
    for clock.now_s in range(20):
        before = forwarder._not_before_s
        assert forwarder.run_once() == 0
        if forwarder._not_before_s != before:
            tried.append(clock.now_s)
    assert tried == [0, 1, 3, 7, 15]
    (line,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert line == (
        f"Dead letters wait in the store: topic {missing.kafka_dead_letter_topic!r} does not exist "
        f"at {kafka.bootstrap}; create it, or set kafka_create_partitions to the number of "
        "partitions it shall have"
    )

    kafka.create_topic(1, name=missing.kafka_dead_letter_topic)
    clock.now_s = 100.0
    forwarded(forwarder, 1)


def test_the_topic_is_created_where_the_settings_say_so(kafka, settings, topic_id):
    name = f"{settings.kafka_topic}-dead"
    making = settings.model_copy(
        update={"kafka_dead_letter_topic": name, "kafka_create_partitions": 2}
    )
    bury(making, topic_id, [1])

    forwarded(Forwarder(settings=making), 1)

    assert places(letters(making, name)) == {(topic_id, 0, 1): 1}


def test_a_letter_that_the_topic_refuses_for_its_size_is_told_with_the_remedy(
    kafka, tmp_path, caplog
):
    settings = settings_of(kafka, tmp_path)
    small = kafka.create_topic(config={"max.message.bytes": "2000"})
    settings = settings.model_copy(update={"kafka_dead_letter_topic": small})
    topic_id = identify(settings).topic_id
    bury(settings, topic_id, [1], value=os.urandom(3000))

    forwarder = Forwarder(settings=settings)
    until(lambda: forwarder.run_once() or "refused" in caplog.text)

    assert "refused a dead letter of" in caplog.text
    assert "raise its max.message.bytes" in caplog.text
    assert letters(settings, small) == []


def test_while_the_broker_is_away_letters_wait_and_go_on_when_it_is_back(tmp_path, caplog):
    with KafkaBroker(own=True) as broker:
        settings = settings_of(broker, tmp_path, connect_timeout_s=1)
        topic_id = identify(settings).topic_id
        bury(settings, topic_id, [1])
        clock = Clock()
        forwarder = Forwarder(settings=settings, now_s=clock)
        forwarded(forwarder, 1)
        clock.now_s = 1000.0
        broker.kill()
        bury(settings, topic_id, [2])

        assert forwarder.run_once() == 0
        assert f"no Kafka broker answered at {settings.kafka_bootstrap}" in caplog.text
        broker.start()
        clock.now_s += 60
        forwarded(forwarder, 1)

        assert places(came(settings)) == {(topic_id, 0, 1): 1, (topic_id, 0, 2): 1}


def grant(broker, kind, name, operation, *, prefixed=False) -> None:
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    right = AclBinding(kind, name, pattern, "User:reader", "*", operation, AclPermissionType.ALLOW)
    broker.admin.create_acls([right])[right].result(30)


def test_each_right_that_is_missing_is_named_and_those_of_the_docs_are_enough(
    guarded, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(dead_letter_topic, "_REPLY_S", 3.0)
    settings = settings_of(guarded, tmp_path, kafka=as_user("reader"))
    topic, dead = settings.kafka_topic, settings.kafka_dead_letter_topic
    topic_id = identify(settings.model_copy(update={"kafka": as_user("admin")})).topic_id
    bury(settings, topic_id, [1])
    clock = Clock()
    forwarder = Forwarder(settings=settings, now_s=clock)
    us = f"{settings.kafka_group}.dead-letters"
    steps = [
        (f"topic {topic!r} (Broker", (ResourceType.TOPIC, topic, AclOperation.READ)),
        (f"topic {dead!r} (it may", (ResourceType.TOPIC, dead, AclOperation.DESCRIBE)),
        (
            f"transactional id {us!r} (",
            (ResourceType.TRANSACTIONAL_ID, us, AclOperation.WRITE),
        ),
        (f"the groups that begin with {us!r}", (ResourceType.GROUP, us, AclOperation.READ)),
        (f"topic {dead!r} (Failed to add", (ResourceType.TOPIC, dead, AclOperation.WRITE)),
        (f"topic {dead!r} (Failed to commit", (ResourceType.TOPIC, dead, AclOperation.READ)),
    ]
    for missing, (kind, name, operation) in steps:
        caplog.clear()

        def told(what=missing):
            clock.now_s += 60
            assert forwarder.run_once() == 0
            return what in caplog.text

        until(told)
        assert "grant " in caplog.text
        grant(guarded, kind, name, operation, prefixed=kind == ResourceType.GROUP)

    def sent():
        clock.now_s += 60
        return forwarder.run_once()

    assert until(sent) == 1


def test_a_transaction_is_cut_where_its_bytes_would_be_many(settings, topic_id, monkeypatch):
    monkeypatch.setattr(forwarder_module, "_BYTES", 2500)
    bury(settings, topic_id, range(5), value=b"?" * 1000)
    cuts = []
    forwarder = Forwarder(settings=settings, on_step=cuts.append)

    forwarded(forwarder, 5)

    assert cuts.count("dead_letters_committed") == 3
    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(5)}


def test_a_running_consumer_sees_to_it_that_its_dead_letters_are_forwarded(settings, topic_id):
    send(settings.kafka_bootstrap, settings.kafka_topic, b"?", gig(1), b"!", key="e1")
    name = settings.kafka_dead_letter_topic

    with Consuming(settings) as consumer:
        until(lambda: len(letters(settings, name)) == 2, within_s=30)
        consumer.stop()

    assert sorted(letter.value() for letter in came(settings)) == [b"!", b"?"]
    assert set(places(came(settings)).values()) == {1}
