"""The real gigs that ship with the project, as plays."""

import csv
import gzip
from pathlib import Path

import numpy as np

from trainer.plays.matrix import Plays

EVENTS = Path(__file__).parents[1] / "examples" / "indistreet" / "events.tsv.gz"
"""47,142 gigs of 6,131 artists at 989 venues, 2010 to 2018."""


def indistreet() -> Plays:
    """Rows by id, ascending."""
    with gzip.open(EVENTS, "rt", encoding="utf-8") as file:
        gigs = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    artist, venue = (_rows([gig[side] for gig in gigs]) for side in ("artist_id", "venue_id"))
    days = np.array([gig["date"] for gig in gigs], "datetime64[ms]")
    sizes = int(artist.max()) + 1, int(venue.max()) + 1
    return Plays(artist, venue, days.astype(np.int64), *sizes)


def _rows(ids: list[str]) -> np.ndarray:
    return np.unique(ids, return_inverse=True)[1].astype(np.int32)
