"""Held-out pairs for ranking quality: a fifth of the pairs of sampled artists."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.worlds import world
from trainer.als.engine import Factors
from trainer.evaluation.metrics import intervals, marks
from trainer.plays.matrix import DAY_MS, confidence
from trainer.ranking.score import LinearScore
from trainer.ranking.topn import top_n
from trainer.recipe import Recipe

SHARE = 0.2
PAIRS = 5
"""Artists with fewer pairs are not sampled."""

Ndcg: TypeAlias = NDArray[np.float64]
"""NDCG@10 of each sampled artist."""


@dataclass(frozen=True)
class Task:
    """Training pairs and held-out pairs."""

    train: csr_matrix
    later: csr_matrix
    """Rows in the order of `asked`."""
    asked: NDArray[np.int64]


def large_task(*, quick: bool) -> Task:
    """200k artists x 20k venues, 4.9M pairs, of which 20k artists lost a fifth of their pairs."""
    size, asked = ((4000, 1000, 120_000), 500) if quick else ((200_000, 20_000, 6_500_000), 20_000)
    rng = np.random.default_rng(1)
    whole = confidence(world(*size), 365 * DAY_MS, Recipe()).tocoo()
    per_artist = np.bincount(whole.row, minlength=whole.shape[0])
    rows = np.sort(rng.choice(np.flatnonzero(per_artist >= PAIRS), asked, replace=False))
    hidden = np.isin(whole.row, rows) & (rng.random(whole.nnz) < SHARE)
    train, later = (
        csr_matrix((whole.data[part], (whole.row[part], whole.col[part])), shape=whole.shape)
        for part in (~hidden, hidden)
    )
    rows = rows[np.diff(later.indptr)[rows] > 0]
    return Task(train, later[rows], rows)


def ndcg(task: Task, factors: Factors) -> Ndcg:
    """Rank venues new to the artist by the factors' products alone."""
    zeros = (np.zeros(size, np.float32) for size in (len(factors.venues), len(task.asked)))
    score = LinearScore(factors.artists[task.asked], factors.venues, *zeros)
    return marks(top_n(score, 10, task.train[task.asked]).cols, task.later)[0]


def gained(ours: Ndcg, theirs: Ndcg) -> tuple[float, float, float]:
    """Mean of the paired differences, and the ends of its 95 % interval."""
    found = intervals((ours - theirs)[:, None])[0]
    return found.mean, found.low, found.high
