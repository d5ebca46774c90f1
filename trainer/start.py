"""Where a cold fit starts: a vector per id, drawn from the id itself.

An id gets the same vector whatever its row, and whoever else is there. (Drawn by row, 54 % of
lists changed when the same ids came in another order.)
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trainer.hashing import ODD, keys, mixed

SPREAD = np.float32(0.01)
"""Vectors are uniform in [0, SPREAD), as implicit draws them."""


def initial(ids: Iterable[str], *, seed: int, side: str, factors: int) -> NDArray[np.float32]:
    """Uniform vectors, ids x factors, float32: number j of an id is a hash of its key and j."""
    key = keys(ids, seed=seed, side=side)
    vectors = np.empty((len(key), factors), np.float32)
    for column in range(factors):
        step = np.uint64((column + 1) * int(ODD) % 2**64)
        vectors[:, column] = _unit(mixed(key + step)) * SPREAD
    return vectors


def _unit(bits: NDArray[np.uint64]) -> NDArray[np.float32]:
    """The upper 24 bits as a fraction: exact in float32, in [0, 1)."""
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
