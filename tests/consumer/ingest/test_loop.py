"""Kafka to store over a real broker: everything once, whatever happens to the consumer."""

import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from consumer.ingest import rows
from consumer.ingest.batch import CommitTiming, FlushPolicy
from consumer.kafka.topic import identify
from consumer.maintenance.check import inspect
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from support.data.feed import Feed, send
from support.data.records import gig, message, places, stored, until
from support.processes.consume import KILLED, STEPS, Consuming
from support.processes.loop import looping, turn_until
from support.servers.guarded import allow, as_user
from support.servers.mock import MockBroker

NOTHING: dict[str, str] = {}
QUICK = {"session.timeout.ms": "1000", "heartbeat.interval.ms": "300"}


@pytest.fixture
def of(tmp_path):
    """Settings of a consumer that reads this topic into a store of its own."""

    def settings(broker, topic, *, kafka_options=NOTHING, **more) -> ConsumerSettings:
        return ConsumerSettings(
            home=tmp_path / "home",
            kafka_bootstrap=broker.bootstrap,
            kafka_topic=topic,
            kafka_group=f"{topic}-group",
            kafka=QUICK | kafka_options,
            **more,
        )

    return settings


class Following:
    """What is stored so far, read as the trainer reads it."""

    def __init__(self, settings) -> None:
        self._tail = StoreReader(settings.store)
        self.positions = {}
        self.events = self.dead = 0

    def look(self) -> "Following":
        chunk = self._tail.read()
        if chunk is not None:
            self.positions = chunk.positions
            self.events = chunk.events.num_rows + (0 if chunk.reset else self.events)
            self.dead = chunk.dead + (0 if chunk.reset else self.dead)
        return self

    def until(self, events, dead=0, within_s=60) -> None:
        until(lambda: self.look().events >= events and self.dead >= dead, within_s)


def each_once(settings, delivered) -> None:
    """Every message that Kafka has is stored, and none twice."""
    found = places(settings.store)
    assert {(partition, offset) for _, partition, offset in found} == set(delivered)
    assert set(found.values()) == {1}


