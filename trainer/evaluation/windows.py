"""Past windows: cuts in what is known, each with the plays that came soon after it.

Weights are tuned on them, so they see nothing that a model would not have known at the time.
Undated plays have no past: some of their pairs are held out instead.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.errors import NothingToFit
from trainer.evaluation.pairs import held_out, is_undated
from trainer.evaluation.splits import Gigs, Split, slice_of, split
from trainer.plays.matrix import Plays, inverse_index

SHARES = (0.5, 0.6, 0.7, 0.8)
"""Share of the known plays before each cut."""
WIDTH = 0.2
"""Share of the known plays in each window."""
FOLDS = 2
"""Windows of undated plays."""
MOST_PLAYS = 1_000_000
"""The most recent plays that windows are made of."""


def past(plays: Plays, artist_ids: Sequence[str], venue_ids: Sequence[str], as_of_ms: int) -> Gigs:
    """The most recent plays up to a date, in date order, rows numbered by first appearance.

    Equal dates are ordered by ids, so that neither row numbers nor the order of plays matter.

    Args:
        plays: rows as in the id lists.
        artist_ids: by row.
        venue_ids: by row.
        as_of_ms: later plays are left out: they were announced, at a time that is not known.
    """
    kept = np.flatnonzero(plays.at_ms <= as_of_ms)
    if len(kept) > MOST_PLAYS:
        # All plays of the oldest day stay: which of them to drop would depend on their order.
        oldest = np.partition(plays.at_ms[kept], -MOST_PLAYS)[-MOST_PLAYS]
        kept = kept[plays.at_ms[kept] >= oldest]
    artist, venue, at_ms = plays.artist[kept], plays.venue[kept], plays.at_ms[kept]
    order = np.lexsort((_ranks(venue, venue_ids), _ranks(artist, artist_ids), at_ms))
    artists, venues = _by_appearance(artist[order]), _by_appearance(venue[order])
    return Gigs(
        Plays(
            inverse_index(artists, plays.n_artists)[artist[order]],
            inverse_index(venues, plays.n_venues)[venue[order]],
            at_ms[order],
            len(artists),
            len(venues),
        ),
        [artist_ids[row] for row in artists.tolist()],
        [venue_ids[row] for row in venues.tolist()],
    )


def windows(gigs: Gigs) -> Iterator[Split]:
    """Each window's known plays, and those that came after them."""
    if is_undated(gigs.plays):
        yield from (held_out(gigs, WIDTH, seed) for seed in range(FOLDS))
        return
    size = len(gigs.plays)
    for share in SHARES:
        try:
            parts = split(gigs, share)
        except NothingToFit:
            return
        # Days stay whole at the end of a window too.
        end = min(size - 1, int((share + WIDTH) * size))
        later = np.searchsorted(parts.later.at_ms, gigs.plays.at_ms[end], side="right")
        soon = slice_of(parts.later, slice(int(later)))
        yield Split(parts.train, soon, parts.cut_ms, parts.artist_ids, parts.venue_ids)


def _ranks(rows: NDArray[np.int32], ids: Sequence[str]) -> NDArray[np.integer]:
    """By play, where its id stands among all of these in order."""
    distinct, index = np.unique(rows, return_inverse=True)
    ordered = sorted(range(len(distinct)), key=lambda at: ids[int(distinct[at])])
    return inverse_index(np.array(ordered, np.int64), len(distinct))[index]


def _by_appearance(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    distinct, first = np.unique(rows, return_index=True)
    return distinct[np.argsort(first)]
