"""What counts and what lists show at one moment, in a few numbers by venue and source.

A *rooted* artist of a venue has plays at another venue too. Regulars of a scene are rooted nearly
everywhere; artists that were made up for one venue are not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.plays.matrix import Plays

SHOWN = 10
"""Entries of a list that count as shown."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Moment:
    """A moment; arrays are by venue.

    Attributes:
        artists: ids with plays.
        venues: ids with plays.
        sources: plays by source.
        plays: number of plays.
        visitors: number of artists with plays there.
        rooted: how many of those have plays at another venue.
        shown: lists with the venue among their first `SHOWN` entries.
        top: lists with it as the first entry.
        lists: number of all lists.
    """

    artists: Sequence[str]
    venues: Sequence[str]
    sources: Mapping[str, int]
    plays: Numbers
    visitors: Numbers
    rooted: Numbers
    shown: Numbers
    top: Numbers
    lists: int


def moment(
    plays: Plays,
    artists: Sequence[str],
    venues: Sequence[str],
    sources: Mapping[str, int],
    entries: NDArray[np.int32],
) -> Moment:
    """Sum up what counts, and the lists of venues for artists.

    Args:
        plays: all that count.
        artists: ids by row.
        venues: ids by row.
        sources: number of plays by source.
        entries: lists x n: venue rows, best first; -1 where a list is shorter.
    """
    active_artists, active = np.flatnonzero(plays.per_artist), np.flatnonzero(plays.per_venue)
    visitors, rooted = _visitors(plays)
    shown, top = _listed(entries, plays.n_venues)
    return Moment(
        artists=[artists[row] for row in active_artists.tolist()],
        venues=[venues[row] for row in active.tolist()],
        sources=sources,
        plays=plays.per_venue[active],
        visitors=visitors[active],
        rooted=rooted[active],
        shown=shown[active],
        top=top[active],
        lists=len(entries),
    )


def _visitors(plays: Plays) -> tuple[Numbers, Numbers]:
    """By venue: artists with plays there, and those of them who are rooted."""
    pairs = plays.counts
    # A cell is a pair: an artist with more than one is rooted at each of its venues.
    rooted = np.repeat(np.diff(pairs.indptr) > 1, np.diff(pairs.indptr))
    return (
        np.bincount(pairs.indices, minlength=plays.n_venues),
        np.bincount(pairs.indices[rooted], minlength=plays.n_venues),
    )


def _listed(entries: NDArray[np.int32], n_venues: int) -> tuple[Numbers, Numbers]:
    """By venue: lists that show it, and lists with it on top; a list names a venue once."""
    shown, top = (entries[:, :n] for n in (SHOWN, 1))
    return (
        np.bincount(shown[shown >= 0], minlength=n_venues),
        np.bincount(top[top >= 0], minlength=n_venues),
    )
