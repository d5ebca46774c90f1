"""From a gig sent to Kafka to the changed list in Redis, one gig at a time.

Consumer and trainer run as their own processes on a real broker and a real Redis. The clock stops
when a reader that asks Redis again and again sees the list change.
"""

import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import redis

from benchmarks.report import Report
from support.installation import Installation, event, season
from support.kafka import KafkaBroker
from support.processes import until
from support.redis import RedisServer

PREFIX = "bench"
PATIENCE_S = 20


def measure(*, quick: bool) -> Report:
    """Newcomers' first gigs at known venues, a pause between them as in life."""
    gigs = 8 if quick else 100
    with (
        tempfile.TemporaryDirectory() as directory,
        KafkaBroker() as kafka,
        RedisServer() as server,
        Installation(Path(directory), kafka, server, PREFIX) as installation,
    ):
        installation.commands.start("consume")
        installation.commands.start("train")
        installation.send(*season())
        until(installation.generation)
        client = server.client()
        waits_ms = [_wait_ms(installation, client, number) for number in range(gigs + 2)][2:]
    return Report(
        "freshness",
        {"list_p50_ms": median(waits_ms), "list_p99_ms": quantiles(waits_ms, n=100)[98]},
        {"gigs": gigs, "slowest_ms": max(waits_ms)},
        "python -m benchmarks freshness",
    )


def _wait_ms(installation: Installation, client: redis.Redis, number: int) -> float:
    name = f"newcomer-{number}"
    sent = time.perf_counter()
    installation.send(event(10_000 + number, name, f"venue-{number % 12}"))
    while not client.hexists(f"{PREFIX}:artist", name):
        if time.perf_counter() - sent > PATIENCE_S:
            raise TimeoutError(f"{name} has no list after {PATIENCE_S} s")
        time.sleep(0.002)
    took_ms = (time.perf_counter() - sent) * 1000
    time.sleep(0.3)
    return took_ms
