"""The numbers that a consumer serves are those of what was sent."""

import json
import signal
import time

import pytest
from confluent_kafka import Producer
from prometheus_client import REGISTRY, CollectorRegistry

from consumer.metrics import METRICS, MOST_SOURCES, Meters
from consumer.settings import ConsumerSettings
from consumer.table import delta_log
from consumer.telemetry.metric import OTHER
from consumer.telemetry.pulse import LIMIT_S
from support.data.records import gig, until
from support.processes.consume import Consuming
from support.processes.scrape import Samples, free_port, get
from support.servers.kafka import KafkaBroker

READ = "gigstream_consumer_read_events_total"
STORED = "gigstream_consumer_stored_rows_total"
DEAD = "gigstream_consumer_dead_letters_total"
LAG = "gigstream_consumer_lag_events"


def test_the_list_is_what_is_shown():
    registry = CollectorRegistry()
    Meters(registry)

    assert {each.name for each in registry.collect()} == {each.name for each in METRICS}
    assert {each.name: each.type for each in registry.collect()} == {
        each.name: each.kind for each in METRICS
    }


def test_meters_without_a_registry_show_nothing():
    Meters().read(3, 100)

    # Not even in the registry that prometheus-client takes by default.
    assert not {each.name for each in METRICS} & {*REGISTRY._names_to_collectors}


def test_sources_of_dead_letters_are_bounded():
    registry = CollectorRegistry()
    meters = Meters(registry)
    meters.stored(1, {(f"s{number}", "time"): 2 for number in range(MOST_SOURCES + 3)})
    meters.stored(0, {(None, "value"): 1})
    shown = [
        (sample.labels["source"], sample.value)
        for family in registry.collect()
        for sample in family.samples
        if sample.name == DEAD
    ]

    assert len({source for source, _ in shown}) == MOST_SOURCES + 1
    assert sum(value for source, value in shown if source == OTHER) == 2 * 3 + 1


def test_a_partition_that_is_taken_away_is_shown_no_more():
    registry = CollectorRegistry()
    meters = Meters(registry)
    meters.lag({0: (3, 1.5), 1: (0, 0.0)})
    meters.lag({1: (2, 0.5)})

    assert registry.get_sample_value(LAG, {"partition": "0"}) is None
    assert registry.get_sample_value(LAG, {"partition": "1"}) == 2
    assert registry.get_sample_value("gigstream_consumer_partitions") == 1


@pytest.fixture
def settings(kafka, tmp_path):
    topic = kafka.create_topic(partitions=2)
    return ConsumerSettings(
        home=tmp_path,
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=topic,
        kafka_group=topic,
        consumer_metrics_port=free_port(),
    )


def test_what_was_sent_is_what_is_counted(kafka, settings):
    port = settings.consumer_metrics_port
    values = [[gig(number) for number in range(30)], [gig(number) for number in range(30, 50)]]
    bad = json.dumps({"source": "box", "event_id": "E"}).encode()
    with Consuming(settings) as consuming:
        until(lambda: get(port, "/readyz")[0] == 200)
        send(kafka, settings.kafka_topic, [*values[0], bad], values[1])
        found = until(lambda: (s := Samples(port)).total(STORED) == 51 and s)
        assert found.value(STORED, kind="event") == 50
        assert found.value(STORED, kind="dead") == 1
        assert found.value(DEAD, source="box", field="artist_id") == 1
        assert found.value(READ) == 51
        size = found.value("gigstream_consumer_read_bytes_total")
        assert size >= sum(map(len, [*values[0], bad, *values[1]]))
        assert found.value("gigstream_consumer_commit_seconds_count") >= 1
        assert found.value("gigstream_consumer_store_version") >= 1
        assert found.value("gigstream_consumer_store_files") >= 2
        assert found.value("gigstream_consumer_store_log_entries") >= 2
        free = found.value("gigstream_consumer_disk_free_bytes")
        assert 1e6 < free < found.value("gigstream_consumer_disk_size_bytes")
        assert found.value("gigstream_consumer_store_bytes") == size_of(settings.store)
        assert found.value("gigstream_consumer_loop_age_seconds") < LIMIT_S
        assert found.value("gigstream_consumer_kafka_up") == 1
        until(lambda: lags(port) == {"0": 0, "1": 0})
        consuming.stop()


def size_of(store):
    """Bytes of the files that the store has."""
    return sum(file.size for file in delta_log.replay(store).files.values())


