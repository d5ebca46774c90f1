"""The dead-letter topic gets each dead letter of the store at least once, whatever happens."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from deltalake import DeltaTable

from consumer.dead_letters import forwarder as forwarder_module
from consumer.dead_letters.forwarder import NOTE, Forwarder
from consumer.kafka.topic import identify
from consumer.settings import ConsumerSettings
from support.data.dead import bury, letters, place, places
from support.data.feed import send
from support.data.records import gig, until
from support.processes.consume import Consuming
from support.servers.guarded import as_user
from support.servers.kafka import KafkaBroker

TESTS = Path(__file__).parents[2]
STEPS = ("dead_letters_sent", "dead_letters_noted")


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
    """Wait until this many more letters were sent."""
    left = number
    while left > 0:
        left -= until(forwarder.run_once)
    assert left == 0


def came(settings):
    return letters(settings, settings.kafka_dead_letter_topic)


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

    bury(settings, topic_id, [7, 9])
    forwarded(Forwarder(settings=settings), 2)

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in (0, 1, 2, 3, 4, 7, 9)}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_it_loses_no_letter_and_a_second_copy_has_the_same_key(
    settings, topic_id, step
):
    bury(settings, topic_id, range(5))
    killed = subprocess.run(
        [sys.executable, "-m", "support.data.dead", settings.model_dump_json(), step],
        env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    bury(settings, topic_id, [8])

    forwarded(Forwarder(settings=settings), 1 if step == STEPS[-1] else 6)

    copies = 1 if step == STEPS[-1] else 2
    found = came(settings)
    assert places(found) == {(topic_id, 0, n): copies for n in range(5)} | {(topic_id, 0, 8): 1}
    keys = [dict(letter.headers())["gigstream-source"] for letter in found]
    assert len(set(keys)) == 6


def test_compaction_sends_nothing_twice_and_loses_nothing_that_waits(
    settings, topic_id, monkeypatch
):
    forwarder = Forwarder(settings=settings)
    for number in range(3):
        bury(settings, topic_id, [number])
    forwarded(forwarder, 3)
    bury(settings, topic_id, [3])
    real = forwarder_module.load

    def compacted_first(store, rows):
        monkeypatch.setattr(forwarder_module, "load", real)
        table = DeltaTable(store)
        table.optimize.compact()
        table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        return real(store, rows)

    monkeypatch.setattr(forwarder_module, "load", compacted_first)
    assert forwarder.run_once() == 0

    forwarded(forwarder, 1)
    assert forwarder.run_once() == 0
    assert Forwarder(settings=settings).run_once() == 0

    assert places(came(settings)) == {(topic_id, 0, n): 1 for n in range(4)}


def test_without_the_note_all_letters_are_sent_again_with_the_same_keys(settings, topic_id):
    bury(settings, topic_id, range(4))
    forwarded(Forwarder(settings=settings), 4)
    (settings.store / NOTE).unlink()
    bury(settings, topic_id, [4])

    forwarded(Forwarder(settings=settings), 5)

    found = came(settings)
    assert places(found) == {(topic_id, 0, n): 2 for n in range(4)} | {(topic_id, 0, 4): 1}
    assert len({dict(letter.headers())["gigstream-source"] for letter in found}) == 5


def test_the_note_of_an_earlier_version_is_read(settings, topic_id):
    bury(settings, topic_id, range(4))
    dead = settings.model_copy(update={"kafka_topic": settings.kafka_dead_letter_topic})
    note = {"topic_id": identify(dead).topic_id, "sent": {topic_id: {"0": 3}}, "open": True}
    (settings.store / NOTE).write_text(json.dumps(note))

    forwarded(Forwarder(settings=settings), 1)

    assert places(came(settings)) == {(topic_id, 0, 3): 1}


def test_a_source_topic_created_again_begins_at_its_own_zero(kafka, settings, topic_id):
    bury(settings, topic_id, range(5))
    forwarder = Forwarder(settings=settings)
    forwarded(forwarder, 5)
    kafka.admin.delete_topics([settings.kafka_topic])[settings.kafka_topic].result(30)
    until(lambda: settings.kafka_topic not in kafka.admin.list_topics(timeout=10).topics)
    kafka.create_topic(4, name=settings.kafka_topic)
    second_id = identify(settings).topic_id
    bury(settings, second_id, range(3))

    forwarded(forwarder, 3)
    assert Forwarder(settings=settings).run_once() == 0

    found = came(settings)
    assert places(found) == {(topic_id, 0, n): 1 for n in range(5)} | {
        (second_id, 0, n): 1 for n in range(3)
    }


def test_a_dead_letter_topic_created_again_is_filled_again(kafka, settings, topic_id):
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

    assert "refused a dead letter for its size" in caplog.text
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


def grant(broker, kind, name, operation) -> None:
    pattern = ResourcePatternType.LITERAL
    right = AclBinding(kind, name, pattern, "User:reader", "*", operation, AclPermissionType.ALLOW)
    broker.admin.create_acls([right])[right].result(30)


def test_each_right_that_is_missing_is_named_and_those_of_the_docs_are_enough(
    guarded, tmp_path, caplog
):
    settings = settings_of(guarded, tmp_path, kafka=as_user("reader"))
    topic, dead = settings.kafka_topic, settings.kafka_dead_letter_topic
    topic_id = identify(settings.model_copy(update={"kafka": as_user("admin")})).topic_id
    bury(settings, topic_id, [1])
    clock = Clock()
    forwarder = Forwarder(settings=settings, now_s=clock)
    steps = [
        (f"topic {topic!r} (Broker", (ResourceType.TOPIC, topic, AclOperation.READ)),
        (f"topic {dead!r} (it may", (ResourceType.TOPIC, dead, AclOperation.DESCRIBE)),
        (f"topic {dead!r} (", (ResourceType.TOPIC, dead, AclOperation.WRITE)),
    ]
    for missing, (kind, name, operation) in steps:
        caplog.clear()

        def told(what=missing):
            clock.now_s += 60
            assert forwarder.run_once() == 0
            return what in caplog.text

        until(told)
        assert "grant " in caplog.text
        grant(guarded, kind, name, operation)

    def sent():
        clock.now_s += 60
        return forwarder.run_once()

    assert until(sent) == 1


def test_a_running_consumer_sees_to_it_that_its_dead_letters_are_forwarded(settings, topic_id):
    send(settings.kafka_bootstrap, settings.kafka_topic, b"?", gig(1), b"!", key="e1")
    name = settings.kafka_dead_letter_topic

    with Consuming(settings) as consumer:
        until(lambda: len(letters(settings, name)) == 2, within_s=30)
        consumer.stop()

    assert sorted(letter.value() for letter in came(settings)) == [b"!", b"?"]
    assert set(places(came(settings)).values()) == {1}
