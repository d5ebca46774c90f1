"""Batches made to fill memory or to stop a consumer: it continues, and stays small."""

import fcntl
import time

import pytest

from consumer.kafka.unpackable import _bisect
from consumer.settings import ConsumerSettings
from support.data.feed import send
from support.data.raw import RawProducer
from support.data.records import gig, stored, until
from support.faults.bombs import peak_megabytes, send_bomb
from support.processes.consume import Consuming

BLANKS = b" " * 1_600_000
MOST_MEGABYTES = 1_000


@pytest.fixture
def consumer_settings(kafka, tmp_path) -> ConsumerSettings:
    topic = kafka.create_topic()
    return ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
        dead_letter_brake_share=1,
    )


def rows(settings: ConsumerSettings) -> list[dict]:
    there = list(settings.store.glob("_delta_log/*.json"))
    return sorted(stored(settings.store), key=lambda row: row["offset"]) if there else []


@pytest.mark.parametrize(("inside", "end", "high"), [(0, 1, 1), (5, 6, 90), (0, 60, 61), (7, 9, 9)])
def test_where_a_batch_ends_is_found_by_few_questions(inside, end, high):
    asked: list[int] = []

    def lies_in(at: int) -> bool:
        asked.append(at)
        return at < end

    assert _bisect(lies_in, inside, high) == end
    assert len(asked) <= 12
    assert all(inside < at < high for at in asked)


def test_a_batch_that_cannot_be_unpacked_is_one_dead_letter_and_the_stream_goes_on(
    kafka, consumer_settings
):
    topic, reached = consumer_settings.kafka_topic, kafka.bootstrap
    send(reached, topic, gig(0))
    send_bomb(reached, topic, [BLANKS] * 60, "zstd", together=True)
    send(reached, topic, gig(1))
    send_bomb(reached, topic, [BLANKS] * 70, "zstd", together=True)
    send_bomb(reached, topic, [BLANKS] * 80, "zstd", together=True)

    with Consuming(consumer_settings) as consumer:
        until(lambda: len(rows(consumer_settings)) >= 5, 40)
        send(reached, topic, gig(2))
        until(lambda: len(rows(consumer_settings)) >= 6)
        assert peak_megabytes(consumer.process.pid) < MOST_MEGABYTES
        consumer.stop()

    found = rows(consumer_settings)
    assert [(row["kind"], row["offset"]) for row in found] == [
        *[("event", 0), ("dead", 1), ("event", 61), ("dead", 62), ("dead", 132), ("event", 212)]
    ]
    assert "batch of offsets 1 to 60 that cannot be unpacked" in found[1]["reason"]
    with Consuming(consumer_settings) as again:
        send(reached, topic, gig(3))
        until(lambda: len(rows(consumer_settings)) >= 7)
        again.stop()


@pytest.mark.parametrize(
    ("count", "size", "codec"), [(60, 40_000_000, "zstd"), (3, 200_000_000, "gzip")]
)
def test_a_batch_that_unpacks_to_much_costs_bounded_memory(
    kafka, consumer_settings, count, size, codec
):
    topic = consumer_settings.kafka_topic
    send(kafka.bootstrap, topic, gig(0))
    send_bomb(kafka.bootstrap, topic, [b" " * size] * count, codec)
    send(kafka.bootstrap, topic, gig(1))

    with Consuming(consumer_settings) as consumer:
        until(lambda: len(rows(consumer_settings)) >= count + 2, 90)
        peak = peak_megabytes(consumer.process.pid)
        consumer.stop()

    print(f"{count} x {size:,} bytes, {codec}: {peak} MB at most")
    assert peak < MOST_MEGABYTES
    dead = [row for row in rows(consumer_settings) if row["kind"] == "dead"]
    assert len(dead) == count
    assert all(len(row["raw"]) == 64 << 10 for row in dead)


def settled_megabytes(pid: int) -> int:
    """The most memory so far, once that has not grown for 5 s, or after 40 s."""
    peak, began_s = 0, time.monotonic()
    grown_s = began_s
    while time.monotonic() - grown_s < 5 and time.monotonic() - began_s < 40:
        if (found := peak_megabytes(pid)) > peak:
            peak, grown_s = found, time.monotonic()
        time.sleep(0.2)
    return peak


def test_large_headers_cost_bounded_memory_while_the_store_does_not_answer(
    kafka, consumer_settings
):
    topic, store = consumer_settings.kafka_topic, consumer_settings.store
    send(kafka.bootstrap, topic, gig(0))
    with Consuming(consumer_settings) as consumer:
        until(lambda: rows(consumer_settings))
        consumer.stop()
    # Before the lock is taken: a consumer waits a minute for it, sending takes as long as it takes.
    with RawProducer(kafka.bootstrap) as producer:
        for _ in range(3_000):
            producer.send(topic, None, [(b"x", b"y" * 900_000)], key=b"e1")
    with (store / ".writers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Consuming(consumer_settings) as consumer:
            until(lambda: consumer.owned)
            stalled = settled_megabytes(consumer.process.pid)
            fcntl.flock(lock, fcntl.LOCK_UN)
            until(lambda: len(rows(consumer_settings)) >= 3_001, 90)
            peak = peak_megabytes(consumer.process.pid)
            consumer.stop()

    print(f"headers of 900 kB: {stalled} MB while stalled, {peak} MB at most")
    assert peak < MOST_MEGABYTES