def test_a_thousand_malformed_among_ten_thousand_good_ones_stop_nothing(kafka, of):
    settings = of(kafka, kafka.create_topic(3))
    bad = [b"?", gig(1, artist_id=""), gig(1, time="soon"), b"", gig(1, version=-1)]
    values = [bad[n // 11 % 5] if n % 11 == 10 else gig(n) for n in range(11_000)]
    send(kafka.bootstrap, settings.kafka_topic, *values)
    following = Following(settings)

    with Consuming(settings) as consumer:
        following.until(10_000, dead=1_000)
        consumer.stop()

    found = stored(settings.store)
    dead = [row for row in found if row["kind"] == "dead"]
    assert len(found) == 11_000
    assert Counter(row["raw"] for row in dead) == dict.fromkeys(bad, 200)
    assert Counter(row["field"] for row in dead) == {
        "value": 400,
        "artist_id": 200,
        "time": 200,
        "version": 200,
    }
    assert all(row["reason"].startswith(row["field"]) for row in dead)


def test_a_run_of_only_bad_messages_moves_on_too(kafka, of):
    settings = of(kafka, kafka.create_topic())
    send(kafka.bootstrap, settings.kafka_topic, *[b"?"] * 50)
    following = Following(settings)

    with Consuming(settings) as consumer:
        following.until(0, dead=50)
        consumer.stop()
    with Consuming(settings) as consumer:
        send(kafka.bootstrap, settings.kafka_topic, gig(1))
        following.until(1, dead=50)
        consumer.stop()

    assert len(stored(settings.store)) == 51


def test_killed_at_every_step_it_stores_each_event_once(kafka, of):
    settings = of(kafka, kafka.create_topic(3))
    with Feed(kafka.bootstrap, settings.kafka_topic) as feed:
        for step in STEPS:
            with Consuming(settings, fault=(step, 3, "kill")) as consumer:
                assert consumer.code() == KILLED, consumer.said
            assert set(places(settings.store).values()) <= {1}, step
    with Consuming(settings) as consumer:
        Following(settings).until(len(feed.delivered))
        consumer.stop()

    each_once(settings, feed.delivered)


def test_consumers_that_come_and_go_store_each_event_once(kafka, of):
    settings = of(kafka, kafka.create_topic(4))
    with Feed(kafka.bootstrap, settings.kafka_topic) as feed, Consuming(settings) as first:
        until(lambda: "Stored" in first.said)
        with Consuming(settings) as second:
            until(lambda: "Stored" in second.said)
            second.stop()
        with Consuming(settings) as third:
            until(lambda: "Stored" in third.said)
            first.stop()
            with Consuming(settings) as fourth:
                until(lambda: "Stored" in fourth.said)
                third.process.kill()
                Following(settings).until(len(feed.delivered) + 200)
                fourth.stop()
    with Consuming(settings) as last:
        Following(settings).until(len(feed.delivered))
        last.stop()

    each_once(settings, feed.delivered)


def test_the_new_group_protocol_stores_each_event_once(kafka, of):
    settings = of(kafka, kafka.create_topic(4))
    modern = settings.model_copy(update={"kafka": {"group.protocol": "consumer"}})
    with Feed(kafka.bootstrap, settings.kafka_topic) as feed, Consuming(modern) as first:
        until(lambda: "Stored" in first.said)
        with Consuming(modern) as second:
            until(lambda: "Stored" in second.said)
            first.stop()
            Following(settings).until(len(feed.delivered))
            second.stop()
    with Consuming(modern) as last:
        Following(settings).until(len(feed.delivered))
        last.stop()

    each_once(settings, feed.delivered)


@pytest.mark.parametrize("step", ["parquet_written", "after_commit"])
def test_sigterm_while_a_commit_hangs_ends_with_0_in_time_and_loses_nothing(kafka, of, step):
    settings = of(kafka, kafka.create_topic(1))
    with (
        Feed(kafka.bootstrap, settings.kafka_topic) as feed,
        Consuming(settings, fault=(step, 3, "hang")) as hanging,
    ):
        until(lambda: hanging.said.count("Stored") == 2)
        time.sleep(1)
        hanging.stop()
    with Consuming(settings) as next_owner:
        Following(settings).until(len(feed.delivered))
        next_owner.stop()

    each_once(settings, feed.delivered)


@pytest.mark.parametrize("step", ["before_commit", "parquet_written"])
def test_sigterm_while_a_call_holds_the_interpreter_ends_with_0_in_time(kafka, of, step):
    settings = of(kafka, kafka.create_topic(1))
    with (
        Feed(kafka.bootstrap, settings.kafka_topic) as feed,
        Consuming(settings, fault=(step, 3, "hold")) as held,
    ):
        until(lambda: held.said.count("Stored") == 2)
        time.sleep(1)
        held.stop()
    with Consuming(settings) as next_owner:
        Following(settings).until(len(feed.delivered))
        next_owner.stop()

    each_once(settings, feed.delivered)


def test_a_zombie_that_wakes_between_fetch_and_commit_stores_nothing_twice(kafka, of):
    settings = of(kafka, kafka.create_topic(2))
    fault = ("parquet_written", 3, "stop")
    with (
        Feed(kafka.bootstrap, settings.kafka_topic) as feed,
        Consuming(settings, fault=fault) as zombie,
    ):
        until(lambda: "Stored" in zombie.said)
        with Consuming(settings) as heir:
            until(lambda: "Stored" in heir.said)
            zombie.signal(signal.SIGCONT)
            until(lambda: "another consumer has stored on" in zombie.said)
            heir.stop()
        before = len(places(settings.store))
        until(lambda: len(places(settings.store)) > before)
        zombie.stop()
    with Consuming(settings) as last:
        Following(settings).until(len(feed.delivered))
        last.stop()

    each_once(settings, feed.delivered)


def test_sigterm_under_load_ends_with_0_in_time_and_kafkas_own_offsets_are_the_stores(kafka, of):
    settings = of(kafka, kafka.create_topic(2))
    with Feed(kafka.bootstrap, settings.kafka_topic, per_s=1_000) as feed:
        for _ in range(2):
            with Consuming(settings) as consumer:
                until(lambda said=consumer: said.said.count("Stored") > 3)
                consumer.stop()
                assert "Stopped; all that was read is stored" in consumer.said
    with Consuming(settings) as consumer:
        following = Following(settings)
        following.until(len(feed.delivered))
        consumer.stop()

    each_once(settings, feed.delivered)
    assert committed(settings) == following.look().positions


def committed(settings) -> dict[str, int]:
    topic = identify(settings)
    options = {"bootstrap.servers": settings.kafka_bootstrap, "group.id": settings.kafka_group}
    consumer = Consumer(options)
    wanted = [TopicPartition(topic.name, number) for number in topic.partitions]
    found = {topic.app_id(p.partition): p.offset for p in consumer.committed(wanted, timeout=10)}
    consumer.close()
    return found


def test_transaction_markers_and_aborted_messages_do_not_stall_the_positions(kafka, of):
    settings = of(kafka, kafka.create_topic())
    options = {"bootstrap.servers": kafka.bootstrap, "transactional.id": settings.kafka_topic}
    producer = Producer(options)
    producer.init_transactions(30)

    def transaction(*numbers, commit):
        producer.begin_transaction()
        for number in numbers:
            producer.produce(settings.kafka_topic, gig(number))
        producer.flush(10)
        if commit:
            producer.commit_transaction(10)
        else:
            producer.abort_transaction(10)

    following = Following(settings)
    with Consuming(settings) as consumer:
        transaction(0, 1, commit=True)  # offsets 0 1, marker 2
        until(lambda: list(following.look().positions.values()) == [3])
        transaction(2, 3, commit=False)  # aborted 3 4, marker 5
        until(lambda: list(following.look().positions.values()) == [6])
        consumer.stop()
    transaction(4, commit=True)  # offset 6, marker 7
    with Consuming(settings) as consumer:
        until(lambda: list(following.look().positions.values()) == [8])
        consumer.stop()

    assert sorted(row["offset"] for row in stored(settings.store)) == [0, 1, 6]


def test_a_partition_that_lost_its_head_before_the_first_start_is_read_from_its_low_end(kafka, of):
    settings = of(kafka, kafka.create_topic())
    send(kafka.bootstrap, settings.kafka_topic, *map(gig, range(20)))
    delete_below(kafka, settings.kafka_topic, 8)

    with Consuming(settings) as consumer:
        Following(settings).until(12)
        consumer.stop()

    assert sorted(row["offset"] for row in stored(settings.store)) == list(range(8, 20))


def delete_below(kafka, topic, offset) -> None:
    where = TopicPartition(topic, 0, offset)
    kafka.admin.delete_records([where])[where].result(10)


def test_an_event_after_a_calm_is_stored_without_waiting_for_company(kafka, of):
    settings = of(kafka, kafka.create_topic(), flush_wait_s=600)
    following = Following(settings)
    with Consuming(settings) as consumer:
        for number in range(3):
            send(kafka.bootstrap, settings.kafka_topic, gig(number))
            following.until(number + 1)
            time.sleep(1)
        consumer.stop()


def ends_in_one_line(consumer, code, text) -> None:
    assert consumer.code() == code, consumer.said
    last = consumer.said.splitlines()[-1]
    assert text in last, consumer.said
    assert "Traceback" not in consumer.said


def test_events_that_kafka_deleted_before_they_were_stored_are_an_error_with_a_remedy(kafka, of):
    settings = of(kafka, kafka.create_topic())
    send(kafka.bootstrap, settings.kafka_topic, *map(gig, range(5)))
    with Consuming(settings) as consumer:
        Following(settings).until(5)
        consumer.stop()
    send(kafka.bootstrap, settings.kafka_topic, *map(gig, range(5, 20)))
    delete_below(kafka, settings.kafka_topic, 12)

    with Consuming(settings) as consumer:
        ends_in_one_line(
            consumer, 4, "store continues at offset 5, Kafka holds 12 to 20; events were deleted"
        )

    assert len(stored(settings.store)) == 5


def test_a_topic_deleted_under_the_consumer_ends_it(kafka, of):
    options = {"topic.metadata.refresh.interval.ms": "500"}
    settings = of(kafka, kafka.create_topic(), kafka_options=options)
    send(kafka.bootstrap, settings.kafka_topic, gig(0))
    with Consuming(settings) as consumer:
        Following(settings).until(1)
        kafka.admin.delete_topics([settings.kafka_topic])[settings.kafka_topic].result(10)

        ends_in_one_line(consumer, 2, f"topic '{settings.kafka_topic}' does not exist")


def test_an_unforeseen_fault_is_a_traceback_and_nothing_committed(kafka, of):
    settings = of(kafka, kafka.create_topic())
    send(kafka.bootstrap, settings.kafka_topic, gig(0))

    with Consuming(settings, fault=("before_commit", 1, "raise")) as consumer:
        assert consumer.code() == 1

    assert consumer.said.count("Traceback") == 1
    assert "RuntimeError: the fault that a test asked for" in consumer.said
    assert stored(settings.store) == []


def test_a_second_consumer_with_the_same_instance_id_ends_the_first(kafka, of):
    settings = of(kafka, kafka.create_topic(), kafka_options={"group.instance.id": "one"})
    send(kafka.bootstrap, settings.kafka_topic, gig(0))
    with Consuming(settings) as first:
        Following(settings).until(1)
        with Consuming(settings) as second:
            until(lambda: "Assigned" in second.said)
            send(kafka.bootstrap, settings.kafka_topic, gig(1))
            ends_in_one_line(first, 1, "fenced")
            Following(settings).until(2)
            second.stop()

    assert set(places(settings.store).values()) == {1}


def test_a_group_without_rights_on_it_is_named(guarded, of):
    admin_only = guarded.create_topic()
    settings = of(guarded, admin_only)
    allow(guarded, "reader", topic=admin_only)

    reader = settings.model_copy(update={"kafka": QUICK | as_user("reader")})
    with Consuming(reader) as consumer:
        ends_in_one_line(consumer, 3, "does not let us use the consumer group")


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"kafka_topic": "nowhere"}, 2, "topic 'nowhere' does not exist"),
        ({"kafka_bootstrap": "127.0.0.1:1"}, 3, "no Kafka broker answered at 127.0.0.1:1"),
        ({"kafka": {"no.such": "1"}}, 2, 'No such configuration property: "no.such"'),
        (
            {"kafka": {"session.timeout.ms": "1"}},
            2,
            "group.min.session.timeout.ms (6000 by default)",
        ),
    ],
    ids=["topic", "broker", "option", "session"],
)
def test_wrong_settings_end_in_one_line(kafka, of, change, code, text):
    settings = of(kafka, kafka.create_topic(), connect_timeout_s=0.5)

    with Consuming(settings.model_copy(update=change)) as consumer:
        ends_in_one_line(consumer, code, text)


