"""Nights: which artists shared a bill.

A *night* is one venue on one date (UTC; a date without a time is kept as its midnight). *Mates*
are the artists of one night, whichever source or event named them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.plays.matrix import DAY_MS, Plays, decay, ranges

MATES_HALF_LIFE_DAYS = 365.0
LARGEST_BILL = 200
"""Artists of a night up to which they are mates. Those of a large festival say little of each
other, and a night has as many pairs as its artists squared: no sender may choose that number."""

_DAYS = 1 << 24
"""Dates that a code has room for, half of them before 1970."""

Codes = NDArray[np.int64]


class Nights(NamedTuple):
    """The artists of some nights."""

    codes: Codes
    """One per night, ascending."""
    begin: NDArray[np.int64]
    """By night: its first entry in `artist`; one more at the end."""
    artist: NDArray[np.int64]
    """By night, the distinct artists."""


def codes_of(venue: NDArray[np.integer], at_ms: NDArray[np.int64]) -> Codes:
    """The night of each play."""
    return venue.astype(np.int64) * _DAYS + at_ms // DAY_MS + _DAYS // 2


def nights_of(plays: Plays) -> Nights:
    """All nights of these plays."""
    order = np.lexsort((plays.artist, code := codes_of(plays.venue, plays.at_ms)))
    code, artist = code[order], plays.artist[order].astype(np.int64)
    # An early and a late show of one artist are one night.
    distinct = np.ones(len(code), np.bool_)
    distinct[1:] = (np.diff(code) != 0) | (np.diff(artist) != 0)
    code, artist = code[distinct], artist[distinct]
    codes, begin = np.unique(code, return_index=True)
    return Nights(codes, np.append(begin, len(code)), artist)


def shared(own: Plays, rows: NDArray[np.integer], nights: Nights, as_of_ms: int) -> csr_matrix:
    """How much each of these artists shared nights with each other artist.

    U[a, b] = sum over the nights of both of 0.5 ** (age / 365 d) / (artists of the night - 1)

    Nights of more than `LARGEST_BILL` artists are left out.

    Args:
        own: plays of r artists, who are its rows.
        rows: their numbers among all artists.
        nights: all that these artists played, with everyone who did; artists by those numbers.
        as_of_ms: the date from which nights age.

    Returns:
        r x (the highest number of an artist + 1), float64, columns sorted.
    """
    asked = np.unique(
        np.stack([own.artist.astype(np.int64), codes_of(own.venue, own.at_ms)]), axis=1
    )
    night = np.searchsorted(nights.codes, asked[1])
    first, last = nights.begin[night], nights.begin[night + 1]
    is_bill = last - first <= LARGEST_BILL
    asked, first, last = asked[:, is_bill], first[is_bill], last[is_bill]
    sizes = last - first
    # The inverse of `codes_of`: the date of each night.
    days_ms = (asked[1] % _DAYS - _DAYS // 2) * DAY_MS
    worth = decay(days_ms, as_of_ms, MATES_HALF_LIFE_DAYS) / np.maximum(sizes - 1, 1)
    row, artist = np.repeat(asked[0], sizes), nights.artist[ranges(first, last)]
    others = artist != rows[row]  # an artist is no mate of its own
    width = int(nights.artist.max(initial=-1)) + 1
    cells = np.repeat(worth, sizes)[others], (row[others], artist[others])
    return csr_matrix(cells, shape=(len(rows), width))


def mates_of(plays: Plays, artists: NDArray[np.integer], codes: Codes) -> NDArray[np.int32]:
    """Everyone who shares a night with one of these artists, or plays on one of these nights.

    Args:
        plays: all of them.
        artists: distinct rows; they are among the answer.
        codes: of further nights, such as those that an artist was on before a change.
    """
    own = plays.for_artists(artists)
    asked = np.union1d(codes_of(own.venue, own.at_ms), codes)
    venues = np.unique(asked // _DAYS)
    there = plays.transposed().for_artists(venues)
    # All nights of these venues were read; keep those that were asked for.
    kept = np.isin(codes_of(venues[there.artist], there.at_ms), asked)
    rows = venues[there.artist[kept]].astype(np.int32)
    nights = nights_of(Plays(there.venue[kept], rows, there.at_ms[kept], *plays.shape))
    # A changed night may have been a bill before, however large it is now.
    sizes = np.diff(nights.begin)
    reached = np.repeat((sizes <= LARGEST_BILL) | np.isin(nights.codes, codes), sizes)
    return np.union1d(nights.artist[reached], artists).astype(np.int32)
