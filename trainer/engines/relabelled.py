"""A matrix and its transpose with both sides renumbered for the caches' sake.

Rows of equal length are neighbours, so that they are solved side by side. Where a side's vectors
do not fit into the second cache, rows come in groups first, and by length within each: rows of a
group have many columns in common, whose vectors stay cached from one to the next. Gigs fall into
such groups by themselves, since most artists play in one region. (Relabelling sparse matrices for
locality is an old device: Cuthill and McKee 1969. Here numbers drawn for all columns are smoothed
over the matrix a few times, which costs as much as reading it as often.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.engines import _als
from trainer.engines.whitened import SLACK, Cells, Floats, Ints

ROUNDS = 3
"""After which numbers of a group have come together, and groups not yet."""
EQUAL = 1e-30
"""A distance of numbers that are all the same."""


@dataclass(frozen=True)
class Relabelled:
    """Orders name the old row of each new one."""

    artists: Cells
    venues: Cells
    artist_order: Ints
    venue_order: Ints


def relabelled(matrix: csr_matrix, threads: int, groups: int = 1) -> Relabelled:
    """Both orders of cells, artists x venues and venues x artists, in new numbers."""
    n_artists, n_venues = matrix.shape
    indptr = np.ascontiguousarray(matrix.indptr, np.int32)
    column = np.ascontiguousarray(matrix.indices, np.int32)
    per_venue = np.bincount(column, minlength=n_venues).astype(np.int32)
    artist_order, venue_order = _by_length(np.diff(indptr)), _by_length(per_venue)
    if groups > 1:
        alike = _smoothed(indptr, column, per_venue, threads)
        artist_order, venue_order = (
            _grouped(order, numbers, groups)
            for order, numbers in zip((artist_order, venue_order), alike, strict=True)
        )
    rank = np.empty_like(venue_order)
    rank[venue_order] = np.arange(n_venues, dtype=np.int32)
    artists, venues = _empty(n_artists, len(column)), _empty(n_venues, len(column))
    venues.indptr[1:] = np.cumsum(per_venue[venue_order])
    given = np.ascontiguousarray(matrix.data, np.float32)
    _als.relabel(indptr, column, given, artist_order, rank, *artists, *venues, threads)
    return Relabelled(artists, venues, artist_order, venue_order)


def padded(vectors: Floats, order: Ints) -> Floats:
    """The vectors in new order, zero columns added up to the kernel's width."""
    taken = vectors.take(order, axis=0)
    missing = _als.width(vectors.shape[1]) - vectors.shape[1]
    return np.pad(taken, ((0, 0), (0, missing))) if missing else taken


def _by_length(length: Ints) -> Ints:
    order = np.empty(len(length), np.int32)
    _als.by_length(np.ascontiguousarray(length, np.int32), order)
    return order


def _smoothed(indptr: Ints, column: Ints, per_venue: Ints, threads: int) -> tuple[Floats, Floats]:
    of_artists = np.empty(len(indptr) - 1, np.float32)
    of_venues = np.random.default_rng(0).random(len(per_venue), np.float32)
    _als.smooth(indptr, column, per_venue, ROUNDS, of_artists, of_venues, threads)
    return of_artists, of_venues


def _grouped(order: Ints, numbers: Floats, groups: int) -> Ints:
    """The order within groups of as many rows, by their numbers."""
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
