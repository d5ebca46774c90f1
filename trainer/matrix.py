"""Plays as sparse matrices, artists x venues.

A *play* is one settled gig of an artist at a venue. A *pair* is an artist and a venue with at
least one play: one stored cell of the matrix. *Decayed* plays count 0.5 ** (age / half-life) each,
where age = max(0, as_of - play).

Sums run over plays sorted by artist, venue and time, so that equal sets of plays give equal bits
in whatever order they came.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer import settling
from trainer.errors import TooLarge
from trainer.ids import Ids
from trainer.settings import Recipe

DAY_MS = 86_400_000
LIMIT = 2**31 - 1
"""implicit's kernels number rows, columns and pairs with 32-bit integers."""

_THREADS = min(4, os.cpu_count() or 1)  # each goes over all plays once


class Pairs(NamedTuple):
    """The plays, sorted by artist, venue, time, and where each pair begins among them."""

    indptr: NDArray[np.int32]
    """By artist, n_artists + 1: where its pairs begin."""
    venue: NDArray[np.int32]
    """By pair."""
    begin: NDArray[np.int64]
    """By pair: its first play in `at_ms`."""
    at_ms: NDArray[np.int64]
    """By play, sorted."""


@dataclass(frozen=True)
class Plays:
    """One entry per counted play, in any order. Arrays are borrowed: never change them.

    Raises:
        ValueError: lengths differ, or a row number is outside its range.
        TooLarge: more rows than 32-bit indices number.
    """

    artist: NDArray[np.int32]
    venue: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    """When the gig was or will be: milliseconds since 1970, UTC."""
    n_artists: int
    n_venues: int

    def __post_init__(self) -> None:
        _check_lengths(self)
        _check_rows("artist", self.artist, self.n_artists)
        _check_rows("venue", self.venue, self.n_venues)

    def __len__(self) -> int:
        return len(self.at_ms)

    @property
    def shape(self) -> tuple[int, int]:
        """Artists, venues."""
        return self.n_artists, self.n_venues

    @cached_property
    def pairs(self) -> Pairs:
        """Sorted once, used by every sum."""
        return _sorted_pairs(self)

    @cached_property
    def per_artist(self) -> NDArray[np.int64]:
        """Number of plays by artist row."""
        return np.bincount(self.artist, minlength=self.n_artists)

    @cached_property
    def per_venue(self) -> NDArray[np.int64]:
        """Number of plays by venue row."""
        return np.bincount(self.venue, minlength=self.n_venues)

    @cached_property
    def counts(self) -> csr_matrix:
        """Number of plays, artists x venues, int32, columns sorted."""
        return _csr(self, np.diff(self.pairs.begin, append=len(self)).astype(np.int32))

    def counts_of(self, rows: NDArray[np.integer]) -> csr_matrix:
        """The same of these artists, rows x venues."""
        return self.counts[rows]

    def have_plays(self, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of these artists have any."""
        has: NDArray[np.bool_] = self.per_artist[rows] > 0
        return has

    def playing(self, artists: Ids) -> NDArray[np.int32]:
        """The artists who have plays, in the order of their ids."""
        order = artists.order()
        return order[self.per_artist[order] > 0].astype(np.int32)

    def mirrored(self) -> "Plays":
        """The same plays, venues x artists."""
        return Plays(self.venue, self.artist, self.at_ms, self.n_venues, self.n_artists)

    def of_artists(self, rows: NDArray[np.integer]) -> "Plays":
        """All plays of these artists (distinct rows), who become rows 0, 1, ... in that order."""
        artist = places(rows, self.n_artists)[self.artist]
        kept = artist >= 0
        return Plays(artist[kept], self.venue[kept], self.at_ms[kept], len(rows), self.n_venues)

    def renumbered(self, artists: NDArray[np.integer], venues: NDArray[np.integer]) -> "Plays":
        """The same plays, these rows being 0, 1, ... in that order; all with plays are named."""
        return Plays(
            places(artists, self.n_artists)[self.artist],
            places(venues, self.n_venues)[self.venue],
            self.at_ms,
            len(artists),
            len(venues),
        )


def decay(at_ms: NDArray[np.int64], as_of_ms: int, half_life_days: float) -> NDArray[np.float64]:
    """What a play of that time weighs at `as_of_ms`: 1 today or later, half a half-life ago."""
    # In place: of 30 million plays each array that is spared is 250 MB.
    weights = np.subtract(at_ms, as_of_ms, dtype=np.float64)
    np.minimum(weights, 0, out=weights)
    weights /= DAY_MS
    weights /= half_life_days
    return np.exp2(weights, out=weights)


def counts(plays: Plays) -> csr_matrix:
    """Number of plays, artists x venues, int32, columns sorted. Borrowed, not copied."""
    return plays.counts


def sum_of(counts: csr_matrix, changes: csr_matrix) -> csr_matrix:
    """The counts after changes, which may have more rows and columns; no zeros are kept."""
    missing = changes.shape[0] - counts.shape[0]
    indptr = np.append(counts.indptr, np.repeat(counts.indptr[-1:], missing))
    grown = csr_matrix((counts.data, counts.indices, indptr), shape=changes.shape)
    grown.has_canonical_format = True
    total = grown + changes
    total.has_canonical_format = True
    return total


def decayed(plays: Plays, as_of_ms: int, half_life_days: float) -> csr_matrix:
    """Decayed number of plays, artists x venues, float64, columns sorted."""
    pairs = plays.pairs
    weights = decay(pairs.at_ms, as_of_ms, half_life_days)
    sums = np.add.reduceat(weights, pairs.begin) if len(plays) else weights
    return _csr(plays, sums)


def confidence(plays: Plays, as_of_ms: int, recipe: Recipe) -> csr_matrix:
    """What ALS is fitted to: alpha * log(1 + decayed plays), artists x venues, float32."""
    matrix = decayed(plays, as_of_ms, recipe.als_half_life_days)
    values = (recipe.alpha * np.log1p(matrix.data)).astype(np.float32)
    return _csr(plays, values)


class Popularities(NamedTuple):
    """Sums over the other side of min(1, decayed plays), so that no resident fills a house."""

    artists: NDArray[np.float64]
    venues: NDArray[np.float64]


def popularities(plays: Plays, as_of_ms: int, half_life_days: float) -> Popularities:
    """Of both sides, from plays that are sorted once."""
    capped = _capped(plays, as_of_ms, half_life_days)
    return Popularities(_row_sums(capped), _row_sums(capped.T.tocsr()))


def activity(plays: Plays, as_of_ms: int, half_life_days: float) -> NDArray[np.float64]:
    """`popularities` of the artists."""
    return _row_sums(_capped(plays, as_of_ms, half_life_days))


def csr(
    values: NDArray[np.generic],
    column: NDArray[np.int32],
    indptr: NDArray[np.int32],
    shape: tuple[int, int],
) -> csr_matrix:
    """A matrix of sorted columns, each once in a row. Arrays are borrowed."""
    matrix = csr_matrix((values, column, indptr), shape=shape)
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix


def _capped(plays: Plays, as_of_ms: int, half_life_days: float) -> csr_matrix:
    return decayed(plays, as_of_ms, half_life_days).minimum(1.0)


def _row_sums(matrix: csr_matrix) -> NDArray[np.float64]:
    return np.asarray(matrix.sum(axis=1)).ravel()


def _csr(plays: Plays, values: NDArray[np.generic]) -> csr_matrix:
    return csr(values, plays.pairs.venue, plays.pairs.indptr, plays.shape)


def _sorted_pairs(plays: Plays) -> Pairs:
    if len(plays) > LIMIT:
        raise TooLarge(f"plays: {len(plays)} exceed {LIMIT}; split the store by region or period")
    if settling.built():
        return Pairs(*settling.compiled().cells(*_columns(plays), plays.n_artists, _THREADS))
    return _sorted_by_numpy(plays)


def _columns(plays: Plays) -> tuple[NDArray[np.generic], ...]:
    columns = plays.artist, plays.venue, plays.at_ms
    return tuple(map(np.ascontiguousarray, columns))


def _sorted_by_numpy(plays: Plays) -> Pairs:
    cell = plays.artist.astype(np.int64) * plays.n_venues + plays.venue
    order = np.lexsort((plays.at_ms, cell))
    cell = cell[order]
    begin = np.flatnonzero(np.diff(cell, prepend=-1))
    artist, venue = np.divmod(cell[begin], max(plays.n_venues, 1))
    indptr = np.searchsorted(artist, np.arange(plays.n_artists + 1)).astype(np.int32)
    return Pairs(indptr, venue.astype(np.int32), begin, plays.at_ms[order])


def places(rows: NDArray[np.integer], size: int) -> NDArray[np.int32]:
    """By row, where it stands among `rows`; -1 where it does not."""
    places = np.full(size, -1, np.int32)
    places[rows] = np.arange(len(rows), dtype=np.int32)
    return places


def _check_lengths(plays: Plays) -> None:
    lengths = len(plays.artist), len(plays.venue), len(plays.at_ms)
    if len(set(lengths)) != 1:
        raise ValueError(f"artist, venue, at_ms: lengths {lengths} differ; give one of each a play")


def _check_rows(name: str, rows: NDArray[np.int32], size: int) -> None:
    if size > LIMIT:
        raise TooLarge(f"n_{name}s: {size} exceeds {LIMIT}; split the store by region or period")
    if len(rows) and not 0 <= rows.min() <= rows.max() < size:
        raise ValueError(
            f"{name}: rows from {rows.min()} to {rows.max()} do not fit into n_{name}s = {size}"
        )
