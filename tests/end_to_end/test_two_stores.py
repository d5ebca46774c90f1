"""Two stores in one consumer group: each lacks what the other one receives, and both tell it."""

import logging

import pytest

from consumer.kafka.members import MemberWatch, client_id, other_members
from consumer.kafka.topic import identify
from gigstream.settings import Settings
from support.processes.installation import Installation, season
from support.processes.running import Gigstream, until


@pytest.fixture
def both(tmp_path, kafka, redis_server, prefix):
    """Consumers of two homes in the group of one topic, both with partitions."""
    with Installation(tmp_path / "one", kafka, redis_server, prefix, partitions=4) as one:
        other = Gigstream(tmp_path / "two", one.settings)
        one.commands.start("consume")
        other.start("consume")
        until(lambda: all("Assigned partitions" in each.logs() for each in (one.commands, other)))
        yield one, other
        other.close()


def test_status_and_check_name_the_other_store_s_consumers(both):
    one, other = both
    one.send(*season())

    for home in (one.commands, other):
        status = until(lambda home=home: named(home))
        (found,) = status["other_consumers"]
        assert found["name"].startswith("gigstream-")
        assert 0 < len(found["partitions"]) < 4
        checked = home.run("check", "kafka")
        assert checked.returncode == 4
        assert "consumers of another store are in the group" in checked.stdout
        assert "GIGSTREAM_KAFKA_GROUP" in checked.stdout
    names = {each["other_consumers"][0]["name"] for each in map(named, (one.commands, other))}
    assert len(names) == 2


def named(home):
    """The status, once the partitions are shared out."""
    status = home.json("status")
    found = status["other_consumers"] or [{"partitions": []}]
    return status if 0 < len(found[0]["partitions"]) < 4 else None


def test_the_log_names_them_once_they_stay(both, caplog):
    one, _ = both
    settings = Settings(
        home=one.commands.home,
        kafka_bootstrap=one.kafka.bootstrap,
        kafka_topic=one.topic,
        kafka_group=one.topic,
    )
    topic = identify(settings)
    until(lambda: other_members(settings, topic))  # the group is balanced
    watch = MemberWatch(settings, lambda: 0.0)
    with caplog.at_level(logging.ERROR):
        watch.look()
        assert caplog.records == []
        watch.look()
        watch.look()
    (line,) = [each.message for each in caplog.records]
    assert line.startswith(f"ALARM: consumers of another store are in the group '{one.topic}'")


def test_consumers_of_one_store_are_no_strangers(installation):
    commands = installation.commands
    commands.start("consume")
    commands.start("consume")
    until(lambda: commands.logs().count("Assigned partitions") >= 2)

    assert commands.json("status")["other_consumers"] == []
    assert commands.run("check", "kafka").returncode == 0


def test_with_the_newer_protocol_the_client_id_tells(tmp_path, kafka, redis_server, prefix):
    modern = {"GIGSTREAM_KAFKA__GROUP_PROTOCOL": "consumer"}
    with Installation(tmp_path / "one", kafka, redis_server, prefix, partitions=4, **modern) as one:
        one.commands.start("consume")
        until(lambda: "Assigned partitions" in one.commands.logs())
        assert one.commands.json("status")["other_consumers"] == []
        other = Gigstream(tmp_path / "two", one.settings)
        other.start("consume")
        status = until(lambda: named(one.commands))
        other.close()

    ours = client_id(Settings(home=one.commands.home))
    assert status["other_consumers"][0]["name"] not in {ours, ""}