def test_a_store_that_cannot_be_made_ends_in_one_line(kafka, of):
    settings = of(kafka, kafka.create_topic())
    settings.home.mkdir()
    settings.store.write_text("a file, no folder")

    with Consuming(settings) as consumer:
        ends_in_one_line(consumer, 2, "choose another folder as home")


def test_an_embedded_broker_is_read_and_its_restart_begins_at_its_new_start(embedded, of):
    # Its first join takes 3 s, and a session must outlast that.
    more = {"kafka_options": {"session.timeout.ms": "6000"}, "kafka_create_partitions": 2}
    settings = of(embedded, "gigs", **more)
    send(embedded.bootstrap, "gigs", *map(gig, range(500)))
    with Consuming(settings) as consumer:
        Following(settings).until(500)
        consumer.stop()

    with MockBroker() as another:
        settings = of(another, "gigs", **more)
        send(another.bootstrap, "gigs", *map(gig, range(30)))
        with Consuming(settings) as consumer:
            Following(settings).until(530)
            consumer.stop()
    assert inspect(settings.store).findings == [], "both began at 0"


@pytest.fixture
def loop(kafka, of):
    with looping(of(kafka, kafka.create_topic())) as loop:
        yield loop


def gather(loop) -> None:
    """Nothing is stored by itself for a minute."""
    loop._policy = FlushPolicy(max_events=100, max_bytes=10_000, wait_s=60)
    loop._last_commit = CommitTiming(ended_s=time.monotonic() + 60)


