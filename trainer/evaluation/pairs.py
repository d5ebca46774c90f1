"""Undated plays: pairs of an artist and a venue, of which some are held out at random."""

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.splits import Gigs, Split, where
from trainer.plays.matrix import Plays

Flags = NDArray[np.bool_]


def is_undated(plays: Plays) -> bool:
    """Whether all plays have one date, as those of a file without dates have."""
    return len(plays) > 0 and int(plays.at_ms.min()) == int(plays.at_ms.max())


def held_out(gigs: Gigs, share: float, seed: int) -> Split:
    """Train, and a share of the pairs as what came later.

    Every artist and venue keeps a pair, so that each can be ranked, and ranked for.

    Args:
        gigs: undated plays.
        share: of the pairs, at most.
        seed: of the draw.
    """
    plays = gigs.plays
    code = plays.artist.astype(np.int64) * plays.n_venues + plays.venue
    pairs, first, of_play = np.unique(code, return_index=True, return_inverse=True)
    # In drawn order, so that the pair that stays with an artist is a random one too.
    order = np.random.default_rng(seed).permutation(len(pairs))
    free = order[~_kept(pairs[order] // plays.n_venues) & ~_kept(pairs[order] % plays.n_venues)]
    chosen = np.zeros(len(pairs), np.bool_)
    chosen[free[: int(share * len(pairs))]] = True
    later = np.zeros(len(plays), np.bool_)
    # One play stands for the pair, and all of its plays leave train.
    later[first[chosen]] = True
    train = where(plays, ~chosen[of_play])
    return Split(train, where(plays, later), int(plays.at_ms[-1]), gigs.artist_ids, gigs.venue_ids)


def _kept(rows: NDArray[np.int64]) -> Flags:
    """Which entries are the first of their row."""
    found = np.zeros(len(rows), np.bool_)
    found[np.unique(rows, return_index=True)[1]] = True
    return found
