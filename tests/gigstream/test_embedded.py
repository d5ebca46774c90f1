"""The embedded broker drops records that are not read in time, so a sender waits for the store."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from types import SimpleNamespace

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumer.imports import sender, statements
from consumer.imports.sender import Sender, Stalled
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from gigstream.local_stack import Broker
from support.processes.living import until

ROWS = 60_000  # 40 MB in four partitions that keep 5 MiB each


@pytest.fixture
def settings(tmp_path):
    broker = Broker()
    yield ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=broker.bootstrap,
        kafka_create_partitions=4,
    )
    del broker


@pytest.fixture
def gigs(tmp_path):
    random = Random(1)  # what lz4 could pack would not fill the broker
    ids = iter(lambda: random.randbytes(120).hex(), "")
    rows = [f"{next(ids)},{next(ids)},2015-01-01" for _ in range(ROWS)]
    (tmp_path / "gigs.csv").write_text("\n".join(["artist_id,venue_id,date", *rows]))
    return tmp_path / "gigs.csv"


def variables(settings):
    return {
        "GIGSTREAM_HOME": str(settings.home),
        "GIGSTREAM_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "GIGSTREAM_KAFKA_CREATE_PARTITIONS": "4",
        "GIGSTREAM_KAFKA__GROUP_PROTOCOL": "consumer",
        "GIGSTREAM_FLUSH_MAX_EVENTS": "2000",
    }


def held(settings):
    """How many messages were dropped and how many were sent, of all partitions."""
    reader = Consumer({"bootstrap.servers": settings.kafka_bootstrap, "group.id": "reader"})
    try:
        where = [TopicPartition("gigs", number) for number in range(4)]
        both = [reader.get_watermark_offsets(each, timeout=10) for each in where]
        return sum(begin for begin, _ in both), sum(end for _, end in both)
    except KafkaException:
        return 0, 0  # the topic is not there yet
    finally:
        reader.close()


def rows(chunks):
    return sum(len(chunk.events) for chunk in chunks if chunk)


def test_an_import_far_larger_than_the_broker_loses_nothing(settings, gigs, start):
    with ThreadPoolExecutor() as pool:
        running = pool.submit(statements.run, [gigs], settings)
        until(lambda: held(settings)[1] > 4_000)
        consumer = start("consume", env=variables(settings))
        assert running.result(60).events == ROWS
    tail, stored = StoreReader(settings.store), []
    until(lambda: stored.append(tail.read()) or rows(stored) >= ROWS)
    consumer.terminate()
    _, err = consumer.communicate(timeout=60)

    assert consumer.returncode == 0, err
    assert rows(stored) == ROWS


def test_without_a_consumer_the_sender_stops_at_four_mebibytes_and_says_why(
    settings, gigs, monkeypatch
):
    monkeypatch.setattr(sender, "STALL_S", 2)
    with pytest.raises(Stalled, match="the embedded broker is full, and for 2 s nothing was stor"):
        statements.run([gigs], settings)

    dropped, sent = held(settings)
    assert dropped == 0
    assert 4_000 < sent < ROWS


def test_a_sender_that_sends_nothing_asks_no_broker():
    with Sender(ConsumerSettings(kafka_bootstrap="127.0.0.1:1", connect_timeout_s=60)) as idle:
        idle.flush()


def test_a_broker_is_never_taken_for_an_earlier_one(monkeypatch):
    class Producer:
        ids = iter(["mockCluster1", "mockCluster1", "mockCluster2"])

        def __init__(self, _options):
            self._id = next(self.ids)

        def list_topics(self, **_wait):
            broker = SimpleNamespace(host=self._id, port=1)
            return SimpleNamespace(cluster_id=self._id, brokers={1: broker})

    monkeypatch.setattr("gigstream.local_stack.Producer", Producer)

    known = {"mockCluster1/mockCluster1/0", "other/topic/0"}
    assert Broker(known).bootstrap == "mockCluster2:1"
