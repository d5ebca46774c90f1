"""What happens to a topic behind the consumer's back: it ends in one line, or continues rightly."""

import shutil
import signal
import time

import pytest
from confluent_kafka import Producer, TopicPartition

from consumer.errors import TopicReplaced
from consumer.kafka.topic import identify
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from consumer.table.schema import SCHEMA
from support.data.feed import send
from support.data.records import gig, places, stored
from support.data.records import until as until_within
from support.processes.consume import Consuming
from support.processes.loop import looping, turn_until
from support.servers.guarded import allow, as_user
from support.servers.kafka import KafkaBroker, new_cluster_id

SOON = {"topic.metadata.refresh.interval.ms": "500"}
CLASSIC = {"session.timeout.ms": "1000", "heartbeat.interval.ms": "300"}
MODERN = {"group.protocol": "consumer"}
_WITHIN_S = 60.0


def until(condition) -> None:
    until_within(condition, _WITHIN_S)


@pytest.fixture
def of(tmp_path):
    """Settings of a consumer that reads this topic into a store of its own."""

    def settings(broker, topic, *, options=CLASSIC, **more) -> ConsumerSettings:
        return ConsumerSettings(
            home=tmp_path / "home",
            kafka_bootstrap=broker.bootstrap,
            kafka_topic=topic,
            kafka_group=topic,
            kafka=options,
            **more,
        )

    return settings


def changed(settings, **more) -> ConsumerSettings:
    return settings.model_copy(update=more)


def store_some(broker, settings, count) -> None:
    """This many events, sent and stored."""
    send(broker.bootstrap, settings.kafka_topic, *map(gig, range(count)))
    with Consuming(settings) as consumer:
        until(lambda: consumer.stored == count)
        consumer.stop()


def make_anew(broker, name, count=0) -> None:
    broker.admin.delete_topics([name])[name].result(10)
    time.sleep(0.2)
    broker.create_topic(name=name)
    send(broker.bootstrap, name, *[gig(n, artist_id="new") for n in range(count)])


def ends_in_one_line(consumer, code, *texts) -> None:
    assert consumer.code(_WITHIN_S) == code, consumer.said
    last = consumer.said.splitlines()[-1]
    assert [text for text in texts if text not in last] == [], last
    assert "Traceback" not in consumer.said


@pytest.mark.parametrize("count", [15, 10, 3, 0], ids=lambda count: f"{count} events in it")
def test_a_topic_made_anew_under_the_consumer_ends_it_and_no_row_of_it_is_stored(kafka, of, count):
    # 10 are stored of the old one: the new one is longer, as long, shorter or empty.
    settings = of(kafka, kafka.create_topic())
    send(kafka.bootstrap, settings.kafka_topic, *map(gig, range(10)))
    with Consuming(settings) as consumer:
        until(lambda: consumer.stored == 10)
        before = identify(settings)
        make_anew(kafka, settings.kafka_topic, count)
        if count == 10:  # nothing is wrong with its offset until more comes
            time.sleep(1)
            send(kafka.bootstrap, settings.kafka_topic, gig(99))

        now = identify(settings).incarnation
        ends_in_one_line(consumer, 4, before.incarnation, f"kafka_accept_topic={now}")

    assert set(places(settings.store)) == {(before.topic_id, 0, n) for n in range(10)}


def test_rows_of_a_topic_made_anew_are_not_stored_where_no_rebalance_tells_of_it(kafka, of):
    # Nothing was stored of the old one, so that no offset is wrong with the new one.
    settings = of(kafka, kafka.create_topic())
    with looping(settings) as loop:
        loop._assigned(loop._consumer, [TopicPartition(settings.kafka_topic, 0)])
        turn_until(loop, lambda: loop._batch.progress[0].next == 0)
        make_anew(kafka, settings.kafka_topic, 15)

        with pytest.raises(TopicReplaced):
            turn_until(loop, lambda: loop._batch.progress[0].stored == 15)

    assert stored(settings.store) == []


def test_what_was_read_right_before_its_topic_was_made_anew_is_not_stored(kafka, of):
    settings = of(kafka, kafka.create_topic())
    send(kafka.bootstrap, settings.kafka_topic, *map(gig, range(10)))
    with Consuming(settings, fault=("decoded", 1, "stop")) as consumer:
        until(lambda: "Assigned" in consumer.said)
        time.sleep(0.5)
        make_anew(kafka, settings.kafka_topic, 20)
        consumer.signal(signal.SIGCONT)

        ends_in_one_line(consumer, 4, "was deleted and created again")

    assert stored(settings.store) == []


def test_a_topic_made_anew_is_refused_at_the_start_until_it_is_accepted(kafka, of):
    settings = of(kafka, kafka.create_topic())
    store_some(kafka, settings, 10)
    before = identify(settings)
    make_anew(kafka, settings.kafka_topic, 15)
    now = identify(settings)

    with Consuming(settings) as consumer:
        ends_in_one_line(consumer, 4, before.incarnation, now.incarnation)
    with Consuming(changed(settings, kafka_accept_topic=now.incarnation)) as consumer:
        until(lambda: len(places(settings.store)) == 25)
        consumer.stop()
    store_some(kafka, settings, 1)  # known by now, so nothing needs to be accepted

    old = {(before.topic_id, 0, n) for n in range(10)}
    assert set(places(settings.store)) == old | {(now.topic_id, 0, n) for n in range(16)}


