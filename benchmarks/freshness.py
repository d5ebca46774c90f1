"""Time from a gig sent to Kafka until its row is in the store and its list in Redis has changed.

Consumer and trainer run as processes on a real broker and a real Redis. One gig is sent per second;
a polling reader stops one clock when it sees the row and another when it sees the list. Under load
the trainer refits a larger history continuously.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import redis

from benchmarks.report import Report
from benchmarks.worlds import world
from consumer.events import Event
from consumer.store.reader import StoreReader
from support.processes.installation import Installation, event, season
from support.processes.running import until
from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

PREFIX = "bench"
PATIENCE_S = 60
START_S = 180
WARM_UP = 2
MATES = 20
_LOOK_S = 0.001
_REFITS = {
    "GIGSTREAM_FACTORS": "64",
    "GIGSTREAM_REFIT_INTERVAL_S": "0.1",
    "GIGSTREAM_REFIT_QUIET_S": "0",
}


class Wait(NamedTuple):
    """Milliseconds from sending a gig."""

    stored: float
    listed: float


def measure(*, quick: bool) -> Report:
    """First gigs of new artists at known venues: on a small store, then a large one, refitting.

    On the small store every second gig is on a night with 20 others, whose lists change with it.
    """
    gigs, plays, pause_s = (8, 5_000, 0.5) if quick else (100, 300_000, 1.0)
    with KafkaBroker() as kafka, RedisServer() as server:
        small = [*season(), *_bills(gigs + WARM_UP)]
        with running(kafka, server, f"{PREFIX}-calm", small, {}) as installation:
            calm = _waits(installation, gigs, pause_s)
        history = _history(plays)
        with running(kafka, server, f"{PREFIX}-load", history, _REFITS) as installation:
            before = installation.generation()
            loaded = _waits(installation, gigs // 2, pause_s)
            refits = installation.generation() - before
    stored = [wait.stored for wait in calm]
    listed = [wait.listed for wait in calm]
    with_mates = [wait.listed for number, wait in enumerate(calm, WARM_UP) if number % 2]
    under_load = [wait.listed for wait in loaded]
    return Report(
        "freshness",
        {
            "store_p50_ms": median(stored),
            "store_p99_ms": _p99(stored),
            "list_p50_ms": median(listed),
            "list_p99_ms": _p99(listed),
            "list_p50_ms_with_mates": median(with_mates),
            "list_p99_ms_with_mates": _p99(with_mates),
            "list_p99_ms_under_load": _p99(under_load),
        },
        {
            "gigs": gigs,
            "slowest_store_ms": max(stored),
            "slowest_list_ms": max(listed),
            "gigs_under_load": len(under_load),
            "plays_under_load": plays,
            "refits_meanwhile": refits,
            "list_p50_ms_under_load": median(under_load),
            "store_p99_ms_under_load": _p99([wait.stored for wait in loaded]),
        },
        "python -m benchmarks freshness",
    )


def _p99(waits_ms: list[float]) -> float:
    return quantiles(waits_ms, n=100, method="inclusive")[98]


@contextmanager
def running(
    kafka: KafkaBroker,
    server: RedisServer,
    prefix: str,
    history: Iterable[Event],
    settings: dict[str, str],
) -> Iterator[Installation]:
    """Run consumer and trainer until lists of this history are published."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Installation(Path(directory), kafka, server, prefix, **settings) as installation,
    ):
        installation.commands.start("consume")
        installation.send(*history)
        installation.commands.start("train")
        until(installation.generation, START_S)
        yield installation


def _history(plays: int) -> Iterator[Event]:
    found = world(20_000, 5_000, plays)
    for number, (artist, venue) in enumerate(zip(found.artist, found.venue, strict=True)):
        yield event(number, f"artist-{artist}", f"venue-{venue}")


def _bills(gigs: int) -> Iterator[Event]:
    """20 artists on the night of every second gig."""
    for number in range(1, gigs, 2):
        for artist in range(MATES):
            yield _gig(number, f"artist-{artist}", event_id=f"b{number}-{artist}")


def _gig(number: int, artist: str, **more: str) -> Event:
    """One on the day and at the venue of this number."""
    return event(1_000_000 + number, artist, f"venue-{number % 12}", **more)


def _waits(installation: Installation, gigs: int, pause_s: float) -> list[Wait]:
    client = installation.redis.client()
    tail = StoreReader(installation.commands.home / "store", columns=["artist_id"])
    tail.read()
    waits = []
    for number in range(gigs + WARM_UP):
        waits.append(wait(installation, client, tail, number))
        time.sleep(pause_s)
    client.close()
    return waits[WARM_UP:]


def wait(installation: Installation, client: redis.Redis, tail: StoreReader, number: int) -> Wait:
    """Send the first gig of a new artist and wait for its row and its list.

    Args:
        installation: where it is sent to.
        client: of its Redis.
        tail: of its store, read up to now.
        number: of the artist; each once.
    """
    name = f"newcomer-{number}"
    sent_s = time.perf_counter()
    stored_ms = 0.0
    installation.send(_gig(number, name))
    while not client.hexists(f"{installation.prefix}:artist", name):
        chunk = None if stored_ms else tail.read()
        if chunk is not None and name in chunk.events["artist_id"].to_pylist():
            stored_ms = (time.perf_counter() - sent_s) * 1000
        if time.perf_counter() - sent_s > PATIENCE_S:
            raise TimeoutError(f"{name} has no list after {PATIENCE_S} s")
        time.sleep(_LOOK_S)
    listed_ms = (time.perf_counter() - sent_s) * 1000
    return Wait(stored_ms or listed_ms, listed_ms)
