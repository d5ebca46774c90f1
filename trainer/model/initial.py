"""Initial vectors of a fit.

A cold fit starts at one vector per id, generated from a hash of the id: it depends neither on the
row nor on other ids. (Drawn by row, 54 % of lists changed when the same ids came in another order.)
A warm fit starts at an earlier model's vectors.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.als.engine import Factors
from trainer.als.exact import solve
from trainer.als.regularization import own_ridges
from trainer.plays.hashing import ODD, keys, mixed
from trainer.recipe import Recipe

SPREAD = np.float32(0.01)
"""Vectors are uniform in [0, SPREAD), as implicit draws them."""

_BLOCK = 2048
"""Ids per block of hashing, so that a block stays in cache."""


def initial(ids: Iterable[str], *, seed: int, side: str, factors: int) -> NDArray[np.float32]:
    """Uniform vectors, ids x factors, float32: element j is a hash of the id's key and j.

    Args:
        ids: opaque ids.
        seed: changes all vectors.
        side: `artist` or `venue`: the same id differs by side.
        factors: columns.
    """
    key = keys(ids, seed=seed, side=side)
    vectors = np.empty((len(key), factors), np.float32)
    steps = np.arange(1, factors + 1, dtype=np.uint64) * ODD
    for start in range(0, len(key), _BLOCK):
        block = slice(start, start + _BLOCK)
        vectors[block] = _unit(mixed(key[block, None] + steps)) * SPREAD
    return vectors


def drawn(artist_ids: Sequence[str], venue_ids: Sequence[str], recipe: Recipe) -> Factors:
    """Initial vectors of a cold fit.

    Args:
        artist_ids: in the order of the rows.
        venue_ids: in the order of the columns.
        recipe: seed and number of factors.
    """
    artists = initial(artist_ids, seed=recipe.seed, side="artist", factors=recipe.factors)
    return Factors(artists, drawn_venues(venue_ids, recipe))


def drawn_venues(ids: Sequence[str], recipe: Recipe) -> NDArray[np.float32]:
    """Initial venue vectors of a cold fit."""
    return initial(ids, seed=recipe.seed, side="venue", factors=recipe.factors)


def carried(
    earlier: Factors, fresh: NDArray[np.float32], confident: csr_matrix, recipe: Recipe
) -> Factors:
    """Initial vectors of a warm fit: an earlier model's, and new venues solved against its artists.

    Args:
        earlier: of the same rows; zero where a row was not in it.
        fresh: cold venue vectors, for new venues that no earlier artist played.
        confident: artists x venues, already times alpha.
        recipe: regularization and its exponent.
    """
    # New artists stay zero: the first half-step solves artists against the venues.
    venues = earlier.venues.copy()
    new = np.flatnonzero(~venues.any(axis=1))
    own = confident[:, new].T.tocsr()
    grown = solve(own, earlier.artists, recipe.regularization, own_ridges(own, recipe))
    venues[new] = np.where(grown.any(axis=1, keepdims=True), grown, fresh[new])
    return Factors(earlier.artists, venues)


def _unit(bits: NDArray[np.uint64]) -> NDArray[np.float32]:
    """The upper 24 bits as a fraction: exact in float32, in [0, 1)."""
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
