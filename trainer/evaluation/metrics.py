"""Ranking metrics: NDCG, recall and MRR at K, with bootstrap intervals.

Gain is binary: a ranked candidate is a hit where it is a target. The ideal ranking has
min(K, targets) hits at the top. A figure is the mean over subjects with at least one target.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

DRAWS = 2_000
"""Bootstrap draws."""

_CELLS = 4_000_000


class Marks(NamedTuple):
    """By subject, float64."""

    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]
    mrr: NDArray[np.float64]


class Interval(NamedTuple):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def marks(best: NDArray[np.int32], targets: csr_matrix) -> Marks:
    """Score rankings.

    Args:
        best: r x K candidates, best first, -1 for none.
        targets: r x c, stored where a candidate is a target; at least one in each row.
    """
    hit = hits(best, targets)
    wanted = np.diff(targets.indptr)
    # DCG@K = sum of 1 / log2(rank + 2) over hits, ranks from 0; a perfect list has its hits first.
    discount = 1 / np.log2(np.arange(best.shape[1]) + 2)
    ideal = np.cumsum(discount)[np.minimum(wanted, best.shape[1]) - 1]
    # argmax finds the first hit, and 0 where there is none: hence `any`.
    first = np.where(hit.any(axis=1), 1 / (hit.argmax(axis=1) + 1), 0.0)
    return Marks(hit @ discount / ideal, hit.sum(axis=1) / wanted, first)


def averaged(several: list[Marks]) -> Marks:
    """The mean, subject by subject, of marks for the same subjects."""
    return Marks(*(np.mean(column, axis=0) for column in zip(*several, strict=True)))


def intervals(columns: NDArray[np.float64], seed: int = 1) -> list[Interval]:
    """The mean of each column with its bootstrap interval; all columns share the draws.

    Args:
        columns: r subjects x m figures. A difference of two rankings is a column too.
        seed: of the draws.
    """
    if not len(columns):
        return [Interval(float("nan"), float("nan"), float("nan"))] * columns.shape[1]
    means = _drawn_means(columns, np.random.default_rng(seed))
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    whole = columns.mean(axis=0)
    return [Interval(*map(float, triple)) for triple in zip(whole, low, high, strict=True)]


def hits(best: NDArray[np.int32], targets: csr_matrix) -> NDArray[np.bool_]:
    """Whether each place of each list, r x K, holds a target; see `marks` for the arguments."""
    rows = np.repeat(np.arange(len(best)), best.shape[1]).reshape(best.shape)
    wanted = np.repeat(np.arange(len(best)), np.diff(targets.indptr)) * targets.shape[1]
    # One number per pair. With -1 for none it would be the last column of the row above.
    codes = rows * targets.shape[1] + best
    return np.isin(codes, wanted + targets.indices) & (best >= 0)


def _drawn_means(columns: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Means of `DRAWS` samples with replacement, draws x m, some draws at a time."""
    size = len(columns)
    step = max(1, _CELLS // size)
    parts = []
    for start in range(0, DRAWS, step):
        number = min(step, DRAWS - start)
        picked = random.integers(size, size=(number, size))
        # How often each subject was drawn: one product then gives the means of all columns.
        times = np.apply_along_axis(np.bincount, 1, picked, minlength=size)
        parts.append(times @ columns / size)
    return np.concatenate(parts)
