"""A million artists and fifty thousand venues, 30 million pairs: settled, fitted, ranked, in 6 GB.

In a process of its own, so that its peak of memory is its own. Statements come a million at a
time, and a reader of the store holds no more of them (`consumer.store.chunk.AT_ONCE`); making them
is left out of the times.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from benchmarks.report import Report, seconds
from benchmarks.statements import statements
from serving.contract import VIEWS, View
from trainer.als.implicit import plain
from trainer.als.local import Local
from trainer.als.runtime import one_thread
from trainer.model.fit import Model, fit
from trainer.model.initial import drawn
from trainer.plays.interactions import Interactions
from trainer.plays.matrix import Plays, confidence
from trainer.ranking.lists import Lists
from trainer.recipe import Recipe

Made = TypeVar("Made")

CHUNK = 1_000_000
SIZE = 10
"""Entries of a list."""
SWEEPS = 4
"""Timed sweeps; our first is left out, since set-up before it cannot be separated."""


class World(NamedTuple):
    """Sizes of the world."""

    artists: int
    venues: int
    chunks: int


LARGE = World(1_000_000, 50_000, 37)
SMALL = World(20_000, 2_000, 1)


def measure(*, quick: bool) -> Report:
    """F = 64, the default recipe; every list of all three views is made."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        figures, detail = pool.submit(_measured, SMALL if quick else LARGE).result()
    return Report("large", figures, detail, "python -m benchmarks large")


def _measured(world: World) -> tuple[dict[str, float], dict[str, Any]]:
    interactions = Interactions()
    detail: dict[str, Any] = {"settle_s": _settle(interactions, world)}
    detail["after_settling_mb"] = _peak_mb()
    now = interactions.clock(time.time_ns() // 1_000_000).as_of_ms or 0
    plays, detail["plays_s"] = _timed(interactions.plays)
    interactions.discard_gigs()
    fitted = partial(fit, plays, interactions.artists.ids, interactions.venues.ids, now, Recipe())
    cold, detail["cold_fit_s"] = _timed(fitted)
    detail["after_cold_fit_mb"] = _peak_mb()
    model, detail["refit_s"] = _timed(partial(fitted, start=cold))
    del cold
    lists = _lists(interactions, plays, model)
    for view in VIEWS:
        detail[f"lists_{view.replace(':', '_')}_s"] = seconds(partial(_ranked, lists, view))
    detail |= {"plays": len(plays), "pairs": plays.counts.nnz}
    detail |= dict(zip(("artists", "venues"), plays.counts.shape, strict=True))
    figures = {"peak_rss_mb": _peak_mb()}
    return figures | {"seconds_per_sweep": _sweep_s(plays, model, detail)}, detail


def _settle(interactions: Interactions, world: World) -> float:
    making: list[float] = []
    pieces, rows = _pieces(world, making), world.chunks * CHUNK
    return seconds(partial(interactions.settle_all, pieces, rows)) - sum(making)


def _pieces(world: World, making: list[float]) -> Iterator[pa.Table]:
    for chunk in range(world.chunks):
        first = chunk * CHUNK
        made = partial(statements, CHUNK, world.artists, world.venues, first=first, seed=chunk)
        part, took = _timed(made)
        making.append(took)
        yield part


def _lists(interactions: Interactions, plays: Plays, model: Model) -> Lists:
    return Lists(
        model=model,
        plays=plays,
        artists=interactions.artists,
        venues=interactions.venues,
        generation=1,
        size=SIZE,
    )


def _ranked(lists: Lists, view: View) -> int:
    return sum(1 for _ in lists.complete(view))


def _sweep_s(plays: Plays, model: Model, detail: dict[str, Any]) -> float:
    """Seconds per sweep, ours; implicit's go into `detail`. Run after peak memory was read."""
    confident = confidence(plays, model.as_of_ms, Recipe())
    start, recipe = drawn(model.artist_ids, model.venue_ids, Recipe()), Recipe(iterations=SWEEPS)
    ends: list[float] = []
    Local(tolerance=0, watch=lambda _: ends.append(perf_counter())).fit(confident, start, recipe)
    laps: list[float] = []
    with one_thread():
        library = plain(start, recipe)
        library.fit(confident, show_progress=False, callback=lambda _i, took, _l: laps.append(took))
    detail["implicit_seconds_per_sweep"] = median(laps)
    return float(median(np.diff(ends)))


def _timed(work: Callable[[], Made]) -> tuple[Made, float]:
    began = perf_counter()
    return work(), perf_counter() - began


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
