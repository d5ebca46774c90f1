"""Stored statements of synthetic gigs, as columns: moved, cancelled and repeated."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.worlds import world
from consumer.store.writer import Store
from consumer.table.delta_log import Span
from consumer.table.schema import SCHEMA as STORED
from trainer.plays.interactions import SCHEMA
from trainer.plays.matrix import DAY_MS

AGAIN = 0.15
"""Share of the statements about a gig that was stated before."""
CANCELLED = 0.3
"""Share of those that cancel it; the others move it to another venue."""

_AHEAD_MS = 30 * DAY_MS
_PARTITIONS = 12
_DRAWS = 1 << 23
_APP = "benchmark/topic/0"


def statements(n: int, n_artists: int, n_venues: int, *, first: int = 0, seed: int = 1) -> pa.Table:
    """The rows of `SCHEMA` from number `first` on: new gigs, and repeated earlier ones.

    There are no names and no versions, and each gig has one artist, determined by its number.
    """
    rng = np.random.default_rng(seed)
    plays = world(n_artists, n_venues, n, seed)
    numbers = np.arange(first, first + n)
    again = rng.random(n) < AGAIN
    gig = np.where(again, (numbers * rng.random(n)).astype(np.int64), numbers)
    said_ms = plays.at_ms + numbers % DAY_MS
    columns = {
        "topic_id": _repeated(["bm90LWEtcmVhbC10b3BpYw"], np.zeros(n, np.int64)),
        "partition": pa.array((gig % _PARTITIONS).astype(np.int32)),
        "offset": pa.array(numbers),
        "recorded_at": _instants(said_ms),
        "digest": pa.array(rng.integers(0, 2**32, n)),
        "source": _repeated(["default"], np.zeros(n, np.int64)),
        "event_id": _texts("booking-", gig),
        "artist_id": _texts("artist-", _artists(gig, n_artists)),
        "venue_id": _texts("venue-", plays.venue),
        "time": _instants(said_ms),
        "status": _repeated(["confirmed", "cancelled"], again & (rng.random(n) < CANCELLED)),
        "starts_at": _instants(said_ms + _AHEAD_MS),
    }
    absent = {f.name: pa.nulls(n, f.type) for f in SCHEMA if f.name not in columns}
    return pa.table(columns | absent).select(SCHEMA.names).cast(SCHEMA)


def stored(path: Path, events: pa.Table, rows: int) -> int:
    """Create a store of these rows, with a fixed number per commit. Returns its version."""
    store = Store.open(path)
    kinds = pa.array(["event"]).take(pa.array(np.zeros(len(events), np.int64)))
    columns = {"kind": kinds} | {name: events[name] for name in events.column_names}
    absent = {f.name: pa.nulls(len(events), f.type) for f in STORED if f.name not in columns}
    whole = pa.table(columns | absent).select(STORED.names).cast(STORED)
    version = 0
    for start in range(0, len(whole), rows):
        end = min(start + rows, len(whole))
        version = store.append(whole.slice(start, end - start), {_APP: Span(start or None, end)})
    return version


def _artists(gig: np.ndarray, n: int) -> np.ndarray:
    """Artist of a gig, drawn from its number; artist k with probability ~ 1 / (k + 1)**0.7."""
    drawn = np.random.default_rng(7).random(_DRAWS)[gig * 0x9E3779B1 % _DRAWS]
    weights = 1.0 / np.arange(1, n + 1) ** 0.7
    return np.searchsorted(np.cumsum(weights) / weights.sum(), drawn)


def _texts(prefix: str, numbers: np.ndarray) -> pa.Array:
    distinct, codes = np.unique(numbers, return_inverse=True)
    texts = pc.binary_join_element_wise(prefix, pc.cast(pa.array(distinct), pa.string()), "")
    return texts.take(pa.array(codes))


def _repeated(texts: list[str], codes: np.ndarray) -> pa.Array:
    return pa.array(texts).take(pa.array(codes.astype(np.int64)))


def _instants(at_ms: np.ndarray) -> pa.Array:
    return pa.array(at_ms * 1000).cast(SCHEMA.field("time").type)
