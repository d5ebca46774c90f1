"""Reasons of lists of ten on the Indistreet gigs, read from settled gigs as the live trainer does.

Processor time of the calling thread, since a list is explained within a request: what other
processes take of a shared machine is left out. Wall-clock time is among the details.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.report import Report
from consumer.table.schema import Side
from trainer.evaluation.evaluate import read_plays
from trainer.model.fit import fit
from trainer.plays.interactions import SCHEMA, Interactions
from trainer.ranking.lists import Lists
from trainer.ranking.reasons import Explainer
from trainer.recipe import Recipe

EVENTS = Path(__file__).parents[1] / "examples" / "indistreet" / "events.tsv.gz"
SIZE = 10
SIDES: tuple[Side, Side] = ("artist", "venue")


@dataclass
class Times:
    """Milliseconds of each list."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def take(self, work: Callable[[], object]) -> None:
        """Add one call."""
        began, wall_began = thread_time(), perf_counter()
        work()
        self.processor.append(1e3 * (thread_time() - began))
        self.wall.append(1e3 * (perf_counter() - wall_began))


def measure(*, quick: bool) -> Report:
    """Artists and venues drawn from all; each plays' first list is not counted."""
    asked = 20 if quick else 600
    interactions, lists = _live(Recipe(factors=8, iterations=2) if quick else Recipe())
    figures, detail = {}, dict[str, Any](lists_of_a_side=asked, entries=SIZE)
    for side in SIDES:
        for name, whole in (("single", False), ("whole", True)):
            times = _explained(interactions, lists, side, lists.explainer(side, whole=whole), asked)
            figures[f"{side}_{name}_ms"] = float(np.median(times.processor))
            figures[f"{side}_{name}_p99_ms"] = float(np.percentile(times.processor, 99))
            detail[f"{side}_{name}_wall_ms"] = float(np.median(times.wall))
    return Report("reasons", figures, detail, "python -m benchmarks reasons")


def _live(recipe: Recipe) -> tuple[Interactions, Lists]:
    interactions = Interactions()
    interactions.settle(_statements(read_plays(EVENTS)))
    plays, artists, venues = interactions.view(), interactions.artists, interactions.venues
    as_of_ms = int(plays.at_ms.max())
    model = fit(plays, artists.ids, venues.ids, as_of_ms, recipe)
    lists = Lists(model=model, plays=plays, artists=artists, venues=venues, generation=1, size=SIZE)
    return interactions, lists


def _statements(gigs: pa.Table) -> pa.Table:
    """One statement for each gig, as an import makes it."""
    n = len(gigs)
    days = gigs["date"].cast(pa.timestamp("us", "UTC"))
    columns = {
        "topic_id": ["topic"] * n,
        "partition": np.zeros(n, np.int32),
        "offset": np.arange(n),
        "recorded_at": days,
        "digest": np.arange(n),
        "source": ["import"] * n,
        "event_id": [f"E-{number}" for number in range(n)],
        "artist_id": gigs["artist_id"],
        "venue_id": gigs["venue_id"],
        "time": days,
        "status": ["confirmed"] * n,
        "starts_at": days,
    }
    absent = {f.name: pa.nulls(n, f.type) for f in SCHEMA if f.name not in columns}
    return pa.table(columns | absent).select(SCHEMA.names).cast(SCHEMA)


def _explained(
    known: Interactions, lists: Lists, side: Side, explainer: Explainer, asked: int
) -> Times:
    ids, others, rows = (
        (known.artists, known.venues, lists.artist_rows)
        if side == "artist"
        else (known.venues, known.artists, lists.venue_rows)
    )
    drawn = np.random.default_rng(1).choice(rows, min(asked, len(rows)), replace=False)
    entries = lists.changes(side, drawn)
    times = Times()
    for number, row in enumerate(drawn.tolist()):
        entry = entries[ids[row]]
        listed = np.array(others.rows(entry.ids if entry else []), np.int64)
        if number:
            times.take(lambda row=row, listed=listed: explainer.explain(row, listed))
        else:
            explainer.explain(row, listed)  # what all lists share is computed here
    return times
