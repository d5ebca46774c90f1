"""A killed consumer's partitions: how soon another one, or its successor, stores them on."""

import time

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import ConfigResource, ResourceType

from consumer.errors import Fenced, InstanceHeld
from consumer.kafka.client import consumer_options
from consumer.kafka.group import rejoin_while_held
from consumer.settings import ConsumerSettings
from support.data.feed import Feed
from support.data.records import places, stored, until
from support.processes.consume import Consuming
from support.servers.kafka import KafkaBroker

STOCK = {
    "group.min.session.timeout.ms": "6000",
    "group.consumer.min.session.timeout.ms": "45000",
    "group.consumer.session.timeout.ms": "45000",
    "group.consumer.min.heartbeat.interval.ms": "5000",
    "group.consumer.heartbeat.interval.ms": "5000",
}
SESSION_S = 6
MODERN = {"group.protocol": "consumer"}


@pytest.fixture(scope="module")
def stock():
    """A broker with the sessions of an ordinary one."""
    with KafkaBroker(own=True, properties=STOCK) as broker:
        yield broker


@pytest.fixture
def of(tmp_path):
    """Settings of a group on a topic of its own."""

    def settings(broker, **options) -> ConsumerSettings:
        topic = broker.create_topic(4)
        return ConsumerSettings(
            home=tmp_path,
            kafka_bootstrap=broker.bootstrap,
            kafka_topic=topic,
            kafka_group=topic,
            kafka={name.replace("_", "."): value for name, value in options.items()},
        )

    return settings


def all_flow(settings) -> float:
    """Seconds until events of all four partitions that were sent from now on are stored."""
    now_s = time.time()

    def found() -> bool:
        rows = stored(settings.store)
        return len({r["partition"] for r in rows if r["recorded_at"].timestamp() > now_s}) == 4

    until(found, 60)
    return time.time() - now_s


def shared(*consumers: Consuming) -> None:
    """Wait until each of them has two partitions."""
    try:
        until(lambda: all(len(consumer.owned) == 2 for consumer in consumers), 60)
    except TimeoutError as error:
        raise AssertionError("\n".join(each.said[-2_000:] for each in consumers)) from error


def members(broker, settings) -> list[str | None]:
    """The instance ids of the group's members."""
    group = settings.kafka_group
    described = broker.admin.describe_consumer_groups([group])[group].result(10)
    return [member.group_instance_id for member in described.members]


def each_once(settings, feed) -> None:
    until(lambda: len(places(settings.store)) == len(feed.delivered))
    found = places(settings.store)
    assert {(partition, offset) for _, partition, offset in found} == feed.delivered
    assert set(found.values()) == {1}


def test_the_others_have_a_killed_ones_partitions_long_before_its_session_ends(stock, of):
    settings = of(stock)
    with Consuming(settings) as killed, Consuming(settings) as survivor:
        with Feed(stock.bootstrap, settings.kafka_topic) as feed:
            shared(killed, survivor)
            killed.process.kill()
            took_s = all_flow(settings)
            with Consuming(settings) as successor:
                shared(survivor, successor)
                successor.stop()
                # A clean leave, though by closing alone such a member would stay for a session.
                until(lambda: len(members(stock, settings)) == 1, SESSION_S / 2)
                all_flow(settings)
        each_once(settings, feed)
        survivor.stop()

    assert "Evicted a member" in survivor.said
    assert took_s < SESSION_S
    assert members(stock, settings) == []
    assert list((settings.store / ".members").iterdir()) == []


def test_a_killed_one_that_was_alone_comes_back_as_the_same_member(stock, of):
    settings = of(stock)
    with Feed(stock.bootstrap, settings.kafka_topic) as feed:
        with Consuming(settings) as killed:
            until(lambda: len(killed.owned) == 4)
            before = members(stock, settings)
            killed.process.kill()
        with Consuming(settings) as successor:
            until(lambda: len(successor.owned) == 4)
            assert members(stock, settings) == before
            all_flow(settings)
            feed.__exit__()
            each_once(settings, feed)
            successor.stop()


