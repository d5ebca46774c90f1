"""Cold fits: ours against implicit's 15 iterations, by time, objective and ranking.

Both start from the same vectors, on the same threads, in turn within one process. A fifth of
sampled artists' pairs is kept from both; NDCG@10 is asked on those, paired by artist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.report import Report, seconds
from benchmarks.worlds import world
from trainer.engines import Engine, Factors, engine
from trainer.matrix import DAY_MS, confidence
from trainer.quality import intervals, marks
from trainer.score import LinearScore
from trainer.settings import Recipe
from trainer.start import initial
from trainer.topn import top_n

ASKED_SHARE = 0.2
ASKED_PAIRS = 5
"""Artists with fewer are not asked."""


@dataclass(frozen=True)
class Task:
    """What both are given, and what they are asked."""

    train: csr_matrix
    later: csr_matrix
    """Rows as `asked`."""
    asked: NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """One engine's fit."""

    took_s: float
    objective: float
    ndcg: NDArray[np.float64]


def measure(*, quick: bool) -> Report:
    """200k artists x 20k venues; three seeds at F = 64, one at F = 128 and 256."""
    size = (4000, 1000, 120_000) if quick else (200_000, 20_000, 6_500_000)
    task = _task(*size, asked=500 if quick else 20_000)
    seeds = {64: (1,) if quick else (1, 2, 3), 128: (1,), 256: (1,)}
    found = {f: [_compared(task, f, seed) for seed in picked] for f, picked in seeds.items()}
    pairs = [pair for several in found.values() for pair in several]
    return Report(
        "solver",
        {f"ratio_to_implicit_f{f}": _ratio(several) for f, several in found.items()}
        | {
            "ndcg_delta_low": min(_gained(*pair)[1] for pair in pairs),
            "objective_delta": max(a.objective / b.objective - 1 for a, b in pairs),
        },
        {"pairs": int(task.train.nnz), "asked": len(task.asked)}
        | {f"f{f}": [_told(*pair) for pair in several] for f, several in found.items()},
        "python -m benchmarks solver",
    )


def _task(n_artists: int, n_venues: int, n_plays: int, asked: int) -> Task:
    """A world whose sampled artists have lost a fifth of their pairs."""
    rng = np.random.default_rng(1)
    whole = confidence(world(n_artists, n_venues, n_plays), 365 * DAY_MS, Recipe()).tocoo()
    per_artist = np.bincount(whole.row, minlength=n_artists)
    rows = np.sort(rng.choice(np.flatnonzero(per_artist >= ASKED_PAIRS), asked, replace=False))
    hidden = np.isin(whole.row, rows) & (rng.random(whole.nnz) < ASKED_SHARE)
    train, later = (
        csr_matrix((whole.data[part], (whole.row[part], whole.col[part])), shape=whole.shape)
        for part in (~hidden, hidden)
    )
    rows = rows[np.diff(later.indptr)[rows] > 0]
    return Task(train, later[rows], rows)


def _compared(task: Task, factors: int, seed: int) -> tuple[Outcome, Outcome]:
    """Ours, and the library's."""
    recipe = Recipe(factors=factors, seed=seed)
    start = _start(task.train, recipe)
    fits = [_fitting(engine(name), task, start, recipe) for name in ("local", "implicit", "local")]
    outcomes = [fit() for fit in fits]
    ours = Outcome(median([outcomes[0].took_s, outcomes[2].took_s]), *_quality(outcomes[0]))
    return ours, outcomes[1]


def _quality(outcome: Outcome) -> tuple[float, NDArray[np.float64]]:
    return outcome.objective, outcome.ndcg


def _fitting(solver: Engine, task: Task, start: Factors, recipe: Recipe) -> Callable[[], Outcome]:
    def fit() -> Outcome:
        held: list[Factors] = []
        took_s = seconds(lambda: held.append(solver.fit(task.train, start, recipe)))
        return Outcome(
            took_s, objective(task.train, held[0], recipe.regularization), _ndcg(task, held[0])
        )

    return fit


def _start(matrix: csr_matrix, recipe: Recipe) -> Factors:
    drawn = (
        initial(map(str, range(rows)), seed=recipe.seed, side=side, factors=recipe.factors)
        for rows, side in zip(matrix.shape, ("artist", "venue"), strict=True)
    )
    return Factors(*drawn)


def objective(matrix: csr_matrix, factors: Factors, regularization: float) -> float:
    """As `trainer.engines` states it, in float64, over all cells."""
    artists, venues = (side.astype(np.float64) for side in factors)
    grams = artists.T @ artists, venues.T @ venues
    total = float((grams[0] * grams[1]).sum())
    total += regularization * float(np.trace(grams[0]) + np.trace(grams[1]))
    coordinates = matrix.tocoo()
    for begin in range(0, matrix.nnz, 100_000):
        part = slice(begin, begin + 100_000)
        predicted = np.einsum(
            "ij,ij->i", artists[coordinates.row[part]], venues[coordinates.col[part]]
        )
        c = coordinates.data[part].astype(np.float64)
        total += float((c * (1 - predicted) ** 2 - predicted**2).sum())
    return total


def _ndcg(task: Task, factors: Factors) -> NDArray[np.float64]:
    zeros = (np.zeros(size, np.float32) for size in (len(factors.venues), len(task.asked)))
    score = LinearScore(factors.artists[task.asked], factors.venues, *zeros)
    return marks(top_n(score, 10, task.train[task.asked]).cols, task.later)[0]


def _gained(ours: Outcome, theirs: Outcome) -> tuple[float, float, float]:
    found = intervals((ours.ndcg - theirs.ndcg)[:, None])[0]
    return found.mean, found.low, found.high


def _ratio(pairs: list[tuple[Outcome, Outcome]]) -> float:
    return median(theirs.took_s / ours.took_s for ours, theirs in pairs)


def _told(ours: Outcome, theirs: Outcome) -> dict[str, object]:
    return {
        "s": [round(ours.took_s, 3), round(theirs.took_s, 3)],
        "objective_delta": ours.objective / theirs.objective - 1,
        "ndcg": float(np.mean(theirs.ndcg)),
        "ndcg_delta": _gained(ours, theirs),
    }
