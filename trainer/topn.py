"""Exact top-N of a linear score.

Float32 products differ in their last bits with the position of a column, the size of a block and
the number of BLAS threads, so they only choose candidates, by a margin wider than their error.
Candidates are scored again, one by one, in float64 and rounded to float32: a score depends on its
row and column alone, equal columns tie exactly, and a tie goes to the lower column.

The kernel (`native/ranking.hpp`) does this where it was built; numpy does the same, slower.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.errors import InsaneModel
from trainer.kernel import built
from trainer.score import LinearScore

BLOCK_BYTES = 13_000_000
"""Scores of so many bytes are formed at a time (one row's at least): what stays in cache."""

_CELLS = 32_768
"""Cells that are scored again at a time."""


class TopN(NamedTuple):
    """r x n, best first; -1 and NaN where a row has fewer than n candidates."""

    cols: NDArray[np.int32]
    scores: NDArray[np.float32]


class _Cells(NamedTuple):
    """Cells of a block, sorted by row, then column."""

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]


def top_n(
    score: LinearScore, n: int, exclude: csr_matrix | None = None, *, threads: int = 0
) -> TopN:
    """The n best columns of every row.

    Args:
        score: r rows, c columns.
        n: at least 1.
        exclude: r x c; columns that a row stores, with whatever value, are never returned.
        threads: of the kernel, which leaves BLAS alone; 0 means all cores.

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
        _by_numpy(score, exclude, best)
    return best


def _by_kernel(score: LinearScore, exclude: csr_matrix | None, best: TopN, threads: int) -> None:
    # Imported here: an install without a compiler has none.
    from trainer.engines import _als  # noqa: PLC0415

    excluded_indptr, excluded_column, _ = _marked(exclude, score.shape)
    added_indptr, added_column, added = _marked(score.additions, score.shape)
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


def _by_numpy(score: LinearScore, exclude: csr_matrix | None, best: TopN) -> None:
    n = best.cols.shape[1]
    margins = 2 * _errors(score)
    for block in _blocks(*score.shape):
        part = _part(score, block)
        rough = _rough(part, None if exclude is None else exclude[block])
        cells = _candidates(rough, n, margins[block])
        _keep_best(TopN(best.cols[block], best.scores[block]), cells, _scores(part, cells))


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

    The shift, which is added last, blurs all scores of a row by one more rounding.
    """
    longest = np.sqrt(_squared_lengths(score.cols).max(initial=0.0))
    size = np.sqrt(_squared_lengths(score.rows)) * longest
    size += np.abs(score.bias).max(initial=0.0)
    if score.additions is not None:
        held = np.abs(score.additions.data)
        size = size + np.bincount(_stored(score.additions).rows, held, minlength=len(size))
    steps = score.rows.shape[1] + 8
    error = steps * size + np.abs(score.shift)
    return np.asarray(np.finfo(np.float32).eps * error, np.float32)


def _squared_lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without a matrix of squares beside them."""
    lengths: NDArray[np.float32] = np.einsum("rf,rf->r", vectors, vectors)
    return lengths


def _blocks(n_rows: int, n_cols: int) -> Iterator[slice]:
    step = max(1, BLOCK_BYTES // (4 * max(n_cols, 1)))
    for start in range(0, n_rows if n_cols else 0, step):
        yield slice(start, min(start + step, n_rows))


def _part(score: LinearScore, block: slice) -> LinearScore:
    additions = None if score.additions is None else score.additions[block]
    return LinearScore(score.rows[block], score.cols, score.bias, score.shift[block], additions)


def _rough(score: LinearScore, exclude: csr_matrix | None) -> NDArray[np.float32]:
    """All scores but for the shift, to within their margin; -inf where excluded."""
    scores: NDArray[np.float32] = score.rows @ score.cols.T
    scores += score.bias
    if score.additions is not None:
        rows, cols = _stored(score.additions)
        np.add.at(scores, (rows, cols), score.additions.data)
    if exclude is not None:
        scores[_stored(exclude)] = -np.inf
    return scores


def _stored(matrix: csr_matrix) -> _Cells:
    """Every stored cell, also those that hold a zero."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return _Cells(rows, matrix.indices)


def _candidates(rough: NDArray[np.float32], n: int, margins: NDArray[np.float32]) -> _Cells:
    """Every cell that could be among the n best of its row."""
    place = max(rough.shape[1] - n, 0)
    nth = np.partition(rough, place, axis=1)[:, place]
    floor = np.maximum(nth - margins, np.finfo(np.float32).min)
    return _Cells(*np.nonzero(rough >= floor[:, None]))


def _scores(score: LinearScore, cells: _Cells) -> NDArray[np.float32]:
    """Of single cells: each a function of its own row and column."""
    exact = score.bias.astype(np.float64)[cells.cols]
    for start in range(0, len(exact), _CELLS):
        part = slice(start, start + _CELLS)
        left = score.rows[cells.rows[part]].astype(np.float64)
        exact[part] += (left * score.cols[cells.cols[part]]).sum(axis=1)
    if score.additions is not None and len(exact):  # scipy takes no empty list of cells
        exact += np.asarray(score.additions[cells.rows, cells.cols], np.float64).ravel()
    return (exact + score.shift[cells.rows]).astype(np.float32)


def _keep_best(best: TopN, cells: _Cells, scores: NDArray[np.float32]) -> None:
    """Write the first n of each row into `best`."""
    order = np.lexsort((cells.cols, -scores, cells.rows))
    rows = cells.rows[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = rank < best.cols.shape[1]
    at = rows[kept], rank[kept]
    best.cols[at] = cells.cols[order][kept]
    best.scores[at] = scores[order][kept]
