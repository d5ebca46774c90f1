"""Settings are checked when they are made, and secrets are not shown."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from consumer.kafka.client import consumer_options
from consumer.settings import ConsumerSettings


def test_the_store_lies_in_the_home():
    assert ConsumerSettings(home=Path("x")).store == Path("x/store")


def test_every_setting_says_what_it_means():
    for name, field in ConsumerSettings.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kafka_bootstrap", ""),
        ("kafka_topic", "two words"),
        ("kafka_topic", ""),
        ("kafka_group", ""),
        ("kafka_create_partitions", -1),
        ("connect_timeout_s", 0),
        ("flush_max_events", 0),
        ("flush_max_bytes", 0),
        ("flush_wait_s", -1),
        ("stop_timeout_s", 0),
        ("schema_registry_url", "registry:8081"),
        ("schema_registry_url", "https://a:1,ftp://b:2"),
        ("schema_registry_url", "https://[b"),
        ("schema_registry_url", "http://b:99999"),
        ("schema_registry", {"url": "x"}),
        ("schema_registry", {"max.retries": "9"}),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        ConsumerSettings(**{name: value})


@pytest.mark.parametrize(
    "option", ["auto.offset.reset", "enable.auto.commit", "bootstrap.servers", "group.id"]
)
def test_an_option_that_would_break_exactly_once_is_refused_by_name(option):
    with pytest.raises(ValidationError, match=option):
        ConsumerSettings(kafka={option: "x"})


def test_secrets_are_masked_wherever_settings_are_shown():
    settings = ConsumerSettings(
        kafka={"sasl.password": "hunter2", "sasl.username": "me"},
        schema_registry={"basic.auth.user.info": "me:hunter2"},
    )

    assert "hunter2" not in f"{settings} {settings!r} {settings.kafka} {settings.kafka!r}"
    assert "hunter2" not in f"{settings.schema_registry}"
    assert "'sasl.username': 'me'" in repr(settings)
    assert settings.kafka["sasl.password"] == "hunter2"


def test_options_are_handed_through_but_positions_stay_ours():
    options = consumer_options(
        ConsumerSettings(kafka={"session.timeout.ms": "1000", "client.id": "x"})
    )

    assert options["session.timeout.ms"] == "1000"
    assert options["client.id"] == "x"
    assert options["auto.offset.reset"] == "error"
    assert options["enable.auto.commit"] is False


def test_the_new_group_protocol_gets_none_of_the_options_that_it_refuses():
    options = consumer_options(ConsumerSettings(kafka={"group.protocol": "consumer"}))

    assert not {"session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"} & {
        *options
    }
