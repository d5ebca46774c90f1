"""One look-up beside one PING, by the same client over one connection, in turn.

20,000 artists with lists of 50. `hmget` is the bare command of a look-up, its reply not read: the
floor of any look-up by redis-py. `async` is the same by `AsyncLookup`, beside its client's PING.
`cached` is a look-up that the cache answers; it asks Redis for changes every 0.1 s. `batch` is
the time for each list of a batch of 100.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from statistics import median
from time import perf_counter

from redis.asyncio import Redis as AsyncRedis

from benchmarks.report import Report
from serving.async_lookup import AsyncLookup
from serving.contract import VIEWS, View
from serving.lookup import Lookup
from serving.publisher.publish import Publisher
from serving.reader.answers import RESERVED
from serving.reader.list_cache import Cache

ENTRIES = 50
VENUES = 20_000
BATCH = 100


def measure(*, quick: bool) -> Report:
    """Medians over calls for artists drawn from all."""
    from support.servers.redis import RedisServer  # noqa: PLC0415 - of the tests

    artists, calls = (500, 300) if quick else (20_000, 4_000)
    ids, rng = [f"artist-{number}" for number in range(artists)], random.Random(1)
    with RedisServer() as server:
        client = server.client()
        _publish(Publisher(client, prefix="gig", registry="benchmark", token=1), ids, rng)
        lookup, cached = Lookup(client), Lookup(client, cache=Cache())
        asked = iter(rng.choices(ids, k=3 * calls))
        found = _medians_us(
            calls,
            ping=client.ping,
            hmget=lambda: client.execute_command("HMGET", "gig:artist", next(asked), *RESERVED),
            lookup=lambda: lookup.artist(next(asked)),
            cached=lambda: cached.artist(ids[0]),
        )
        batch = _medians_us(
            calls // BATCH, lists=lambda: lookup.artists(rng.sample(ids, BATCH)), ping=client.ping
        )
        awaited = asyncio.run(_awaited_us(server.url, asked, calls))
    return Report(
        "lookup",
        {
            "p50_ratio_to_ping": found["lookup"] / found["ping"],
            "p50_ratio_to_hmget": found["lookup"] / found["hmget"],
            "async_p50_ratio_to_ping": awaited["lookup"] / awaited["ping"],
            "p50_us": found["lookup"],
            "ping_p50_us": found["ping"],
            "hmget_p50_us": found["hmget"],
            "async_p50_us": awaited["lookup"],
            "cached_p50_us": found["cached"],
            "batch_us_per_list": batch["lists"] / BATCH,
        },
        {"artists": artists, "entries": ENTRIES, "calls": calls},
        "python -m benchmarks lookup",
    )


def _publish(writer: Publisher, ids: list[str], rng: random.Random) -> None:
    from support.data.lists import commit, entry  # noqa: PLC0415 - of the tests

    def listed(view: View) -> object:
        plays = [0] * ENTRIES if view == "artist:returns" else None
        return entry(1, [f"venue-{rng.randrange(VENUES)}" for _ in range(ENTRIES)], plays=plays)

    writer.claim()
    writer.begin(1)
    counts = {view: writer.stage(1, view, ((i, listed(view)) for i in ids)) for view in VIEWS}
    commit(writer, 1, counts)


def _medians_us(rounds: int, **works: Callable[[], object]) -> dict[str, float]:
    """Each work in turn, so that a drifting machine drifts for all of them."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            began = perf_counter()
            work()
            times[name].append(perf_counter() - began)
    return {name: median(each) * 1e6 for name, each in times.items()}


async def _awaited_us(url: str, asked: Iterator[str], rounds: int) -> dict[str, float]:
    async with AsyncRedis.from_url(url) as client:
        lookup = AsyncLookup(client)
        works: dict[str, Callable[[], Awaitable[object]]] = {
            "ping": client.ping,
            "lookup": lambda: lookup.artist(next(asked)),
        }
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(rounds):
            for name, work in works.items():
                began = perf_counter()
                await work()
                times[name].append(perf_counter() - began)
    return {name: median(each) * 1e6 for name, each in times.items()}
