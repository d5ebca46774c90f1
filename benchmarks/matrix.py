"""Ten million stored statements to a matrix of plays, against the notebook's pandas.

pandas counts pairs of artist and venue and settles nothing: a gig that was moved or cancelled
counts as often as it was spoken of. Ours reads what the settling rule asks for, 15 columns, and
counts each gig once. Both begin with columns in memory, each in its own form, and end with a
scipy matrix. The increment is a hundredth more, settled, and the matrix brought up to it; a tick
is one gig more, and all plays of its artist and its venue.
"""

from functools import partial
from statistics import median

import pandas as pd
import pyarrow as pa
from scipy.sparse import coo_matrix, csr_matrix

from benchmarks.report import Report, interleaved, ratio, resident_bytes, seconds
from benchmarks.statements import statements
from trainer.interactions import Interactions
from trainer.matrix import Plays

TEN_MILLION = 10_000_000
STEPS = 5


def measure(*, quick: bool) -> Report:
    """200k artists x 20k venues; 15 % of the statements move or cancel an earlier gig."""
    n, rounds = (100_000, 1) if quick else (TEN_MILLION, 3)
    sizes = (4000, 1000) if quick else (200_000, 20_000)
    events = statements(n, *sizes)
    table_bytes, before = events.nbytes, resident_bytes()
    interactions = Interactions()
    settle_s = seconds(partial(interactions.settle, events))
    held = resident_bytes() - before
    matrix_s = seconds(interactions.counts)
    hundredths = [
        statements(n // 100, *sizes, first=n + step * n // 100, seed=2 + step)
        for step in range(STEPS)
    ]
    increments = [seconds(partial(_grown, interactions, part)) for part in hundredths]
    ticks = [
        seconds(
            partial(_ticked, interactions, statements(1, *sizes, first=2 * n + k, seed=100 + k))
        )
        for k in range(50)
    ]
    frame = events.select(["artist_id", "venue_id"]).to_pandas()
    frame.columns = ["artists", "venues"]
    del interactions
    times = interleaved(rounds, pandas=partial(notebook, frame), ours=partial(settled, events))
    return Report(
        "matrix",
        {
            "ratio_to_pandas": ratio(times, "pandas", "ours"),
            "seconds_10m": median(times["ours"]) * TEN_MILLION / n,
            "increment_s": median(increments),
            "tick_ms": median(ticks) * 1e3,
            "bytes_per_event": held / n,
        },
        {
            "events": n,
            "pandas_s": median(times["pandas"]),
            "settle_s": settle_s,
            "matrix_s": matrix_s,
            "table_bytes_per_event": table_bytes / n,
            "slowest_tick_ms": max(ticks) * 1e3,
            "s": times,
        },
        "python -m benchmarks matrix",
    )


def settled(events: pa.Table) -> csr_matrix:
    """Plays by pair, each gig by its greatest statement."""
    interactions = Interactions()
    interactions.settle(events)
    return interactions.counts()


def notebook(frame: pd.DataFrame) -> csr_matrix:
    """Statements by pair."""
    pairs = frame.groupby(["artists", "venues"]).size().reset_index(name="plays")
    artists, venues = (pairs[side].astype("category").cat for side in ("artists", "venues"))
    shape = len(artists.categories), len(venues.categories)
    return coo_matrix((pairs["plays"], (artists.codes, venues.codes)), shape=shape).tocsr()


def _grown(interactions: Interactions, events: pa.Table) -> csr_matrix:
    interactions.settle(events)
    return interactions.counts()


def _ticked(interactions: Interactions, event: pa.Table) -> tuple[Plays, Plays]:
    artists, venues = interactions.settle(event)
    current = interactions.present()
    return current.of_artists(artists), current.mirrored().of_artists(venues)
