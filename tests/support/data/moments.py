"""What counts and what lists show at a moment, made from dated plays as the trainer makes it."""

from collections import Counter

import numpy as np
import pyarrow as pa

from trainer.gate.moment import SHOWN, Moment
from trainer.gate.moment import moment as summed
from trainer.model.fit import fit
from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays
from trainer.ranking.lists import Lists
from trainer.recipe import Recipe

RECIPE = Recipe(factors=16, threads=2)


def gigs(rows: list[tuple[str, str, int]], source: str = "default") -> pa.Table:
    """Plays (artist, venue, epoch ms) of one source."""
    artist, venue, at_ms = zip(*rows, strict=True)
    return pa.table(
        {"artist": artist, "venue": venue, "at_ms": at_ms, "source": [source] * len(rows)}
    )


def moment(plays: pa.Table, recipe: Recipe = RECIPE) -> Moment:
    """A cold fit on these plays, and its lists of venues for artists."""
    artists, venues = Ids(), Ids()
    counted = Plays(
        artists.add(plays["artist"]),
        venues.add(plays["venue"]),
        plays["at_ms"].to_numpy(),
        len(artists),
        len(venues),
    )
    model = fit(counted, artists.ids, venues.ids, int(counted.at_ms.max()), recipe)
    lists = Lists(
        model=model, plays=counted, artists=artists, venues=venues, generation=1, size=SHOWN
    )
    made = [[venues.row(name) for name in entry.ids] for _, entry in lists.complete("artist")]
    entries = np.array([[*rows, *[-1] * (SHOWN - len(rows))] for rows in made], np.int32)
    sources = Counter(plays["source"].to_pylist())
    return summed(counted, artists.ids, venues.ids, sources, entries)
