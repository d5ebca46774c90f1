"""Dead letters for operators: the topic that `check` looks at, and the commands."""

import base64
import os

import pytest

from consumer.ingest import rows
from consumer.kafka.topic import identify
from consumer.store.reader import StoreReader
from gigstream.settings import load
from support.data.dead import letters
from support.data.feed import send
from support.data.records import gig, until
from support.processes.commands import gigstream, started
from support.processes.consume import Consuming


@pytest.fixture
def topics(bare, kafka, tmp_path, monkeypatch):
    """A topic of gigs and one of dead letters, in the settings."""
    # Records of long ago must not be gone before they are read.
    source, dead = kafka.create_topic(2, config={"retention.ms": "-1"}), kafka.create_topic()
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


@pytest.fixture
def store(topics, tmp_path):
    """A consumer's view of the topics: reads all that is there into the store, and ends."""

    def consume(rows) -> None:
        settings = load()
        with Consuming(settings) as consumer:
            until(
                lambda: (chunk := StoreReader(settings.store).read()) and taken(chunk) >= rows, 30
            )
            consumer.stop()

    return consume


def taken(chunk) -> int:
    return chunk.events.num_rows + chunk.dead


def listed(*options) -> list[dict]:
    return gigstream("dead-letters", "list", "--json", *options).data["dead_letters"]


def send_all(topics, *values, **options) -> None:
    send(load().kafka_bootstrap, topics[0], *values, partition=0, **options)


STAMP = 1_541_000_000_000


def test_the_list_says_where_when_and_what_is_wrong_the_newest_first(topics, store):
    send_all(topics, b"?", timestamp=STAMP)
    send_all(topics, gig(1, artist_id=""), gig(2), gig(3, time="soon"), timestamp=STAMP + 60_000)
    store(4)

    found = listed()

    topic_id = identify(load()).topic_id
    assert [each["id"] for each in found] == [f"{topic_id}/0/{n}" for n in (3, 1, 0)]
    assert [each["field"] for each in found] == ["time", "artist_id", "value"]
    assert [each["time"] for each in found] == ["2018-10-31T15:34:20Z"] * 2 + [
        "2018-10-31T15:33:20Z"
    ]
    assert [each["replayed"] for each in found] == [False] * 3
    assert found[1]["reason"].startswith("artist_id: '' is empty; send ")
    people = gigstream("dead-letters", "list", "-n", "2").out
    assert f"{topic_id}/0/3" in people
    assert "2 of 3 that match" in people


def test_the_list_begins_with_counts_by_source_and_field(topics, store):
    send_all(topics, gig(1, artist_id="", source="box"), timestamp=STAMP)
    send_all(topics, gig(2, artist_id="", source="box"), gig(3, time="soon", source="box"))
    send_all(topics, b"?")
    store(4)

    done = gigstream("dead-letters", "list", "-n", "1", "--json")

    found = [(kind["source"], kind["field"], kind["count"]) for kind in done.data["kinds"]]
    assert found[0] == ("box", "artist_id", 2)
    assert sorted(found[1:], key=str) == [("box", "time", 1), (None, "value", 1)]
    assert done.data["kinds"][0]["reason"].startswith("artist_id: '' is empty")
    assert "box" in gigstream("dead-letters", "list", "-n", "1").out.splitlines()[1]


def test_the_list_is_filtered_by_field_reason_time_and_place(topics, store):
    send_all(topics, b"?", timestamp=STAMP)
    send_all(topics, gig(1, artist_id=""), gig(3, time="soon"), timestamp=STAMP + 60_000)
    store(3)

    def offsets(*options):
        return sorted(int(each["id"].rpartition("/")[2]) for each in listed(*options))

    assert offsets("--field", "time") == [2]
    assert offsets("--reason", "IS EMPTY") == [1]
    assert offsets("--since", "2018-10-31T15:34:20Z") == [1, 2]
    assert offsets("--until", "2018-10-31T15:34:20") == [0]
    assert offsets("--since", "2018-11-01") == []
    assert offsets("--partition", 0, "--offset", 2) == [2]
    assert offsets("--partition", 1) == []
    assert offsets("--unresolved") == [0, 1, 2]


def test_one_is_shown_as_it_came_and_its_bytes_alone_where_they_are_asked_for(topics, store):
    value = gig(1, artist_id="")
    send_all(topics, value, key=b"\xff", headers=[("trace", b"7"), ("bin", b"\xfe")])
    store(1)

    data = gigstream("dead-letters", "show", "0/0", "--json").data

    assert (data["value"], base64.b64decode(data["value_base64"])) == (value.decode(), value)
    assert data["key"] == "0xff"
    assert data["headers"] == [["trace", "7"], ["bin", "0xfe"]]
    assert data["field"] == "artist_id"
    people = gigstream("dead-letters", "show", data["id"]).out
    assert "trace: 7" in people
    raw = started("dead-letters", "show", "0/0", "--raw", env=dict(os.environ)).communicate()[0]
    assert raw.encode() == value


