"""Where a cold fit starts: a vector per id, drawn from the id itself.

An id gets the same vector whatever its row, and whoever else is there. (Drawn by row, 54 % of
lists changed when the same ids came in another order.)
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

SPREAD = np.float32(0.01)
"""Vectors are uniform in [0, SPREAD), as implicit draws them."""

_ODD = np.uint64(0x9E3779B97F4A7C15)


def keys(ids: Iterable[str], *, seed: int, side: str) -> NDArray[np.uint64]:
    """64 hash bits per id: of the seed, the side (`artist` or `venue`) and the id."""
    base = blake2b(digest_size=8, salt=seed.to_bytes(16, "little"), person=side.encode())
    digests = bytearray()
    for name in ids:
        digest = base.copy()
        digest.update(name.encode())
        digests += digest.digest()
    return np.frombuffer(bytes(digests), "<u8").astype(np.uint64)


def initial(ids: Iterable[str], *, seed: int, side: str, factors: int) -> NDArray[np.float32]:
    """Uniform vectors, ids x factors, float32: number j of an id is a hash of its key and j."""
    key = keys(ids, seed=seed, side=side)
    vectors = np.empty((len(key), factors), np.float32)
    for column in range(factors):
        step = np.uint64((column + 1) * int(_ODD) % 2**64)
        vectors[:, column] = _unit(_mix(key + step)) * SPREAD
    return vectors


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of splitmix64 (Steele, Lea, Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _unit(bits: NDArray[np.uint64]) -> NDArray[np.float32]:
    """The upper 24 bits as a fraction: exact in float32, in [0, 1)."""
    return (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
