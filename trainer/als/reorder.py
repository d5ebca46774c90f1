"""A matrix and its transpose with rows and columns renumbered for cache locality.

Rows of equal length are neighbours, so that they are solved side by side. Where the vectors of a
side do not fit into the second-level cache, rows are sorted by group first and by length within a
group. Rows of a group share many columns, whose vectors stay cached. Gigs form such groups, since
most artists play in one region. Cuthill and McKee (1969) renumber sparse matrices for the same
reason. Here a random number per column is smoothed over the matrix a few times, at the cost of
reading the matrix as often, and rows are grouped by the result.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.als import _als
from trainer.als.half_step import SLACK, Cells, Floats, Ints

ROUNDS = 3
"""Smoothing rounds: enough to bring the numbers of a group together, too few to merge groups."""
EQUAL = 1e-30
"""Replaces the range of the numbers where they are all equal."""


@dataclass(frozen=True)
class Relabelled:
    """The renumbered matrix; an order holds the old row number of each new row."""

    artists: Cells
    venues: Cells
    artist_order: Ints
    venue_order: Ints


def relabelled(matrix: csr_matrix, threads: int, groups: int = 1) -> Relabelled:
    """The matrix and its transpose in new row and column numbers.

    Args:
        matrix: artists x venues.
        threads: at least 1.
        groups: number of groups of rows; 1 for an order by length alone.
    """
    n_artists, n_venues = matrix.shape
    indptr = np.ascontiguousarray(matrix.indptr, np.int32)
    # The kernel reads 32-bit indices; scipy may hold 64-bit ones.
    column = np.ascontiguousarray(matrix.indices, np.int32)
    per_venue = np.bincount(column, minlength=n_venues).astype(np.int32)
    # By length first, stably by group then: within a group rows stay sorted by length.
    artist_order, venue_order = _by_length(np.diff(indptr)), _by_length(per_venue)
    if groups > 1:
        alike = _smoothed(indptr, column, per_venue, threads)
        artist_order, venue_order = (
            _grouped(order, numbers, groups)
            for order, numbers in zip((artist_order, venue_order), alike, strict=True)
        )
    rank = np.empty_like(venue_order)
    # The inverse of the order: columns get their new numbers by it.
    rank[venue_order] = np.arange(n_venues, dtype=np.int32)
    artists, venues = _empty(n_artists, len(column)), _empty(n_venues, len(column))
    venues.indptr[1:] = np.cumsum(per_venue[venue_order])
    given = np.ascontiguousarray(matrix.data, np.float32)
    _als.relabel(indptr, column, given, artist_order, rank, *artists, *venues, threads)
    return Relabelled(artists, venues, artist_order, venue_order)


def padded(vectors: Floats, order: Ints) -> Floats:
    """The vectors in new row order, padded with zero columns to the kernel's width."""
    taken = vectors.take(order, axis=0)
    missing = _als.width(vectors.shape[1]) - vectors.shape[1]
    return np.pad(taken, ((0, 0), (0, missing))) if missing else taken


def _by_length(length: Ints) -> Ints:
    order = np.empty(len(length), np.int32)
    _als.by_length(np.ascontiguousarray(length, np.int32), order)
    return order


def _smoothed(indptr: Ints, column: Ints, per_venue: Ints, threads: int) -> tuple[Floats, Floats]:
    for_artists = np.empty(len(indptr) - 1, np.float32)
    of_venues = np.random.default_rng(0).random(len(per_venue), np.float32)
    _als.smooth(indptr, column, per_venue, ROUNDS, for_artists, of_venues, threads)
    return for_artists, of_venues


def _grouped(order: Ints, numbers: Floats, groups: int) -> Ints:
    """The order, stably sorted into groups of equal size by their numbers."""
    # By rank, not by value: groups get equal sizes however the numbers are spread.
    group = np.empty(len(order), np.uint16)  # integers of 16 bits are sorted by radix
    group[np.argsort(_levels(numbers), kind="stable")] = (
        np.arange(len(order)) * groups // len(order)
    )
    return order[np.argsort(group[order], kind="stable")]


def _levels(numbers: Floats) -> NDArray[np.uint16]:
    low, high = numbers.min(initial=1), numbers.max(initial=0)
    scale = np.float32((2**16 - 1) / max(high - low, EQUAL))
    return np.asarray((numbers - low) * scale, np.uint16)


def _empty(rows: int, cells: int) -> Cells:
    confidence = np.empty(cells + SLACK, np.float32)
    confidence[cells:] = 0
    return Cells(np.zeros(rows + 1, np.int32), np.empty(cells, np.int32), confidence)
