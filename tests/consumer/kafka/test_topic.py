"""Who the topic is, and what is said when it cannot be found."""

import time

import pytest

from consumer.errors import (
    BrokerUnreachable,
    KafkaOptionRefused,
    NotAuthorized,
    Stopped,
    TopicMissing,
    WrongCredentials,
)
from consumer.kafka.client import admin_client
from consumer.kafka.topic import describe, identify
from consumer.settings import ConsumerSettings
from support.servers.guarded import as_user
from support.servers.kafka import KafkaBroker

NO_BROKER = "127.0.0.1:1"


def of(broker, topic, **more) -> ConsumerSettings:
    return ConsumerSettings(kafka_bootstrap=broker.bootstrap, kafka_topic=topic, **more)


def test_a_topic_has_a_cluster_an_id_and_numbered_partitions(kafka):
    name = kafka.create_topic(3)

    topic = identify(of(kafka, name))

    assert topic.name == name
    assert list(topic.partitions) == [0, 1, 2]
    assert not topic.embedded
    assert topic.app_ids[2] == f"{topic.cluster_id}/{topic.topic_id}/2" == topic.app_id(2)
    assert identify(of(kafka, name)) == topic


def test_a_topic_that_was_made_anew_is_another_one(kafka):
    name = kafka.create_topic()
    before = identify(of(kafka, name))
    kafka.admin.delete_topics([name])[name].result(10)
    time.sleep(0.3)
    kafka.create_topic(name=name)

    assert identify(of(kafka, name)).topic_id != before.topic_id


def test_a_missing_topic_is_an_error_with_the_remedy(kafka):
    with pytest.raises(TopicMissing) as missing:
        identify(of(kafka, "nowhere"))

    assert missing.value.exit_code == 2
    assert str(missing.value) == (
        f"topic 'nowhere' does not exist at {kafka.bootstrap}; create it, or set "
        "kafka_create_partitions to the number of partitions it shall have"
    )


def test_a_missing_topic_is_created_where_the_settings_say_so(kafka):
    name = f"{kafka.create_topic()}-new"

    assert len(identify(of(kafka, name, kafka_create_partitions=3)).partitions) == 3
    assert len(identify(of(kafka, name, kafka_create_partitions=5)).partitions) == 3


@pytest.mark.parametrize("bootstrap", [NO_BROKER, "no-such-host.invalid:9092", "nonsense"])
def test_no_broker_is_one_line_with_exit_code_3_in_time(bootstrap):
    settings = ConsumerSettings(kafka_bootstrap=bootstrap, connect_timeout_s=0.5)
    started_s = time.monotonic()

    with pytest.raises(BrokerUnreachable) as away:
        identify(settings)

    assert time.monotonic() - started_s < 3
    assert away.value.exit_code == 3
    assert str(away.value).startswith(f"no Kafka broker answered at {bootstrap} within 0.5 s (")
    assert "\n" not in str(away.value)


def test_a_signal_ends_the_wait_for_a_broker():
    settings = ConsumerSettings(kafka_bootstrap=NO_BROKER, connect_timeout_s=60)

    with pytest.raises(Stopped):
        identify(settings, stopping=lambda: True)


def test_a_signal_ends_the_wait_for_a_broker_that_accepted_a_question():
    asked = []

    def stopping():
        asked.append(time.monotonic())
        return len(asked) == 3

    with KafkaBroker(own=True) as broker:
        name = broker.create_topic()
        admin = admin_client(of(broker, name))
        describe(admin, name, timeout_s=10)
        broker.pause()

        with pytest.raises(Stopped):
            describe(admin, name, timeout_s=10, stopping=stopping)

        broker.resume()
    # Often enough for a pulse: the longest that a loop may be silent is 10 s.
    assert asked[-1] - asked[0] < 3


def test_an_option_that_librdkafka_does_not_know_is_named(kafka):
    with pytest.raises(KafkaOptionRefused, match=r'property: "no\.such\.option"') as refused:
        identify(of(kafka, "gigs", kafka={"no.such.option": "1"}))

    assert refused.value.exit_code == 2


def test_a_wrong_password_is_named_as_such_and_not_as_a_silent_broker(guarded):
    settings = of(guarded, "gigs", kafka=as_user("reader", "hunter2"), connect_timeout_s=30)

    with pytest.raises(WrongCredentials, match=r"refused the login .*sasl") as refused:
        identify(settings)

    assert refused.value.exit_code == 3
    assert "hunter2" not in str(refused.value)


def test_a_topic_without_rights_on_it_is_named(guarded):
    guarded.create_topic(name="secret")

    with pytest.raises(NotAuthorized, match="'secret'") as refused:
        identify(of(guarded, "secret", kafka=as_user("reader")))

    assert refused.value.exit_code == 3


def test_an_embedded_broker_s_topic_goes_by_the_cluster_s_id_and_is_made_when_asked(embedded):
    settings = of(embedded, "gigs")
    with pytest.raises(TopicMissing):
        identify(settings)

    topic = identify(settings.model_copy(update={"kafka_create_partitions": 4}))

    assert topic.embedded
    assert topic.topic_id == topic.cluster_id
    assert len(topic.partitions) == 4
    assert identify(settings) == topic
