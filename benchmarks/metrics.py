"""What metrics cost: `ingest` and `freshness` with metrics off and on, in turn.

On: consumer and trainer serve their metrics, and each is scraped once a second, five times as often
as the Prometheus of the compose file does. A ratio of 1 means that they cost nothing.
"""

import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from threading import Event, Thread

from benchmarks.freshness import Wait, running, wait
from benchmarks.ingest import filled, stores, timed
from benchmarks.report import Report
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from support.processes.installation import Installation, season
from support.processes.scrape import free_port
from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

EVERY_S = 1.0
WARM_UP = 2


def measure(*, quick: bool) -> Report:
    """Both, off and on in turn."""
    events, rounds, gigs = (100_000, 1, 6) if quick else (2_000_000, 7, 120)
    with KafkaBroker() as kafka, RedisServer() as server:
        runs = _ingested(kafka, events, rounds)
        waits = _listed(kafka, server, gigs)
    off, on = ([each.listed for each in listed[WARM_UP:]] for listed in waits)
    return Report(
        "metrics",
        {
            "ingest_on_to_off": median(off["wall_us"] / on["wall_us"] for off, on in runs),
            "ingest_cpu_on_to_off": median(off["cpu_us"] / on["cpu_us"] for off, on in runs),
            "freshness_on_to_off": median(off) / median(on),
        },
        {
            "events": events,
            "rounds": rounds,
            "gigs": gigs,
            "list_p50_ms_off": median(off),
            "list_p50_ms_on": median(on),
            "runs": runs,
        },
        "python -m benchmarks metrics",
    )


def _ingested(
    kafka: KafkaBroker, events: int, rounds: int
) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Runs of the consumer, off and on."""
    with tempfile.TemporaryDirectory() as directory:
        topic, _ = filled(kafka, events)
        settings = stores(Path(directory), kafka.bootstrap, topic)
        found = []
        for number in range(rounds):
            runs = {
                is_on: _run(next(settings), events, is_on=is_on)
                for is_on in ((False, True) if number % 2 else (True, False))
            }
            found.append((runs[False], runs[True]))
    return found


def _run(settings: ConsumerSettings, events: int, *, is_on: bool) -> dict[str, float]:
    if not is_on:
        return timed("ours", settings, events)
    port = free_port()
    with _scraped(port):
        shown = settings.model_copy(update={"consumer_metrics_port": port})
        return timed("ours", shown, events)


def _listed(kafka: KafkaBroker, server: RedisServer, gigs: int) -> tuple[list[Wait], list[Wait]]:
    """Waits for lists at two installations side by side, off and on, in turn."""
    ports = [free_port(), free_port()]
    names = ("GIGSTREAM_CONSUMER_METRICS_PORT", "GIGSTREAM_TRAINER_METRICS_PORT")
    shown = dict(zip(names, map(str, ports), strict=True))
    with (
        running(kafka, server, "bench-off", season(), {}) as off,
        running(kafka, server, "bench-on", season(), shown) as on,
        _scraped(*ports),
    ):
        readers = {each: _reader(each) for each in (off, on)}
        waits: dict[Installation, list[Wait]] = {off: [], on: []}
        for number in range(gigs + WARM_UP):
            # The first of a pair finds colder caches: each is first half of the time.
            for each in (off, on) if number % 2 else (on, off):
                waits[each].append(wait(each, each.client, readers[each], number))
                time.sleep(0.2)
    return waits[off], waits[on]


def _reader(installation: Installation) -> StoreReader:
    tail = StoreReader(installation.commands.home / "store", columns=["artist_id"])
    tail.read()
    return tail


@contextmanager
def _scraped(*ports: int) -> Iterator[None]:
    """Read the metrics at these ports, as Prometheus does."""
    stop = Event()

    def scrape() -> None:
        while not stop.wait(EVERY_S):
            for port in ports:
                with suppress(OSError):  # it has not begun, or has ended
                    url = f"http://127.0.0.1:{port}/metrics"
                    urllib.request.urlopen(url, timeout=5).read()

    thread = Thread(target=scrape, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
