"""Rankings of one view under many weightings: its terms as matrices, and NDCG@10 of their sum."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.splits import View

K = 10
POOL = 200
"""Candidates kept of each term, and of the sum under the start weights; targets are kept anyway."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Ballot:
    """One view of one window.

    A term's matrix is r x m. Beyond a thousand candidates only those are kept that a term, or the
    start weights, rank among the POOL best; m is then the same for all rows, and `closed` marks
    what is left over.
    """

    terms: Mapping[str, Floats]
    closed: NDArray[np.bool_]
    """r x m: what must not be ranked: masked pairs."""
    row: NDArray[np.int64]
    """By target: its row, ascending."""
    column: NDArray[np.int64]
    """By target: its column."""
    ideal: NDArray[np.float64]
    """r: the discounted gain of a perfect list."""

    def summed(self, weights: Mapping[str, float]) -> Floats:
        """The score under these weights, r x m; -infinity where closed."""
        total = np.zeros(self.closed.shape, np.float32)
        for name, weight in weights.items():
            if weight:
                total += np.float32(weight) * self.terms[name]
        total[self.closed] = -np.inf
        return total

    def ndcg(self, scores: Floats) -> NDArray[np.float64]:
        """NDCG@10 by subject. Ties count against the target."""
        own = scores[self.row, self.column]
        # Ranks of targets alone are needed: comparing is quicker than sorting whole rows.
        rank = (scores[self.row] >= own[:, None]).sum(axis=1) - 1
        # DCG@K = sum of 1 / log2(rank + 2) over targets, ranks from 0.
        gain = np.where(rank < K, 1 / np.log2(rank + 2), 0.0)
        return np.bincount(self.row, gain, len(self.ideal)) / self.ideal


def ballot(view: View, terms: Mapping[str, Floats], start: Mapping[str, float]) -> Ballot:
    """Prepare a view.

    Args:
        view: the task.
        terms: by name, subjects x candidates.
        start: weights that are near those to be tried.
    """
    shape = len(view.subjects), len(view.candidates)
    closed = np.zeros(shape, np.bool_)
    if view.masked is not None:
        closed[view.masked.nonzero()] = True
    row, column = (part.astype(np.int64) for part in view.targets.nonzero())
    discount = 1 / np.log2(np.arange(K) + 2)
    wanted = np.minimum(np.diff(view.targets.indptr), K)
    whole = Ballot(terms, closed, row, column, np.cumsum(discount)[wanted - 1])
    return whole if shape[1] <= 5 * POOL else _pooled(whole, start)


def _pooled(whole: Ballot, start: Mapping[str, float]) -> Ballot:
    """The same with the best candidates only."""
    rows = np.arange(len(whole.ideal))[:, None]
    chosen = np.zeros(whole.closed.shape, np.bool_)
    for scores in (whole.summed(start), *whole.terms.values()):
        chosen[rows, np.argpartition(-scores, POOL, axis=1)[:, :POOL]] = True
    chosen[whole.row, whole.column] = True
    # Chosen ones first, by column; rows with fewer are filled up with others.
    width = int(chosen.sum(axis=1).max(initial=1))
    columns = np.sort(np.argsort(~chosen, axis=1, kind="stable")[:, :width], axis=1)
    position = np.zeros(whole.closed.shape, np.int64)
    position[rows, columns] = np.arange(width)
    return Ballot(
        {name: values[rows, columns] for name, values in whole.terms.items()},
        whole.closed[rows, columns],
        whole.row,
        position[whole.row, whole.column],
        whole.ideal,
    )
