"""One hash per artist and venue that changes with its plays.

Comparing two sets of fingerprints yields the rows whose lists are stale, after a restart, a
compaction or a rebuild, without reading any history twice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.plays.hashing import ODD, keys, mixed
from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays


@dataclass(frozen=True)
class Fingerprints:
    """uint64 by row; 0 for a row without plays."""

    artists: NDArray[np.uint64]
    venues: NDArray[np.uint64]


def fingerprints(plays: Plays, artists: Ids, venues: Ids) -> Fingerprints:
    """The sum modulo 2**64 of a hash of each play, independent of their order.

    Args:
        plays: of all rows.
        artists: ids by row.
        venues: ids by row.
    """
    artist_keys = keys(artists.ids, seed=0, side="artist")[plays.artist]
    venue_keys = keys(venues.ids, seed=0, side="venue")[plays.venue]
    hashes = mixed(artist_keys ^ mixed(venue_keys + plays.at_ms.astype(np.uint64) * ODD))
    return Fingerprints(
        _sums(plays.artist, hashes, plays.n_artists), _sums(plays.venue, hashes, plays.n_venues)
    )


def differing(
    ids: Ids, ours: NDArray[np.uint64], their_ids: list[str], theirs: NDArray[np.uint64]
) -> NDArray[np.int32]:
    """Our rows whose fingerprint differs from theirs under the same id.

    Args:
        ids: ours, by row.
        ours: fingerprints by row.
        their_ids: by their row.
        theirs: fingerprints by their row.
    """
    rows = {name: row for row, name in enumerate(their_ids)}
    # By id: row numbers differ between two readings of a store.
    at = np.array([rows.get(name, -1) for name in ids.ids], np.int64)
    known = np.zeros(len(ours), np.uint64)
    known[at >= 0] = theirs[at[at >= 0]]
    return np.flatnonzero(ours != known).astype(np.int32)


def _sums(rows: NDArray[np.int32], hashes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    sums = np.zeros(n, np.uint64)
    # Not np.bincount: it sums in floats, and these must be exact modulo 2**64.
    np.add.at(sums, rows, hashes)
    return sums
