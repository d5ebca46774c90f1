"""Fuzzed records: each is stored or dead-lettered with a reason; none missing, no crash.

``GIGSTREAM_TEST_FUZZ`` is how many (20,000 by default; `make fuzz`: a million). They come from
the committed corpus (`fuzz.grow`) and endless changes of it, the same ones in every run.
"""

import itertools
import os
from collections.abc import Iterator
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from confluent_kafka import Message, Producer

from consumer.events import MAX_MS, MIN_MS, STATUSES, Event, InvalidEvent, Tombstone, decode
from consumer.events.invalid import REMEDIES
from consumer.ingest import rows
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from consumer.store.writer import Store
from consumer.table import schema
from consumer.table.delta_log import Span
from support.data.fuzzed import NO_TIME, Fuzzed, corpus, mutations, parsed, unframed
from support.data.raw import RawProducer
from support.data.records import until
from support.faults.bombs import peak_megabytes, send_bomb
from support.processes.consume import Consuming

COUNT = int(os.environ.get("GIGSTREAM_TEST_FUZZ", "20000"))
BATCH = 5_000
NOW_MS = 1_541_000_000_000
SEED = 20_181_031
patient = pytest.mark.timeout(120 + COUNT // 500)


def batches(count: int) -> Iterator[list[Message]]:
    """Messages of the topic's one partition, in order."""
    found = enumerate(itertools.islice(mutations(SEED), count))
    while batch := [each.message(offset) for offset, each in itertools.islice(found, BATCH)]:
        yield batch


def judged(message: Message, recorded_ms: int) -> Event | Tombstone | InvalidEvent:
    try:
        return decode(
            message.value(),
            key=message.key(),
            headers=message.headers() or (),
            record_ms=recorded_ms,
            now_ms=NOW_MS,
            unframe=unframed,
        )
    except InvalidEvent as error:
        return error


def expected(message: Message) -> dict[str, object]:
    """The row that `decode`, the authority, makes of a message."""
    kind, stamp_ms = message.timestamp()
    recorded_ms = NOW_MS if kind == NO_TIME else min(max(stamp_ms, MIN_MS), MAX_MS)
    row: dict[str, object] = dict.fromkeys(FIELDS)
    row |= {"offset": message.offset(), "recorded_at": recorded_ms * 1000}
    row |= {"digest": crc32(message.value() or b""), "topic_id": "T", "partition": 0}
    said = judged(message, recorded_ms)
    if isinstance(said, InvalidEvent):
        reason = str(said)
        assert reason.startswith(f"{said.field}: ")
        assert reason.endswith(f"; {said.remedy}")
        assert said.field
        assert said.remedy
        assert "\n" not in reason
        dead = {"raw": message.value(), "raw_key": message.key(), "reason": reason}
        return row | dead | {"kind": "dead", "field": said.field}
    if isinstance(said, Tombstone):
        deleted = {"source": said.source, "event_id": said.event_id, "status": schema.DELETED}
        return row | deleted | {"kind": "event"}
    event = {name: getattr(said, name) for name in FIELDS if name in Event.__struct_fields__}
    starts_at = None if said.starts_at_ms is None else said.starts_at_ms * 1000
    return row | event | {"kind": "event", "time": said.time_ms * 1000, "starts_at": starts_at}


FIELDS = [
    *("kind", "topic_id", "partition", "digest"),
    *("offset", "recorded_at", "source", "event_id", "artist_id", "venue_id", "time"),
    *("status", "version", "starts_at", "artist_name", "venue_name", "venue", "artist", "extra"),
    *("raw", "raw_key", "reason", "field"),
]


def in_order(table: pa.Table) -> list[dict]:
    """Rows by offset, times as microseconds."""
    table = table.select(FIELDS).sort_by("offset")
    numbers = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for column in table.columns
    ]
    return pa.table(numbers, FIELDS).to_pylist()


