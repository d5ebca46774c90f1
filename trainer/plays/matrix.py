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

from trainer.errors import TooLarge
from trainer.plays import gigs
from trainer.plays.ids import Ids
from trainer.recipe import Recipe

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
        """Sorted once and used by every sum."""
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

    def active_rows(self, artists: Ids) -> NDArray[np.int32]:
        """The artists who have plays, in the order of their ids."""
        order = artists.order()
        return order[self.per_artist[order] > 0].astype(np.int32)

    def transposed(self) -> "Plays":
        """The same plays, venues x artists."""
        return Plays(self.venue, self.artist, self.at_ms, self.n_venues, self.n_artists)

    def for_artists(self, rows: NDArray[np.integer]) -> "Plays":
        """All plays of these artists (distinct rows), who become rows 0, 1, ... in that order."""
        first, last = (self.pairs.indptr[rows + step].astype(np.int64) for step in (0, 1))
        pairs = ranges(first, last)
        plays = self._bounds[pairs + 1] - self._bounds[pairs]
        artist = np.repeat(np.arange(len(rows), dtype=np.int32), last - first)
        return Plays(
            np.repeat(artist, plays),
            np.repeat(self.pairs.venue[pairs], plays),
            self.pairs.at_ms[ranges(self._bounds[first], self._bounds[last])],
            len(rows),
            self.n_venues,
        )

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        """Where each pair begins among the sorted plays, and where the last one ends."""
        return np.append(self.pairs.begin, len(self)).astype(np.int64)

    def renumbered(self, artists: NDArray[np.integer], venues: NDArray[np.integer]) -> "Plays":
        """The same plays, these rows being 0, 1, ... in that order; all with plays are named."""
        return Plays(
            inverse_index(artists, self.n_artists)[self.artist],
            inverse_index(venues, self.n_venues)[self.venue],
            self.at_ms,
            len(artists),
            len(venues),
        )


def decay(at_ms: NDArray[np.int64], as_of_ms: int, half_life_days: float) -> NDArray[np.float64]:
    """0.5 ** (age / half-life), age = max(0, as_of - at) in days.

    Args:
        at_ms: times of plays.
        as_of_ms: the date from which plays age.
        half_life_days: above 0.
    """
    # In place: for 30 million plays each temporary array would take 250 MB.
    weights = np.subtract(at_ms, as_of_ms, dtype=np.float64)
    np.minimum(weights, 0, out=weights)
    weights /= DAY_MS
    weights /= half_life_days
    return np.exp2(weights, out=weights)


def counts(plays: Plays) -> csr_matrix:
    """Number of plays, artists x venues, int32, columns sorted. Borrowed, not copied."""
    return plays.counts


def sum_of(counts: csr_matrix, changes: csr_matrix) -> csr_matrix:
    """Counts + changes, where changes may have more rows and columns; zeros are dropped."""
    missing = changes.shape[0] - counts.shape[0]
    # Rows that came since have no cells yet.
    indptr = np.append(counts.indptr, np.repeat(counts.indptr[-1:], missing))
    grown = csr_matrix((counts.data, counts.indices, indptr), shape=changes.shape)
    grown.has_canonical_format = True
    total = grown + changes
    # Else scipy would find it out by a pass over all cells.
    total.has_canonical_format = True
    return total


def decayed(plays: Plays, as_of_ms: int, half_life_days: float) -> csr_matrix:
    """Decayed number of plays, artists x venues, float64, columns sorted.

    Args:
        plays: to count.
        as_of_ms: the date from which they age.
        half_life_days: above 0.
    """
    pairs = plays.pairs
    weights = decay(pairs.at_ms, as_of_ms, half_life_days)
    sums = np.add.reduceat(weights, pairs.begin) if len(plays) else weights
    return _csr(plays, sums)


def confidence(plays: Plays, as_of_ms: int, recipe: Recipe) -> csr_matrix:
    """Confidence c = alpha * log(1 + decayed plays), artists x venues, float32.

    Args:
        plays: to weigh.
        as_of_ms: the date from which they age.
        recipe: alpha and the half-life of the factors.
    """
    matrix = decayed(plays, as_of_ms, recipe.als_half_life_days)
    values = (recipe.alpha * np.log1p(matrix.data)).astype(np.float32)
    return _csr(plays, values)


