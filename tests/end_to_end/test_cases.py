"""Records as booking systems really send them mean what their sender meant.

``cases/*.jsonl`` hold one record a line: ``value`` (an object, a text as it is, or null), ``key``,
``headers`` and ``timestamp`` (epoch ms). ``$now`` and ``$now_s`` stand for this moment.
"""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Message, Producer

from consumer.dead_letters.letters import read
from consumer.ingest import rows
from consumer.settings import ConsumerSettings
from support.data.records import stored as stored_rows
from support.data.records import until
from support.processes.consume import Consuming
from trainer.plays.interactions import Interactions
from trainer.plays.read import settled

CASES = Path(__file__).parent / "cases"
DAY_MS = 86_400_000
UNLIMITED = {"message.timestamp.after.max.ms": str(2**63 - 1)}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def records(case: str) -> Iterator[dict]:
    """What a producer is given."""
    now = now_ms()
    instant = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds")
    for line in (CASES / f"{case}.jsonl").read_text("utf-8").splitlines():
        said = json.loads(line)
        value = said.get("value")
        value = json.dumps(value) if isinstance(value, dict) else value
        if value is not None:
            value = value.replace("$now_s", str(now // 1000)).replace("$now", instant)
        yield {
            "value": value if value is None else value.encode(),
            "key": said["key"].encode(),
            "headers": [(name, text.encode()) for name, text in said.get("headers", [])],
            "timestamp": said.get("timestamp", now),
        }


def table(case: str):
    """The rows that the consumer makes of a case."""
    messages = [
        Message(partition=0, offset=offset, **said | {"timestamp": (1, said["timestamp"])})
        for offset, said in enumerate(records(case))
    ]
    return rows.table(messages, topic_id="T")


def settle(case: str) -> Interactions:
    found, interactions = table(case), Interactions()
    interactions.settle(found.filter([kind == "event" for kind in found["kind"].to_pylist()]))
    return interactions


def venues(interactions: Interactions) -> set[str]:
    """Where plays are."""
    return {interactions.venues[row] for row in interactions.plays().venue.tolist()}


def reasons(case: str) -> dict[int, str]:
    """Of the dead letters, by offset."""
    pairs = zip(*(table(case)[name].to_pylist() for name in ("offset", "reason")), strict=True)
    return {offset: reason for offset, reason in pairs if reason is not None}


def test_numbers_of_another_unit_are_dead_letters_that_name_it():
    found = {offset: reason.partition("; ")[0] for offset, reason in reasons("units").items()}
    looks = {n: re.search("looks like (.*)", reason) for n, reason in found.items()}

    assert {n: look[1] for n, look in looks.items() if look} == {
        0: "seconds",
        2: "microseconds",
        3: "nanoseconds",
        6: "days",
        7: "seconds",
        8: "microseconds",
        9: "a missing value",
        10: "a missing value",
    }
    assert venues(settle("units")) == {"room-2", "room-12", "room-13"}


def test_a_cancellation_in_seconds_does_not_vanish():
    assert [*reasons("cancel-in-seconds")] == [1, 2]


def test_tombstones_delete_what_was_meant_or_are_counted():
    interactions = settle("tombstone-keys")

    assert venues(interactions) == {"club-5", "club-6", "club-7", "club-8"}
    assert interactions.unmatched == 2  # `T5 ` and `t6`: other ids, for all that is known
    dead = reasons("tombstone-keys")
    assert [*dead] == [14, 15]
    assert all("not null; to delete a bill send null" in reason for reason in dead.values())


def test_a_tombstones_quoted_source_is_opened_and_a_missing_one_is_counted():
    interactions = settle("tombstone-sources")

    assert venues(interactions) == {"club-s1"}
    assert interactions.unmatched == 1


def test_a_wrong_clock_makes_dead_letters_that_show_both_clocks():
    for reason in (*reasons("clock-ahead").values(), *reasons("old-stamp").values()):
        assert reason.startswith("time: ")
        assert re.search(r"record's timestamp \d{4,}-.*Z, consumer's clock \d{4}-.*Z", reason)
    assert [*reasons("clock-ahead")] == [0, 1]
    assert "1970-01-21T12:19:26.400Z" in reasons("old-stamp")[0]


def test_statuses_of_the_world():
    cancelled = {2, 3, 4, 5, 6, 8, 13, 14, 20, 22}

    assert venues(settle("statuses")) == {f"hall-{n:02}" for n in range(26) if n not in cancelled}
    (hold,) = reasons("statuses").values()
    assert hold.startswith("status: 'hold' is not known; ")


def test_what_is_for_people_never_costs_a_statement():
    assert reasons("venue-shapes") == {}
    assert venues(settle("venue-shapes")) == {f"ort-{n:02}" for n in range(1, 20)}
    kept = {row["event_id"]: row for row in table("venue-shapes").to_pylist()[1:20]}
    assert kept["V2"]["venue"] == '{"city":"Hamburg","lat":53.54,"lng":9.98}'
    assert kept["V11"]["extra"] == '{"venue":{"lat":535400000,"lng":99800000}}'


def test_a_gig_in_two_sources_is_two_gigs():
    assert len(settle("two-sources").plays()) == 3


def produce(kafka, topic: str, case: str) -> int:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    sent = [*records(case)]
    for each in sent:
        producer.produce(topic, **each)
    assert producer.flush(30) == 0
    return len(sent)


@pytest.fixture
def consumed(kafka, tmp_path):
    """A store of what a consumer made of all cases, read from Kafka."""
    topic = kafka.create_topic(config=UNLIMITED)
    found = ConsumerSettings(
        home=tmp_path,
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
        dead_letter_brake_share=1,
        statuses={"default": {"hold": "cancelled"}},
    )
    count = sum(produce(kafka, topic, path.stem) for path in sorted(CASES.glob("*.jsonl")))
    with Consuming(found) as consumer:
        until(lambda: "Stored" in consumer.said and len(stored_rows(found.store)) == count)
        consumer.stop()
    return found


def test_the_consumer_makes_the_same_of_them(consumed):
    interactions, chunk = settled(consumed.store)
    clock = interactions.clock(now_ms())

    assert chunk.dead == read(consumed.store).num_rows
    assert chunk.dead == sum(len(reasons(path.stem)) for path in CASES.glob("*.jsonl")) - 1
    assert "hall-12" not in venues(interactions)  # its source's own word
    assert clock.as_of_ms <= now_ms()
    assert clock.ahead == 0