@patient
def test_every_fuzzed_record_is_the_row_that_the_contract_says_and_is_stored_once(tmp_path):
    store = Store.open(tmp_path / "store")
    stored = dead = 0
    for messages in batches(COUNT):
        table = rows.table(messages, topic_id="T", now_ms=NOW_MS, unframe=unframed)

        assert in_order(table) == list(map(expected, messages))
        start, end = messages[0].offset(), messages[-1].offset() + 1
        store.append(table, {"C/T/0": Span(start, end)})
        stored += table.num_rows
        dead += pc.sum(pc.equal(table["kind"], "dead")).as_py()
    chunk = StoreReader(tmp_path / "store", columns=["offset"]).read()

    assert stored == chunk.events.num_rows + chunk.dead == COUNT
    assert chunk.dead == dead
    assert len(pc.unique(chunk.events["offset"])) == COUNT - dead
    # Or it proves little: a fair share of both.
    assert 0.02 < dead / COUNT < 0.98
    print(f"{COUNT:,} fuzzed records: {COUNT - dead:,} events, {dead:,} dead letters, none missing")


@patient
def test_every_fuzzed_record_that_kafka_takes_is_stored_once_by_the_consumer(kafka, tmp_path):
    topic = kafka.create_topic(config={"message.timestamp.after.max.ms": str(2**63 - 1)})
    options = {"bootstrap.servers": kafka.bootstrap, "linger.ms": 20, "compression.type": "lz4"}
    producer = Producer({**options, "queue.buffering.max.messages": 200_000})
    consumer_settings = ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
        dead_letter_brake_share=1,  # four of five are meant to be bad
    )
    raw = 0
    with RawProducer(kafka.bootstrap) as by_librdkafka:
        for record in itertools.islice(mutations(SEED), COUNT):
            raw += record.is_raw
            produce(producer, by_librdkafka, topic, record)
        assert producer.flush(60) == 0
    # Sixty offsets that are one dead letter, and ten that are a dead letter each.
    send_bomb(kafka.bootstrap, topic, [b" " * 1_600_000] * 60, "zstd", together=True)
    send_bomb(kafka.bootstrap, topic, [b" " * 20_000_000] * 10, "gzip")
    total = COUNT + 11
    tail = StoreReader(consumer_settings.store, columns=["offset"])
    seen: list[int] = []
    dead = 0

    def all_stored() -> bool:
        nonlocal dead
        assert consumer.process.poll() is None, consumer.said[-2000:]
        chunk = tail.read()
        if chunk is not None:
            seen.extend(chunk.events["offset"].to_pylist())
            dead += chunk.dead
        return len(seen) + dead >= total

    with Consuming(consumer_settings) as consumer:
        until(all_stored, within_s=90 + COUNT / 1000)
        peak = peak_megabytes(consumer.process.pid)
        consumer.stop()

    assert len(seen) + dead == total
    assert peak < 1_000 or "LD_PRELOAD" in os.environ  # ASan takes its share
    assert raw > COUNT // 1_000
    assert len(set(seen)) == len(seen)
    assert set(seen) <= set(range(COUNT))
    kinds = f"{len(seen):,} events, {dead:,} dead letters, {raw:,} raw header names"
    print(f"{COUNT:,} and 2 bombs through Kafka: {kinds}, none missing, {peak} MB at most")


def produce(producer: Producer, raw: RawProducer, topic: str, record: Fuzzed) -> None:
    if record.is_raw:
        raw.send(topic, record.value, record.raw_headers, key=record.key)
        return
    stamp = {} if record.stamp_ms is None or record.stamp_ms < 0 else {"timestamp": record.stamp_ms}
    while True:
        try:
            producer.produce(topic, record.value, record.key, headers=record.headers, **stamp)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def test_the_corpus_says_every_kind_of_thing() -> None:
    """A change of a rule has to grow the corpus: it holds an input for each field and status."""
    found = [expected(parsed(each).message(0)) for each in corpus()]

    assert {row["status"] for row in found} >= {*STATUSES, schema.DELETED}
    assert {row["field"] for row in found} >= {*REMEDIES}
    for name in ("version", "starts_at", "artist_name", "venue_name", "venue", "artist", "extra"):
        assert any(row[name] is not None for row in found), name