def test_an_id_that_names_none_or_several_is_wrong_use(topics, store):
    send_all(topics, b"?")
    send(load().kafka_bootstrap, topics[0], b"?", partition=1)
    store(2)

    none, several = gigstream("dead-letters", "show", "7"), gigstream("dead-letters", "show", "0")

    assert (none.code, several.code) == (2, 2)
    assert "there is no dead letter '7'; `gigstream dead-letters list` shows their ids" in none.line
    assert "several dead letters end in '0'; give a whole id" in several.line


def test_without_a_store_there_are_none(topics):
    assert listed() == []
    assert gigstream("dead-letters", "replay", "--json").data["sent"] == 0


def understand(monkeypatch) -> None:
    """As after an upgrade: an id may be a number."""
    real = rows.decode

    def decode(value, **more):
        if value == b'{"v": 2}':
            return real(gig(7), **more | {"record_ms": STAMP, "headers": ()})
        return real(value, **more)

    monkeypatch.setattr(rows, "decode", decode)


def test_what_is_valid_by_now_is_sent_as_it_was_and_the_rest_stays(topics, store, monkeypatch):
    send_all(topics, b'{"v": 2}', b"?", key="e7", headers=[("trace", b"7")], timestamp=STAMP)
    store(2)
    assert gigstream("dead-letters", "replay", "--json").data["sent"] == 0
    understand(monkeypatch)

    dry = gigstream("dead-letters", "replay", "--dry-run", "--json").data
    done = gigstream("dead-letters", "replay", "--json").data

    place = f"{identify(load()).topic_id}/0/0"
    assert (dry["sent"], dry["valid"]) == (0, [place])
    assert (done["sent"], done["valid"]) == (1, [place])
    assert [each["reason"][:16] for each in done["invalid"]] == ["value: b'?' is n"]
    *_, again = letters(load(), topics[0])
    assert (again.value(), again.key(), again.partition()) == (b'{"v": 2}', b"e7", 0)
    assert again.timestamp()[1] == STAMP
    assert again.headers() == [("trace", b"7"), ("gigstream-replay-of", place.encode())]


def test_a_value_corrected_by_hand_counts_once_however_often_it_is_replayed(
    topics, store, tmp_path
):
    send_all(topics, gig(1, artist_id=""), gig(2), timestamp=STAMP)
    store(2)
    corrected = tmp_path / "corrected.json"
    corrected.write_bytes(gig(1))
    replay = ("dead-letters", "replay", "0/0", "--value", corrected, "--json")

    # Twice before the consumer has stored the first: two rows that say the same.
    assert [gigstream(*replay).data["sent"] for _ in range(2)] == [1, 1]
    store(4)
    status = gigstream("status", "--json").data
    assert (status["plays"], status["dead_letters"], status["dead_letters_unresolved"]) == (2, 1, 0)
    (letter,) = listed()
    assert letter["replayed"]
    assert listed("--unresolved") == []

    again = gigstream(*replay).data

    assert (again["sent"], again["replayed_before"]) == (0, [letter["id"]])
    assert gigstream("dead-letters", "replay", "--json").data["valid"] == []


def test_a_corrected_value_that_is_still_wrong_is_refused_with_the_reason(topics, store, tmp_path):
    send_all(topics, b"?")
    store(1)
    wrong = tmp_path / "wrong.json"
    wrong.write_bytes(gig(1, venue_id=""))

    done = gigstream("dead-letters", "replay", "0/0", "--value", wrong)
    unnamed = gigstream("dead-letters", "replay", "--value", wrong)

    assert (done.code, unnamed.code) == (2, 2)
    assert "the corrected value is invalid too: venue_id: '' is empty" in done.line
    assert "give its ID" in unnamed.line


def test_a_replay_that_died_too_is_a_dead_letter_of_its_own_in_the_place_of_the_first(
    topics, store, monkeypatch
):
    send_all(topics, b'{"v": 2}')
    store(1)
    with monkeypatch.context() as patch:
        understand(patch)
        assert gigstream("dead-letters", "replay", "--json").data["sent"] == 1
    store(2)

    newer, older = listed()

    assert (older["replayed"], newer["replayed"]) == (True, False)
    assert gigstream("dead-letters", "show", newer["id"], "--json").data["replay_of"] == older["id"]
    assert [each["id"] for each in listed("--unresolved")] == [newer["id"]]


def test_at_most_so_many_are_replayed_the_oldest_first(topics, store, monkeypatch):
    send_all(topics, *[b'{"v": 2}'] * 3)
    store(3)
    understand(monkeypatch)

    done = gigstream("dead-letters", "replay", "-n", 2, "--dry-run", "--json").data

    assert [place.rpartition("/")[2] for place in done["valid"]] == ["0", "1"]
