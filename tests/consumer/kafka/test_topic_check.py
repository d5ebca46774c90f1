"""Whether the topic is still the one that was read, and which other one is let in its place."""

import time

import pytest

from consumer.errors import NoAnswer, NotAuthorized, TopicMissing, TopicReplaced
from consumer.kafka.topic import Topic, identify
from consumer.kafka.topic_check import TopicCheck, refuse_another
from consumer.settings import ConsumerSettings
from support.data.records import until
from support.servers.guarded import allow, as_user, disallow

HERE = Topic("gigs", "here", "new/+id", range(2))


def of(broker, name, **more) -> ConsumerSettings:
    return ConsumerSettings(kafka_bootstrap=broker.bootstrap, kafka_topic=name, **more)


def check(settings) -> TopicCheck:
    return TopicCheck(topic=identify(settings), settings=settings)


def delete(broker, name) -> None:
    broker.admin.delete_topics([name])[name].result(10)
    time.sleep(0.2)


def test_the_same_topic_is_confirmed_at_any_number_of_partitions(kafka):
    name = kafka.create_topic()
    ours = check(of(kafka, name))

    ours.assert_unchanged()
    kafka.add_partitions(name, 3)
    ours.assert_unchanged()


def test_a_topic_made_anew_is_not_the_same_and_both_are_named(kafka):
    name = kafka.create_topic()
    settings = of(kafka, name)
    before, ours = identify(settings), check(settings)
    delete(kafka, name)
    kafka.create_topic(name=name)

    with pytest.raises(TopicReplaced) as replaced:
        ours.assert_unchanged()

    now = identify(settings).incarnation
    assert replaced.value.exit_code == 4
    assert f"the store holds {before.incarnation}, Kafka has {now};" in str(replaced.value)
    assert f"set kafka_accept_topic={now}," in str(replaced.value)
    assert "\n" not in str(replaced.value)


def test_a_topic_that_is_gone_is_missing_once_it_stays_away(kafka, monkeypatch):
    name = kafka.create_topic()
    ours = check(of(kafka, name))
    delete(kafka, name)

    with pytest.raises(NoAnswer):
        ours.assert_unchanged()
    monkeypatch.setattr("consumer.kafka.topic_check._MISSING_S", 0)
    with pytest.raises(TopicMissing):
        ours.assert_unchanged()


def test_a_topic_whose_grant_was_taken_back_is_named(guarded):
    name = guarded.create_topic()
    allow(guarded, "reader", topic=name)
    ours = check(of(guarded, name, kafka=as_user("reader")))
    ours.assert_unchanged()
    disallow(guarded, "reader", topic=name)

    with pytest.raises(NotAuthorized, match=f"'{name}'"):
        until(lambda: ours.assert_unchanged() is not None)  # it takes effect a moment later


def test_an_embedded_broker_is_taken_as_it_is(embedded):
    settings = of(embedded, "gigs", kafka_create_partitions=1)

    check(settings).assert_unchanged()
    refuse_another(identify(settings), {"real/id/0"}, settings)


@pytest.mark.parametrize(
    "stored",
    [set(), {"here/new/+id/1"}, {"mockCluster7/-/0"}, {"there/old/0", "here/new/+id/0"}],
    ids=["nothing", "itself", "an embedded broker", "itself and another"],
)
def test_a_topic_is_read_where_the_store_knows_it_or_no_other(stored):
    refuse_another(HERE, stored, ConsumerSettings())


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ({"here/old/0", "here/old/1"}, "was deleted and created again, or kafka_topic names"),
        ({"there/new/+id/0"}, "is in another cluster than before, where offsets do not carry over"),
    ],
)
def test_another_topic_is_refused_until_it_is_accepted_by_name(stored, text):
    with pytest.raises(TopicReplaced, match=text):
        refuse_another(HERE, stored, ConsumerSettings())
    with pytest.raises(TopicReplaced, match=text):
        refuse_another(HERE, stored, ConsumerSettings(kafka_accept_topic="here/another"))

    refuse_another(HERE, stored, ConsumerSettings(kafka_accept_topic="here/new_-id"))