def test_maintenance_is_counted_by_the_consumer_that_runs_it(settings):
    port, runs = settings.consumer_metrics_port, "gigstream_consumer_maintenance_runs_total"
    last = "gigstream_consumer_maintenance_last_timestamp_seconds"
    with Consuming(settings, upkeep=()):
        until(lambda: get(port, "/readyz")[0] == 200)
        until(lambda: (Samples(port).value(runs, task="clean-up", outcome="done") or 0) > 1)
        found = Samples(port)
        assert found.value(runs, task="compaction", outcome="failed") is None
        assert time.time() - 60 < found.value(last, task="clean-up") <= time.time()


def test_an_alarm_is_shown_until_the_source_sends_good_records_again(kafka, settings):
    port, alarm = settings.consumer_metrics_port, "gigstream_consumer_dead_letter_alarm"
    few = settings.model_copy(update={"dead_letter_brake_window": 20})
    bad = json.dumps({"source": "box", "event_id": "E"}).encode()
    with Consuming(few, upkeep=()):
        until(lambda: get(port, "/readyz")[0] == 200)
        assert alarm not in Samples(port).names()
        send(kafka, settings.kafka_topic, [bad] * 20, [])
        until(lambda: Samples(port).value(alarm, source="box") == 1)
        send(kafka, settings.kafka_topic, [gig(n, source="box") for n in range(40)], [])
        until(lambda: alarm not in Samples(port).names())


def lags(port):
    found = Samples(port)
    return {number: found.value(LAG, partition=number) for number in "01"}


def send(kafka, topic, *partitions):
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number, values in enumerate(partitions):
        for value in values:
            producer.produce(topic, value, partition=number)
    assert producer.flush(30) == 0


def test_a_loop_that_hangs_is_reported_and_what_waits_is_shown(kafka, settings):
    """A hook that hangs before the commit is a loop that does not turn."""
    port = settings.consumer_metrics_port
    with Consuming(settings, fault=("before_commit", 1, "hang")) as consuming:
        until(lambda: get(port, "/readyz")[0] == 200)
        send(kafka, settings.kafka_topic, [gig(1)])
        began_s = time.monotonic()
        until(lambda: get(port, "/healthz")[0] == 503)
        assert time.monotonic() - began_s > LIMIT_S - 2
        consuming.signal(signal.SIGKILL)


def test_a_commit_that_hangs_is_a_lag_that_grows(kafka, settings):
    port = settings.consumer_metrics_port
    with Consuming(settings, fault=("parquet_written", 1, "hang")) as consuming:
        until(lambda: get(port, "/readyz")[0] == 200)
        send(kafka, settings.kafka_topic, [gig(1)], [gig(2), gig(3)])
        until(lambda: lags(port) == {"0": 1, "1": 2})
        seconds = "gigstream_consumer_lag_seconds"
        until(lambda: (Samples(port).value(seconds, partition="1") or 0) > 2)
        assert get(port, "/healthz")[0] == 200
        consuming.signal(signal.SIGKILL)


def test_a_process_that_is_stopped_does_not_answer_and_recovers(settings):
    port = settings.consumer_metrics_port
    with Consuming(settings) as consuming:
        until(lambda: get(port, "/healthz")[0] == 200)
        consuming.signal(signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            get(port, "/healthz", timeout_s=1)
        consuming.signal(signal.SIGCONT)
        until(lambda: get(port, "/healthz")[0] == 200)


def test_a_broker_that_goes_away_is_reported_until_it_is_back(settings):
    port, up = settings.consumer_metrics_port, "gigstream_consumer_kafka_up"
    with KafkaBroker(own=True) as broker:
        topic = broker.create_topic(1)
        there = settings.model_copy(
            update={"kafka_bootstrap": broker.bootstrap, "kafka_topic": topic}
        )
        with Consuming(there) as consuming:
            until(lambda: get(port, "/readyz")[0] == 200)
            broker.kill()
            until(lambda: get(port, "/readyz") == (503, "waiting for Kafka"))
            assert Samples(port).value(up) == 0
            assert get(port, "/healthz")[0] == 200
            broker.start()
            until(lambda: get(port, "/readyz")[0] == 200)
            assert Samples(port).value(up) == 1
            consuming.stop()


def answered(answer):
    """An answer of a probe; None: there is no server yet."""
    return answer if answer[0] else None


def test_a_consumer_that_waits_for_kafka_is_alive_and_not_ready(settings):
    away = settings.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{free_port()}"})
    port = settings.consumer_metrics_port
    with Consuming(away) as consuming:
        # Also the very first answer: nothing was reached yet.
        status, text = until(lambda: answered(get(port, "/readyz")))
        assert (status, text) == (503, "waiting for Kafka, the consumer group")
        assert get(port, "/healthz")[0] == 200
        assert consuming.code() == 3
