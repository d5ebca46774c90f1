"""What rankings are asked: a fifth of sampled artists' pairs, which no fit is given."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.worlds import world
from trainer.engines import Factors
from trainer.matrix import DAY_MS, confidence
from trainer.quality import intervals, marks
from trainer.score import LinearScore
from trainer.settings import Recipe
from trainer.topn import top_n

SHARE = 0.2
PAIRS = 5
"""Artists with fewer are not asked."""

Ndcg: TypeAlias = NDArray[np.float64]
"""NDCG@10 of each artist asked."""


@dataclass(frozen=True)
class Task:
    """What fits are given, and what they are asked."""

    train: csr_matrix
    later: csr_matrix
    """Rows as `asked`."""
    asked: NDArray[np.int64]


def large_task(*, quick: bool) -> Task:
    """200k artists x 20k venues, 4.9M pairs, of which 20k artists have lost a fifth of theirs."""
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
    """By the vectors' products alone, of venues that are new to the artist."""
    zeros = (np.zeros(size, np.float32) for size in (len(factors.venues), len(task.asked)))
    score = LinearScore(factors.artists[task.asked], factors.venues, *zeros)
    return marks(top_n(score, 10, task.train[task.asked]).cols, task.later)[0]


def gained(ours: Ndcg, theirs: Ndcg) -> tuple[float, float, float]:
    """Mean of the differences, artist by artist, and its 95 % interval's ends."""
    found = intervals((ours - theirs)[:, None])[0]
    return found.mean, found.low, found.high
