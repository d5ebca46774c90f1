"""Where a fit starts.

A cold one starts at a vector per id, drawn from the id itself: an id gets the same vector whatever
its row, and whoever else is there. (Drawn by row, 54 % of lists changed when the same ids came in
another order.) A warm one starts at an earlier model's vectors.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.engines import Factors
from trainer.exact import solve
from trainer.hashing import ODD, keys, mixed
from trainer.ridge import own_ridges
from trainer.settings import Recipe

SPREAD = np.float32(0.01)
"""Vectors are uniform in [0, SPREAD), as implicit draws them."""

_BLOCK = 2048
"""Ids whose numbers are mixed at a time: what stays in cache."""


def initial(ids: Iterable[str], *, seed: int, side: str, factors: int) -> NDArray[np.float32]:
    """Uniform vectors, ids x factors, float32: number j of an id is a hash of its key and j."""
    key = keys(ids, seed=seed, side=side)
    vectors = np.empty((len(key), factors), np.float32)
    steps = np.arange(1, factors + 1, dtype=np.uint64) * ODD
    for start in range(0, len(key), _BLOCK):
        block = slice(start, start + _BLOCK)
        vectors[block] = _unit(mixed(key[block, None] + steps)) * SPREAD
    return vectors


def drawn(artist_ids: Sequence[str], venue_ids: Sequence[str], recipe: Recipe) -> Factors:
    """Where a cold fit starts."""
    artists = initial(artist_ids, seed=recipe.seed, side="artist", factors=recipe.factors)
    return Factors(artists, drawn_venues(venue_ids, recipe))


def drawn_venues(ids: Sequence[str], recipe: Recipe) -> NDArray[np.float32]:
    """The venues of a cold start."""
    return initial(ids, seed=recipe.seed, side="venue", factors=recipe.factors)


def carried(
    earlier: Factors, fresh: NDArray[np.float32], confident: csr_matrix, recipe: Recipe
) -> Factors:
    """Where a warm fit starts: an earlier model's vectors, grown by what it had not seen.

    Args:
        earlier: of the same rows; zero where a row was not in it.
        fresh: the venues' of a cold start, for new ones that none of the earlier artists played.
        confident: artists x venues, already times alpha.
        recipe: regularization and its exponent.
    """
    # New artists wait at zero: the first half-step of any fit solves them.
    venues = earlier.venues.copy()
    new = np.flatnonzero(~venues.any(axis=1))
    own = confident[:, new].T.tocsr()
    grown = solve(own, earlier.artists, recipe.regularization, own_ridges(own, recipe))
    venues[new] = np.where(grown.any(axis=1, keepdims=True), grown, fresh[new])
    return Factors(earlier.artists, venues)


def _unit(bits: NDArray[np.uint64]) -> NDArray[np.float32]:
    """The upper 24 bits as a fraction: exact in float32, in [0, 1)."""
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