def test_a_member_that_its_operator_named_is_not_evicted_and_its_return_moves_nothing(stock, of):
    settings = of(stock)
    one, two = (settings.model_copy(update={"kafka": {"group.instance.id": n}}) for n in "ab")
    with Consuming(one) as killed, Consuming(two) as other:
        shared(killed, other)
        said, owned = other.said.count("Handed over"), killed.owned
        killed.process.kill()
        with Consuming(one) as successor:
            until(lambda: successor.owned == owned)
            assert other.said.count("Handed over") == said
            assert len(other.owned) == 2
            assert sorted(members(stock, settings)) == ["a", "b"]


def test_with_the_new_protocol_the_groups_session_is_made_short(kafka, of):
    settings = of(kafka, group_protocol="consumer")
    with Consuming(settings) as killed, Consuming(settings) as survivor:
        with Feed(kafka.bootstrap, settings.kafka_topic) as feed:
            shared(killed, survivor)
            killed.process.kill()
            all_flow(settings)
        each_once(settings, feed)
        survivor.stop()

    resource = ConfigResource(ResourceType.GROUP, settings.kafka_group)
    found = kafka.admin.describe_configs([resource])[resource].result(10)
    assert found["consumer.session.timeout.ms"].value == "2000"


def test_a_broker_that_allows_no_short_session_is_told_of_in_one_line(stock, of):
    settings = of(stock, group_protocol="consumer")
    with Consuming(settings) as consumer:
        until(lambda: len(consumer.owned) == 4)
        consumer.stop()

    said = [line for line in consumer.said.splitlines() if "stay with it" in line]
    assert len(said) == 1
    assert "set consumer.session.timeout.ms of the group" in said[0]


def test_with_the_new_protocol_an_instance_id_is_waited_for_until_the_dead_ones_session_ends(
    kafka, of
):
    settings = of(kafka, group_protocol="consumer", group_instance_id="one")
    with Consuming(settings) as killed:
        until(lambda: len(killed.owned) == 4)
        with Consuming(settings) as successor:
            until(lambda: "Joining again for up to 60 s" in successor.said)
            killed.process.kill()
            until(lambda: len(successor.owned) == 4, 60)
            successor.stop()

    assert successor.said.count("Joining again") == 1


def test_an_instance_id_is_not_waited_for_without_end_nor_past_a_signal():
    def held() -> None:
        raise InstanceHeld("in use")

    with pytest.raises(InstanceHeld, match=r"set another group\.instance\.id"):
        rejoin_while_held(held, stopping=lambda: False, named_by_us=False, patience_s=0.5)
    rejoin_while_held(held, stopping=lambda: True, named_by_us=False)


def test_a_member_fenced_under_a_name_of_ours_joins_again_and_one_that_its_operator_named_ends():
    tries = []

    def fenced_once() -> None:
        tries.append(None)
        if len(tries) == 1:
            raise Fenced("fenced")

    rejoin_while_held(fenced_once, stopping=lambda: False, named_by_us=True)
    assert len(tries) == 2
    tries.clear()
    with pytest.raises(Fenced):
        rejoin_while_held(fenced_once, stopping=lambda: False, named_by_us=False)


def test_a_consumer_fenced_by_chance_goes_on_by_itself(kafka, of):
    settings = of(kafka)
    with Feed(kafka.bootstrap, settings.kafka_topic) as feed, Consuming(settings) as consumer:
        until(lambda: len(consumer.owned) == 4)
        (name,) = members(kafka, settings)
        other = Consumer(consumer_options(settings) | {"group.instance.id": name})
        other.subscribe([settings.kafka_topic])
        until(lambda: other.poll(0.1) is None and "Joining again" in consumer.said)
        all_flow(settings)
        other.close()
        feed.__exit__()
        each_once(settings, feed)
        consumer.stop()
