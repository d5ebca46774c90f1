"""Filtered lists on request: exact over 20,000 venues, as `gigstream serve` makes them.

Server time of the ranking alone, without HTTP: a list of 10 with 20 venues excluded, those of
the last month left out, and one tenth too small. `cpu` is the time of the thread alone, without
what other processes took from it.
"""

from functools import cached_property
from statistics import median
from time import perf_counter, thread_time

import numpy as np

from benchmarks.report import Report
from benchmarks.worlds import world
from trainer.model.fit import fit
from trainer.plays.ids import Ids, Names
from trainer.plays.matrix import DAY_MS, Plays
from trainer.plays.merged_rows import Merged
from trainer.ranking.history import History
from trainer.ranking.part import Candidates
from trainer.recipe import Recipe
from web.live.facts import VenueColumns
from web.live.filters import Filters
from web.live.pool import IdTable, Pool
from web.live.ranking import Asked, known_subject, ranked

YEAR_MS = 365 * DAY_MS
EXCLUDED, DAYS = 20, 30
SMALLEST, SMALL, LARGEST = 50, 500, 5_000
FIRST = 5


class Mirrored(Plays):
    """Plays whose other side is kept, as that of the live model is."""

    def transposed(self) -> Plays:
        """The same plays, venues x artists."""
        return self._mirror

    @cached_property
    def _mirror(self) -> Plays:
        return super().transposed()


def measure(*, quick: bool) -> Report:
    """F = 64; artists drawn from all."""
    n_artists, n_venues, requests = (500, 1000, 20) if quick else (20_000, 20_000, 1_000)
    rng = np.random.default_rng(1)
    pool = _pool(n_artists, n_venues)
    known = _columns(rng, len(pool.candidates))
    times = [
        _timed(pool, row, _asked(rng, n_venues), known)
        for row in rng.integers(0, n_artists, FIRST + requests).tolist()
    ][FIRST:]
    wall_s, cpu_s = zip(*times, strict=True)
    return Report(
        "serve",
        {
            "filtered_p50_ms": median(wall_s) * 1e3,
            "filtered_p99_ms": float(np.quantile(wall_s, 0.99)) * 1e3,
            "filtered_cpu_p50_ms": median(cpu_s) * 1e3,
            "filtered_cpu_p99_ms": float(np.quantile(cpu_s, 0.99)) * 1e3,
        },
        {
            "artists": n_artists,
            "venues": n_venues,
            "plays": len(pool.plays),
            "factors": pool.candidates.factors.shape[1],
            "requests": requests,
        },
        "python -m benchmarks serve",
    )


def _timed(pool: Pool, row: int, asked: Asked, known: VenueColumns) -> tuple[float, float]:
    """Seconds of a request, and of its thread."""
    begin_s, begin_cpu_s = perf_counter(), thread_time()
    ranked(pool, known_subject(pool, row), asked, lambda _: known)
    return perf_counter() - begin_s, thread_time() - begin_cpu_s


def _asked(rng: np.random.Generator, n_venues: int) -> Asked:
    excluded = frozenset(f"v{row}" for row in rng.integers(0, n_venues, EXCLUDED).tolist())
    filters = Filters(exclude=excluded, not_played_days=DAYS, capacity_min=SMALL, country="DE")
    return Asked(10, filters=filters)


def _pool(n_artists: int, n_venues: int) -> Pool:
    made = world(n_artists, n_venues, 22 * n_artists)
    plays = Mirrored(made.artist, made.venue, made.at_ms, n_artists, n_venues)
    artists = Ids(f"a{row}" for row in range(n_artists))
    venues = Ids(f"v{row}" for row in range(n_venues))
    model = fit(plays, artists.ids, venues.ids, YEAR_MS, Recipe(iterations=2))
    rows = plays.transposed().active_rows(venues)
    return Pool(
        "artist",
        model,
        plays,
        IdTable(artists, Merged("artist", artists), Names()),
        IdTable(venues, Merged("venue", venues), Names()),
        Candidates(model.venues, rows),
        History(plays, YEAR_MS),
    )


def _columns(rng: np.random.Generator, size: int) -> VenueColumns:
    return VenueColumns(
        lat=rng.uniform(-90, 90, size),
        lng=rng.uniform(-180, 180, size),
        capacity=rng.integers(SMALLEST, LARGEST, size).astype(float),
        city=np.full(size, "hamburg"),
        country=np.full(size, "de"),
    )
