"""Hashes of ids: the same 64 bits for an id whatever its row, the process or the machine."""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

ODD = np.uint64(0x9E3779B97F4A7C15)
"""Multiples of it are far apart (2**64 divided by the golden ratio)."""


def keys(ids: Iterable[str], *, seed: int, side: str) -> NDArray[np.uint64]:
    """64 hash bits per id.

    Args:
        ids: in any order.
        seed: another one gives other bits.
        side: `artist` or `venue`: equal ids of both sides get other bits.
    """
    base = blake2b(digest_size=8, salt=seed.to_bytes(16, "little"), person=side.encode())
    digests = bytearray()
    for name in ids:
        digest = base.copy()
        digest.update(name.encode())
        digests += digest.digest()
    # The byte order by name, so that all machines get the same bits.
    return np.frombuffer(bytes(digests), "<u8").astype(np.uint64)


def mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of splitmix64 (Steele, Lea, Flood 2014): every bit depends on every bit."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
