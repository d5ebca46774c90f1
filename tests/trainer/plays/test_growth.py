"""Hundreds of thousands of gigs, whose memory grows without being there twice."""

import multiprocessing
import resource
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from trainer.plays.interactions import SCHEMA, Interactions

ROWS = 100_000
MEGABYTE = 2**20


def gigs(first: int, n: int = ROWS) -> pa.Table:
    """That many new ones, each at a time of its own."""
    numbers = np.arange(first, first + n)
    texts = {name: [f"{name}{number}" for number in range(50)] for name in ("artist", "venue")}
    columns = {
        "event_id": pa.array(map(str, numbers)),
        "artist_id": pa.array(texts["artist"]).take(pa.array(numbers * 7 % 50)),
        "venue_id": pa.array(texts["venue"]).take(pa.array(numbers * 3 % 50)),
        "time": pa.array(numbers * 1000).cast(SCHEMA.field("time").type),
        "recorded_at": pa.array(numbers * 1000).cast(SCHEMA.field("time").type),
        "partition": pa.array(np.zeros(n, np.int32)),
    }
    columns |= {name: pa.array(numbers) for name in ("offset", "digest")}
    columns |= {name: pa.array(["x"] * n) for name in ("topic_id", "source", "status")}
    absent = {field.name: pa.nulls(n, field.type) for field in SCHEMA if field.name not in columns}
    return pa.table(columns | absent).select(SCHEMA.names)


def check(interactions: Interactions, n: int) -> None:
    """That it holds the first n gigs, in their order."""
    plays, numbers = interactions.plays(), np.arange(n)
    artists, venues = interactions.artists, interactions.venues
    assert np.array_equal(plays.at_ms, numbers)
    rows = np.array([[artists.row(f"artist{k}"), venues.row(f"venue{k}")] for k in range(50)])
    assert np.array_equal(plays.artist, rows[numbers * 7 % 50, 0])
    assert np.array_equal(plays.venue, rows[numbers * 3 % 50, 1])


def test_gigs_are_all_there_however_often_they_had_to_make_room():
    interactions = Interactions()
    for part in range(6):
        interactions.settle(gigs(part * ROWS))

    check(interactions, 6 * ROWS)
    assert len(interactions.settle(gigs(0, 6 * ROWS)).artists) == 0


def test_gigs_of_many_batches_are_settled_as_they_come_while_others_are_prepared():
    interactions, whole = Interactions(), gigs(0, 3 * ROWS)
    starts = [*range(0, ROWS, 3989), ROWS, len(whole)]  # more of them would be joined first
    parts = [whole.slice(start, end - start) for start, end in pairwise(starts)]
    interactions.settle(pa.concat_tables(parts))

    check(interactions, 3 * ROWS)


def test_gigs_that_another_process_settled_are_joined_by_more():
    earlier = Interactions()
    earlier.settle(gigs(0, 3 * ROWS))
    interactions = Interactions()
    for ids, held in (
        (interactions.artists, earlier.artists),
        (interactions.venues, earlier.venues),
    ):
        ids.add_all(held.ids)
    interactions.restore(*earlier.state())
    for part in range(3, 6):
        interactions.settle(gigs(part * ROWS))

    check(interactions, 6 * ROWS)


def test_growing_takes_no_memory_that_is_given_back_later():
    """Copied, the gigs would be there twice for a while: 110 MB of 1.8 million."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        passing, whole = pool.submit(passing_and_whole).result()

    assert whole > 150 * MEGABYTE
    assert passing < 40 * MEGABYTE


def passing_and_whole() -> tuple[int, int]:
    """Bytes beyond what is left after each batch, at most, and what all batches left."""
    passing, interactions, begin = 0, Interactions(), 0
    for part in range(18):
        events = gigs(part * ROWS)
        begin = begin or _resident()
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        interactions.settle(events)
        passing = max(passing, _peak() - _resident())
    return passing, _resident() - begin


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
