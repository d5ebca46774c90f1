"""Settling in compiled code (native/settle.cpp); what it does is said in `trainer.settling`."""

import numpy as np
from numpy.typing import NDArray

class Numbered:
    """Exact: hashes only find the place to look at, and texts are compared.

    Args:
        bits: of a hash that are used; fewer than 32 make texts collide, for tests.
    """

    def __init__(self, bits: int = 32) -> None: ...

class Names:
    """The newest name of each row."""

class Gigs:
    """Every gig: 64 bytes and its event id, and 4 bytes in each of three lists.

    Args:
        artists: numbers artists.
        venues: numbers venues.
        artist_names: hears their names.
        venue_names: likewise.
        bits: see `Numbered`.
    """

    def __init__(
        self,
        artists: Numbered,
        venues: Numbered,
        artist_names: Names,
        venue_names: Names,
        bits: int = 32,
    ) -> None: ...

def cells(
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    at_ms: NDArray[np.int64],
    n_rows: int,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Plays by row, column and time: the arrays of `trainer.matrix.Pairs`.

    Raises:
        ValueError: lengths differ, a row is out of range, or there are 2**31 plays or more.
    """