class Popularities(NamedTuple):
    """Sums over the other side of k / (k + 1) * min(1, decayed plays).

    A resident artist counts as one. k is the number of *other* venues where the artist ever
    played: artists that were made up for one venue do not make it popular.
    """

    artists: NDArray[np.float64]
    venues: NDArray[np.float64]
    partners: tuple[NDArray[np.integer], NDArray[np.integer]]
    """By venue, the number of distinct artists that ever played there; by artist, of venues."""


def popularities(plays: Plays, as_of_ms: int, half_life_days: float) -> Popularities:
    """Popularities of both sides.

    Args:
        plays: all of them.
        as_of_ms: the date from which plays age.
        half_life_days: above 0.
    """
    capped = decayed(plays, as_of_ms, half_life_days).minimum(1.0)
    transposed = capped.T.tocsr()
    per_artist, per_venue = np.diff(capped.indptr), np.diff(transposed.indptr)
    return Popularities(
        _credited(capped, per_venue), _credited(transposed, per_artist), (per_venue, per_artist)
    )


def activity(
    plays: Plays, as_of_ms: int, half_life_days: float, partners: NDArray[np.integer]
) -> NDArray[np.float64]:
    """`popularities` of some artists.

    Args:
        plays: all of these artists.
        as_of_ms: the date from which plays age.
        half_life_days: above 0.
        partners: by venue, the number of distinct artists that ever played there.
    """
    return _credited(decayed(plays, as_of_ms, half_life_days).minimum(1.0), partners)


def met(plays: Plays, rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """By artist, the number of distinct venues; 0 for artists that are not among `rows`."""
    found = np.zeros(plays.n_artists, np.int64)
    found[rows] = np.diff(plays.counts_of(rows).indptr)
    return found


def csr(
    values: NDArray[np.generic],
    column: NDArray[np.int32],
    indptr: NDArray[np.int32],
    shape: tuple[int, int],
) -> csr_matrix:
    """A matrix of sorted columns, each once in a row. Arrays are borrowed.

    Args:
        values: by cell.
        column: by cell.
        indptr: by row, where its cells begin.
        shape: rows, columns.
    """
    matrix = csr_matrix((values, column, indptr), shape=shape)
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix


def _credited(capped: csr_matrix, partners: NDArray[np.integer]) -> NDArray[np.float64]:
    """Row sums, each cell times k / (k + 1) where its column has k + 1 partners."""
    others = np.maximum(partners - 1, 0)
    sums: NDArray[np.float64] = capped @ (others / (others + 1))
    return sums


def ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """first[0], ... last[0] - 1, first[1], ... last[1] - 1, ..."""
    sizes = last - first
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    found: NDArray[np.int64] = np.arange(total) + np.repeat(first - (ends - sizes), sizes)
    return found


def moved(matrix: csr_matrix, columns: NDArray[np.integer], width: int) -> csr_matrix:
    """The same cells in other columns.

    Args:
        matrix: r x n.
        columns: by old column, the new one; -1 drops its cells. No two are equal but for that.
        width: number of new columns.

    Returns:
        r x width, columns sorted.
    """
    there = columns[matrix.indices]
    kept = there >= 0
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))[kept]
    indptr = np.zeros(matrix.shape[0] + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=matrix.shape[0]), out=indptr[1:])
    found = csr_matrix((matrix.data[kept], there[kept], indptr), shape=(matrix.shape[0], width))
    found.sort_indices()
    return found


def _csr(plays: Plays, values: NDArray[np.generic]) -> csr_matrix:
    return csr(values, plays.pairs.venue, plays.pairs.indptr, plays.shape)


def _sorted_pairs(plays: Plays) -> Pairs:
    if len(plays) > LIMIT:
        raise TooLarge(f"plays: {len(plays)} exceed {LIMIT}; split the store by region or period")
    return Pairs(*gigs.implementation().cells(*_columns(plays), plays.n_artists, _THREADS))


def _columns(plays: Plays) -> tuple[NDArray[np.generic], ...]:
    columns = plays.artist, plays.venue, plays.at_ms
    return tuple(map(np.ascontiguousarray, columns))


def inverse_index(rows: NDArray[np.integer], size: int) -> NDArray[np.int32]:
    """By row number, its index in `rows`; -1 where it is not in it."""
    index = np.full(size, -1, np.int32)
    index[rows] = np.arange(len(rows), dtype=np.int32)
    return index


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
