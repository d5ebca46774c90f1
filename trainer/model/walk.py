"""The walk between venues: a venue, an artist who played there, another venue of that artist.

RP3beta (Paudel et al. 2017, "Updatable, accurate, diverse, and scalable recommendations"), on
L = log(1 + decayed plays), artists x venues:

    W[v, w] = sum over a of p(a | v) ** ALPHA * p(w | a) ** ALPHA / popularity(w) ** BETA

p are shares of the row or column sums of L. Of each row the NEAREST greatest cells are kept, and
scaled to a sum of 1. The walk is frozen at the fit.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.plays.matrix import Plays, csr, decayed

WALK_HALF_LIFE_DAYS = 180.0
ALPHA = 1.37
BETA = 0.16
NEAREST = 300

_CELLS = 1 << 25
"""Cells of a block of rows before the nearest are chosen, at most."""


class _Steps(NamedTuple):
    to_artist: csr_matrix
    """Venues x artists."""
    to_venue: csr_matrix
    """Artists x venues."""


def visits(plays: Plays, as_of_ms: int) -> csr_matrix:
    """log(1 + decayed plays), artists x venues, float64."""
    matrix = decayed(plays, as_of_ms, WALK_HALF_LIFE_DAYS)
    np.log1p(matrix.data, out=matrix.data)
    return matrix


def walk(plays: Plays, as_of_ms: int) -> csr_matrix:
    """The walk between all venues of these plays: venues x venues, float32, columns sorted."""
    steps = _steps(visits(plays, as_of_ms))
    rows = max(1, _CELLS // max(plays.n_venues, 1))
    # Block by block: the whole product of 50,000 venues has a billion cells.
    blocks = [
        _nearest((steps.to_artist[at : at + rows] @ steps.to_venue).tocsr())
        for at in range(0, plays.n_venues, rows)
    ]
    whole = sp.vstack(blocks, format="csr") if blocks else csr_matrix((0, 0))
    whole.sort_indices()
    return csr(whole.data, whole.indices, whole.indptr, whole.shape)


def _steps(visited: csr_matrix) -> _Steps:
    total = np.asarray(visited.sum(axis=0)).ravel()
    rare = np.divide(1, total**BETA, out=np.zeros(len(total)), where=total > 0)
    to_venue = _shares(visited)
    to_venue.data *= rare[to_venue.indices]
    # The power of a share comes first: dividing before it would change the exponent of BETA too.
    return _Steps(_shares(visited.T.tocsr()), to_venue)


def _shares(matrix: csr_matrix) -> csr_matrix:
    """Each cell's share of its row, to the power of ALPHA."""
    shares = _scaled(matrix)
    shares.data **= ALPHA
    return shares


def _scaled(matrix: csr_matrix) -> csr_matrix:
    """Rows with a sum of 1, or of 0."""
    total = np.asarray(matrix.sum(axis=1)).ravel()
    inverse = np.divide(1, total, out=np.zeros(len(total)), where=total > 0)
    values = matrix.data * np.repeat(inverse, np.diff(matrix.indptr))
    return csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def _nearest(block: csr_matrix) -> csr_matrix:
    """The greatest NEAREST of each row, scaled; of equal ones the lower columns."""
    kept = np.ones(block.nnz, np.bool_)
    for row in np.flatnonzero(np.diff(block.indptr) > NEAREST).tolist():
        cells = slice(block.indptr[row], block.indptr[row + 1])
        kept[cells] = _greatest(block.data[cells], block.indices[cells])
    rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))[kept]
    shape = block.shape
    scaled = _scaled(csr_matrix((block.data[kept], (rows, block.indices[kept])), shape=shape))
    indptr, columns = (part.astype(np.int32) for part in (scaled.indptr, scaled.indices))
    return csr_matrix((scaled.data.astype(np.float32), columns, indptr), shape=shape)


def _greatest(values: NDArray[np.float64], columns: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Marks NEAREST of them."""
    # np.partition keeps any of several equal values: which of them stay is decided by column.
    least = np.partition(values, -NEAREST)[-NEAREST]
    kept: NDArray[np.bool_] = values > least
    ties = np.flatnonzero(values == least)
    kept[ties[np.argsort(columns[ties])][: NEAREST - np.count_nonzero(kept)]] = True
    return kept
