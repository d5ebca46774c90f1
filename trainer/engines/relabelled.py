"""A matrix and its transpose with both sides renumbered by length, longest first."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from trainer.engines import _als
from trainer.engines.whitened import SLACK, Cells, Floats, Ints


@dataclass(frozen=True)
class Relabelled:
    """Orders name the old row of each new one."""

    artists: Cells
    venues: Cells
    artist_order: Ints
    venue_order: Ints


def relabelled(matrix: csr_matrix, threads: int) -> Relabelled:
    """Both orders of cells, artists x venues and venues x artists, in new numbers."""
    n_artists, n_venues = matrix.shape
    indptr = np.ascontiguousarray(matrix.indptr, np.int32)
    column = np.ascontiguousarray(matrix.indices, np.int32)
    per_venue = np.bincount(column, minlength=n_venues).astype(np.int32)
    artist_order, venue_order = _order(np.diff(indptr)), _order(per_venue)
    rank = np.empty_like(venue_order)
    rank[venue_order] = np.arange(n_venues, dtype=np.int32)
    artists, venues = _empty(n_artists, len(column)), _empty(n_venues, len(column))
    venues.indptr[1:] = np.cumsum(per_venue[venue_order])
    given = np.ascontiguousarray(matrix.data, np.float32)
    _als.relabel(indptr, column, given, artist_order, rank, *artists, *venues, threads)
    return Relabelled(artists, venues, artist_order, venue_order)


def padded(vectors: Floats, order: Ints) -> Floats:
    """The vectors in new order, zero columns added up to the kernel's width."""
    wide = np.zeros((len(vectors), _als.width(vectors.shape[1])), np.float32)
    wide[:, : vectors.shape[1]] = vectors[order]
    return wide


def _order(length: Ints) -> Ints:
    order = np.empty(len(length), np.int32)
    _als.by_length(np.ascontiguousarray(length, np.int32), order)
    return order


def _empty(rows: int, cells: int) -> Cells:
    confidence = np.empty(cells + SLACK, np.float32)
    confidence[cells:] = 0
    return Cells(np.zeros(rows + 1, np.int32), np.empty(cells, np.int32), confidence)
