"""Exact top-N of a linear score.

The last bits of float32 products depend on the position of a column and the size of a block, so
they only select candidates, with a margin wider than their error. Candidates are then scored one by
one in float64 and rounded to float32: a score depends on its row and column alone, equal columns
tie exactly, and the lower column wins a tie.

The kernel (`native/kernel/topn/ranking.hpp`) does this where it was built; numpy does the same
row by row, slower.
"""

import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.errors import InsaneModel
from trainer.ranking.score import LinearScore
from trainer.recipe import built

_ALONE = 1 << 18
"""Rows x columns up to which one thread ranks: that is a millisecond or so."""


class TopN(NamedTuple):
    """r x n, best first; -1 and NaN where a row has fewer than n candidates."""

    cols: NDArray[np.int32]
    scores: NDArray[np.float32]


def top_n(
    score: LinearScore, n: int, exclude: csr_matrix | None = None, *, threads: int = 0
) -> TopN:
    """The n best columns of every row.

    Args:
        score: r rows, c columns.
        n: at least 1.
        exclude: r x c; stored cells, of any value, are never returned.
        threads: of the kernel; 0 means all cores.

    Raises:
        ValueError: n or a shape does not fit.
        InsaneModel: the score holds a NaN or an infinity.
    """
    _check(score, n, exclude)
    n_rows = score.shape[0]
    best = TopN(np.full((n_rows, n), -1, np.int32), np.full((n_rows, n), np.nan, np.float32))
    if built():
        _by_kernel(score, exclude, best, threads or os.cpu_count() or 1)
    else:
        _in_python(score, exclude, best)
    return best


def _by_kernel(score: LinearScore, exclude: csr_matrix | None, best: TopN, threads: int) -> None:
    # Imported here: an install without a compiler has none.
    from trainer.als import _als  # noqa: PLC0415

    excluded_indptr, excluded_column, _ = _marked(exclude, score.shape)
    added_indptr, added_column, added = _marked(score.additions, score.shape)
    if score.shape[0] * score.shape[1] < _ALONE:
        threads = 1  # waking others takes longer
    _als.top_n(
        _als.isas()[-1],
        _plain(score.rows),
        _plain(score.cols),
        _plain(score.bias),
        _plain(score.shift),
        _errors(score),
        excluded_indptr,
        excluded_column,
        added_indptr,
        added_column,
        added,
        best.cols,
        best.scores,
        threads,
    )


def _plain(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)


def _marked(
    matrix: csr_matrix | None, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Row pointers, columns in ascending order, and values."""
    if matrix is None:
        return np.zeros(shape[0] + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32)
    if not matrix.has_sorted_indices:
        matrix = matrix.sorted_indices()
    columns = np.ascontiguousarray(matrix.indices, np.int32)
    return matrix.indptr.astype(np.int64), columns, _plain(matrix.data)


def _in_python(score: LinearScore, exclude: csr_matrix | None, best: TopN) -> None:
    """Row by row: every score in float64, all of them sorted."""
    columns = score.cols.astype(np.float64)
    for row in range(len(best.cols)):
        # A sum along each column's own vector does not depend on where the column stands.
        exact = (columns * score.rows[row]).sum(axis=1) + score.bias
        if score.additions is not None:
            np.add.at(exact, *_stored(score.additions, row))
        published = (exact + score.shift[row]).astype(np.float32)
        if exclude is not None:
            # Infinite, and cut off after the sort: a column that is taken out would move the
            # others.
            published[_stored(exclude, row)[0]] = -np.inf
        order = np.argsort(-published, kind="stable")[: best.cols.shape[1]]
        order = order[np.isfinite(published[order])]
        best.cols[row, : len(order)], best.scores[row, : len(order)] = order, published[order]


def _stored(matrix: csr_matrix, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Columns and values of a row, cells that hold a zero included."""
    cells = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return matrix.indices[cells], matrix.data[cells]


def _check(score: LinearScore, n: int, exclude: csr_matrix | None) -> None:
    if n < 1:
        raise ValueError(f"n: {n} is below 1; ask for at least one")
    if exclude is not None and exclude.shape != score.shape:
        raise ValueError(f"exclude: shape {exclude.shape} is not the score's {score.shape}")
    parts = [score.rows, score.cols, score.bias, score.shift]
    if score.additions is not None:
        parts.append(score.additions.data)
    if not all(np.isfinite(part).all() for part in parts):
        raise InsaneModel("the score holds a NaN or an infinity; fit the model again")


def _errors(score: LinearScore) -> NDArray[np.float32]:
    """By row: a bound on the error of a float32 score (Higham 2002, section 3.1).

    Adding the shift last is one more rounding. Cells with an addition are scored in float64 only.
    """
    longest = np.sqrt(_squared_lengths(score.cols).max(initial=0.0))
    size = np.sqrt(_squared_lengths(score.rows)) * longest
    size += np.abs(score.bias).max(initial=0.0)
    steps = score.rows.shape[1] + 8
    error = steps * size + np.abs(score.shift)
    return np.asarray(np.finfo(np.float32).eps * error, np.float32)


def _squared_lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared norms, without a temporary matrix of squares."""
    lengths: NDArray[np.float32] = np.einsum("rf,rf->r", vectors, vectors)
    return lengths
