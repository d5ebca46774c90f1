"""Dead letters for operators: the topic that `check` looks at, and the commands."""

import pytest

from support.commands import gigstream


@pytest.fixture
def topics(bare, kafka, tmp_path, monkeypatch):
    """A topic of gigs and one of dead letters, in the settings."""
    source, dead = kafka.create_topic(2), kafka.create_topic()
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIGSTREAM_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("GIGSTREAM_KAFKA_TOPIC", source)
    monkeypatch.setenv("GIGSTREAM_KAFKA_GROUP", source)
    monkeypatch.setenv("GIGSTREAM_KAFKA_DEAD_LETTER_TOPIC", dead)
    return source, dead


def checked() -> str:
    return gigstream("check", "kafka", "--json").data["checks"]["kafka"]["said"]


def test_check_names_the_dead_letter_topic_that_it_found_in_order(topics):
    assert checked().endswith(f"topic {topics[0]}, 2 partitions, dead letters to {topics[1]}")


def test_check_finds_a_dead_letter_topic_missing(topics, monkeypatch):
    monkeypatch.setenv("GIGSTREAM_KAFKA_DEAD_LETTER_TOPIC", f"{topics[1]}-not")

    done = gigstream("check", "kafka", "--json")

    assert done.code == 2
    assert f"topic '{topics[1]}-not' does not exist" in done.data["checks"]["kafka"]["said"]


def test_check_refuses_a_compacted_dead_letter_topic(topics, kafka, monkeypatch):
    compacted = kafka.create_topic(config={"cleanup.policy": "compact"})
    monkeypatch.setenv("GIGSTREAM_KAFKA_DEAD_LETTER_TOPIC", compacted)

    assert checked() == (
        f"topic {compacted} is compacted, which keeps one dead letter of each key; set its "
        "cleanup.policy to delete"
    )


def test_dead_letters_that_would_come_back_for_ever_are_refused_by_the_settings(
    topics, monkeypatch
):
    monkeypatch.setenv("GIGSTREAM_KAFKA_DEAD_LETTER_TOPIC", topics[0])

    done = gigstream("check", "kafka")

    assert done.code == 2
    assert "name another topic" in done.line