def positions(loop) -> dict[str, int | None]:
    """What the store holds."""
    path = loop._appender._store._path
    return Store.open(path).positions([loop._topic.app_id(0)])


def test_a_partition_taken_and_given_back_within_one_call_is_read_from_the_store_again(kafka, loop):
    consumer, where = loop._consumer, [TopicPartition(loop._topic.name, 0)]
    app_id = loop._topic.app_id(0)
    send(kafka.bootstrap, loop._topic.name, *map(gig, range(10)))
    loop._assigned(consumer, where)
    turn_until(loop, lambda: positions(loop) == {app_id: 10})

    # Within one call: taken away, given back, and a message from before comes with it, beyond
    # one that was never taken.
    send(kafka.bootstrap, loop._topic.name, *map(gig, range(10, 13)))
    loop._revoked(consumer, where)
    consumer.incremental_unassign(where)
    loop._assigned(consumer, where)
    loop._take([message(12)])
    turn_until(loop, lambda: positions(loop) == {app_id: 13})

    assert sorted(row["offset"] for row in stored(loop._appender._store._path)) == list(range(13))


def test_a_partition_that_another_one_stored_on_is_read_from_the_stores_new_position(kafka, loop):
    send(kafka.bootstrap, loop._topic.name, *map(gig, range(20)))
    gather(loop)
    app_id = loop._topic.app_id(0)
    loop._assigned(loop._consumer, [TopicPartition(loop._topic.name, 0)])
    turn_until(loop, lambda: loop._batch.pending.events == 20)
    others = rows.table([message(n) for n in range(15)], topic_id=loop._topic.topic_id)
    Store.open(loop._appender._store._path).append(others, {app_id: Span(None, 15)})

    loop._flush_or_leave(5)
    turn_until(loop, lambda: loop._batch.pending.events == 5)
    loop._flush_or_leave(5)

    assert sorted(row["offset"] for row in stored(loop._appender._store._path)) == list(range(20))


def test_what_waits_of_a_lost_partition_is_left_to_its_new_owner(kafka, loop):
    send(kafka.bootstrap, loop._topic.name, gig(0))
    gather(loop)
    where = [TopicPartition(loop._topic.name, 0)]
    loop._assigned(loop._consumer, where)
    turn_until(loop, lambda: loop._batch.pending.events == 1)

    loop._lost(loop._consumer, where)
    loop._flush_or_leave(5)

    assert stored(loop._appender._store._path) == []


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal, as the kernel shows it."""
    (mask,) = re.findall(
        r"^SigCgt:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE
    )
    return bool(int(mask, 16) >> number - 1 & 1)


def test_sigterm_while_waiting_for_a_broker_ends_with_0(kafka, of):
    settings = of(kafka, "gigs", connect_timeout_s=60)
    nowhere = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    with Consuming(nowhere) as consumer:
        until(lambda: handles(consumer.process.pid, signal.SIGTERM))
        time.sleep(0.5)
        consumer.stop()