def test_another_cluster_behind_the_same_address_is_refused_until_it_is_accepted(of):
    with KafkaBroker(own=True) as broker:
        settings = of(broker, broker.create_topic(name="gigs"))
        send(broker.bootstrap, "gigs", *map(gig, range(5)))
        with Consuming(settings) as consumer:
            until(lambda: consumer.stored == 5)
            before = identify(settings).cluster_id
            broker.stop()
            shutil.rmtree(broker._home)
            broker._cluster_id = new_cluster_id()
            broker.start()
            broker.create_topic(name="gigs")
            send(broker.bootstrap, "gigs", *map(gig, range(8)))
            now = identify(settings)

            ends_in_one_line(consumer, 4, "is in another cluster", before, now.incarnation)
        with Consuming(settings) as consumer:
            ends_in_one_line(consumer, 4, "is in another cluster than before", before)
        with Consuming(changed(settings, kafka_accept_topic=now.incarnation)) as consumer:
            until(lambda: len(places(settings.store)) == 13)
            consumer.stop()


@pytest.mark.parametrize("protocol", [CLASSIC, MODERN], ids=["classic", "KIP-848"])
def test_partitions_that_are_added_are_read_from_their_start_without_a_restart(kafka, of, protocol):
    settings = of(kafka, kafka.create_topic(), options=protocol | SOON)
    send(kafka.bootstrap, settings.kafka_topic, *map(gig, range(5)))
    with Consuming(settings) as consumer:
        until(lambda: consumer.stored == 5)
        kafka.add_partitions(settings.kafka_topic, 3)
        for number in (1, 2):
            send(kafka.bootstrap, settings.kafka_topic, *map(gig, range(4)), partition=number)
        until(lambda: len(places(settings.store)) == 13)
        consumer.stop()

    found = {(partition, offset) for _, partition, offset in places(settings.store)}
    assert found == {(0, n) for n in range(5)} | {(p, n) for p in (1, 2) for n in range(4)}


def test_a_topic_deleted_while_nothing_is_sent_is_noticed(kafka, of):
    settings = of(kafka, kafka.create_topic(), options=CLASSIC | SOON)
    store_some(kafka, settings, 1)
    with Consuming(settings) as consumer:
        until(lambda: "Assigned" in consumer.said)
        kafka.admin.delete_topics([settings.kafka_topic])[settings.kafka_topic].result(10)

        ends_in_one_line(consumer, 2, f"topic '{settings.kafka_topic}' does not exist")


def test_a_partition_that_ends_below_the_stores_position_was_cut_short(kafka, of):
    settings = of(kafka, kafka.create_topic())
    store_some(kafka, settings, 5)
    name = identify(settings).app_id(0)
    Store.open(settings.store).append(SCHEMA.empty_table(), {name: Span(5, 50)})

    with Consuming(settings) as consumer:
        ends_in_one_line(
            consumer, 4, "the store continues at offset 50, Kafka holds 0 to 5", "end was lost"
        )


def test_events_deleted_before_they_were_stored_are_gone_on_without_where_that_is_accepted(
    kafka, of
):
    settings = of(kafka, kafka.create_topic())
    store_some(kafka, settings, 5)
    send(kafka.bootstrap, settings.kafka_topic, *map(gig, range(5, 20)))
    where = TopicPartition(settings.kafka_topic, 0, 12)
    kafka.admin.delete_records([where])[where].result(10)

    with Consuming(settings) as consumer:
        ends_in_one_line(
            consumer, 4, "continues at offset 5, Kafka holds 12 to 20", "kafka_accept_loss"
        )
    with Consuming(changed(settings, kafka_accept_loss=True)) as consumer:
        until(lambda: len(places(settings.store)) == 13)
        consumer.stop()

    assert "continuing without offsets 5 to 11, deleted before they were stored" in consumer.said
    kept = [offset for _, _, offset in places(settings.store)]
    assert sorted(kept) == [*range(5), *range(12, 20)]


def test_tls_a_login_and_grants_of_topic_and_group_are_enough_to_read(guarded, of):
    topic = guarded.create_topic()
    settings = of(guarded, topic, options=CLASSIC | as_user("reader"))
    allow(guarded, "reader", topic=topic)
    allow(guarded, "reader", group=topic)
    producer = Producer({"bootstrap.servers": guarded.bootstrap, **as_user("admin")})
    producer.produce(topic, gig(0))
    assert producer.flush(10) == 0

    with Consuming(settings) as consumer:
        until(lambda: "Stored 1 rows" in consumer.said)
        consumer.stop()

    assert "reader-secret" not in consumer.said


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (as_user("reader", "hunter2"), "refused the login"),
        ({"security.protocol": "PLAINTEXT"}, "it expects TLS: set security.protocol"),
        (as_user("reader") | {"security.protocol": "SSL"}, "without a login: SASL_SSL?"),
        (as_user("reader") | {"ssl.ca.location": "none"}, "ssl.ca.location"),
    ],
    ids=["wrong password", "no TLS", "no login", "no authority"],
)
def test_a_broker_that_does_not_let_us_in_is_named_with_what_to_change(guarded, of, options, text):
    settings = of(guarded, "gigs", options=CLASSIC | options, connect_timeout_s=2)

    with Consuming(settings) as consumer:
        ends_in_one_line(consumer, 2 if "location" in text else 3, text)

    assert "hunter2" not in consumer.said
