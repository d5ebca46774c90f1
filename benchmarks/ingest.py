"""Kafka to store with all guards, beside raw `consume()` of the same messages.

Each run is a process of its own: `python -m benchmarks.ingest raw|ours SETTINGS EVENTS`. The clock
of both runs from the first message that the client hands over to the last one, read or durable.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.report import Report
from consumer.kafka.client import consumer_options
from consumer.run import run
from consumer.settings import ConsumerSettings
from consumer.table import delta_log

if TYPE_CHECKING:
    from support.servers.kafka import KafkaBroker

PARTITIONS = 4
CHUNK = 500
"""Messages per raw `consume()`: its fastest size; two and eight times as many are slower."""

ROOT = Path(__file__).parents[1]
_CYCLE = 100_003
_LZ4 = {
    "compression.type": "lz4",
    "linger.ms": 20,
    "batch.size": 256 * 1024,
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 1_000_000,
    "enable.idempotence": True,
    "log_level": 2,
}


def measure(*, quick: bool) -> Report:
    """Measure raw and ours in turn on one topic, then memory on a long one."""
    from support.servers.kafka import KafkaBroker  # noqa: PLC0415 - the runs need no broker of their own

    events, long, rounds = (100_000, 300_000, 1) if quick else (2_000_000, 10_000_000, 5)
    with KafkaBroker() as kafka, tempfile.TemporaryDirectory() as directory:
        topic, bytes_each = filled(kafka, long)
        own = stores(Path(directory), kafka.bootstrap, topic)
        pairs = [
            (timed("raw", next(own), events), timed("ours", next(own), events))
            for _ in range(rounds)
        ]
        drain = timed("ours", next(own), long)
    ours = [mine for _, mine in pairs]
    return Report(
        "ingest",
        {
            "ratio_to_raw_consume": median(raw["wall_us"] / mine["wall_us"] for raw, mine in pairs),
            "cpu_us_per_event": median(mine["cpu_us"] for mine in ours),
            "events_per_s": median(1e6 / mine["wall_us"] for mine in ours),
            "peak_rss_mb": drain["peak_rss_mb"],
        },
        {
            "events": events,
            "bytes_per_event": round(bytes_each),
            "rounds": rounds,
            "raw_events_per_s": round(median(1e6 / raw["wall_us"] for raw, _ in pairs)),
            "raw_cpu_us_per_event": median(raw["cpu_us"] for raw, _ in pairs),
            "events_per_commit": round(median(mine["events_per_commit"] for mine in ours)),
            "drained": long,
            "drain_events_per_s": round(1e6 / drain["wall_us"]),
            "rss_mb_after_a_tenth": drain["early_rss_mb"],
            "runs": pairs,
        },
        "python -m benchmarks ingest",
    )


def filled(kafka: "KafkaBroker", events: int) -> tuple[str, float]:
    """Create a topic with this number of gigs. Returns it and the mean size of a gig."""
    topic = kafka.create_topic(PARTITIONS)
    producer = Producer({**_LZ4, "bootstrap.servers": kafka.bootstrap})
    size = 0
    for number, value in enumerate(_gigs(events)):
        size += len(value)
        while True:
            try:
                producer.produce(topic, value, f"bandsintown-{number}")
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1_000 == 0:
            producer.poll(0)
    if producer.flush(120):
        raise TimeoutError("the broker did not take all gigs")
    return topic, size / events


def _gigs(count: int) -> Iterator[bytes]:
    """Distinct gigs of 250 bytes: busy and rare artists and venues, dates of one season."""
    rng = np.random.default_rng(1)
    artists = (rng.pareto(0.8, _CYCLE).astype(np.int64) % 200_000).tolist()
    venues = (rng.pareto(0.8, _CYCLE + 1).astype(np.int64) % 20_000).tolist()
    for number in range(count):
        artist, venue = artists[number % _CYCLE], venues[number % len(venues)]
        day = f"2018-{number % 12 + 1:02}-{number % 28 + 1:02}"
        yield (
            f'{{"event_id":"bandsintown-{number}","artist_id":"artist-{artist:06}",'
            f'"venue_id":"venue-{venue:05}",'
            f'"time":"{day}T{number % 24:02}:{number % 60:02}:{number * 7 % 60:02}Z",'
            f'"status":"confirmed","source":"bandsintown","version":{number % 3},'
            f'"starts_at":"{day}T20:00:00+01:00","artist_name":"The Artists No. {artist:06}"}}'
        ).encode()


def stores(directory: Path, bootstrap: str, topic: str) -> Iterator[ConsumerSettings]:
    """Settings of independent consumers."""
    number = 0
    while True:
        number += 1
        yield ConsumerSettings(
            home=directory / str(number),
            kafka_bootstrap=bootstrap,
            kafka_topic=topic,
            kafka_group=f"{topic}-{number}",
        )


def timed(kind: str, settings: ConsumerSettings, events: int) -> dict[str, float]:
    """One run in a process of its own.

    Args:
        kind: raw or ours.
        settings: of the consumer.
        events: how many it reads.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ingest", kind, settings.model_dump_json(), str(events)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class _Meter:
    """Time, processor and memory of this process, from the first events on."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None
        self._early_rss_mb = 0.0

    def begin(self) -> None:
        """Called with the first events."""
        if self._began is None:
            self._began = time.perf_counter(), _cpu_s()

    def early(self) -> None:
        """Called after a tenth."""
        self._early_rss_mb = self._early_rss_mb or _rss_mb()

    def end(self, events: int, **more: float) -> None:
        """Print what the events took, then exit."""
        if self._began is None:
            raise RuntimeError("no event came")
        wall_s, cpu_s = time.perf_counter() - self._began[0], _cpu_s() - self._began[1]
        found = {
            "wall_us": wall_s / events * 1e6,
            "cpu_us": cpu_s / events * 1e6,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "early_rss_mb": self._early_rss_mb,
        }
        print(json.dumps(found | more), flush=True)
        os._exit(0)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _raw(settings: ConsumerSettings, events: int) -> None:
    """Count messages with the plain Kafka client and the same options."""
    consumer = Consumer(consumer_options(settings))
    consumer.assign([TopicPartition(settings.kafka_topic, n, 0) for n in range(PARTITIONS)])
    meter, count = _Meter(), 0
    while count < events:
        messages = consumer.consume(CHUNK, 1.0)
        if messages:
            meter.begin()
        count += len(messages)
    meter.end(count)


def _ours(settings: ConsumerSettings, events: int) -> None:
    """Run the consumer process unchanged until this number of events is durable."""
    meter, seen, commits = _Meter(), delta_log.Snapshot(-1, b""), 0

    def on_step(name: str) -> None:
        nonlocal commits
        if name == "fetched":
            meter.begin()
        elif name == "after_commit":
            commits += 1
            done = _stored(settings.store, seen)
            if done >= events / 10:
                meter.early()
            if done >= events:
                meter.end(done, events_per_commit=done / commits)

    run(settings, on_step=on_step)


def _stored(store: Path, seen: delta_log.Snapshot) -> int:
    while delta_log.entry_path(store, seen.version + 1).exists():
        seen.apply(delta_log.read_entry(store, seen.version + 1))
    return sum(seen.positions.values())


if __name__ == "__main__":
    kind, settings, events = sys.argv[1:]
    {"raw": _raw, "ours": _ours}[kind](ConsumerSettings.model_validate_json(settings), int(events))
