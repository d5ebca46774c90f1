"""Cold fits: ours against implicit's 15 iterations, by time, objective and ranking.

Both start from the same vectors, on the same threads, in turn within one process. A fifth of
sampled artists' pairs is kept from both; NDCG@10 is asked on those, paired by artist. Our sweeps
are as many as reached implicit's objective on other worlds (`benchmarks.sweeps`), and beside that a
fit as shipped, whose own rule ends it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.objective import drawn, objective
from benchmarks.report import Report, seconds
from benchmarks.sweeps import TUNED
from benchmarks.worlds import world
from trainer.engines import Engine, Factors, _als, engine
from trainer.engines.local import Local
from trainer.matrix import DAY_MS, confidence
from trainer.quality import intervals, marks
from trainer.score import LinearScore
from trainer.settings import Recipe
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


@dataclass(frozen=True)
class Compared:
    """Fits from the same start."""

    ours: Outcome
    theirs: Outcome
    shipped: Outcome
    avx2: Outcome | None = None
    """Where that is not the best instruction set anyway."""


def measure(*, quick: bool) -> Report:
    """200k artists x 20k venues; three seeds at F = 64, one at F = 128 and 256, two lambdas."""
    size = (4000, 1000, 120_000) if quick else (200_000, 20_000, 6_500_000)
    task = _task(*size, asked=500 if quick else 20_000)
    seeds = {64: (1,) if quick else (1, 2, 3), 128: (1,), 256: (1,)}
    figures: dict[str, float] = {}
    detail: dict[str, object] = {"pairs": int(task.train.nnz), "asked": len(task.asked)}
    for penalty, sweeps in TUNED.items():
        of = f"_lambda{penalty:g}"
        found = {
            f: [
                _compared(task, Recipe(factors=f, seed=seed, regularization=penalty)) for seed in on
            ]
            for f, on in seeds.items()
        }
        figures |= {name + of: value for name, value in _figures(found).items()}
        detail[f"sweeps{of}"] = sweeps
        detail |= {f"f{f}{of}": [_told(one) for one in several] for f, several in found.items()}
    return Report("solver", figures, detail, "python -m benchmarks solver")


def _figures(found: dict[int, list[Compared]]) -> dict[str, float]:
    every = [one for several in found.values() for one in several]
    return (
        {f"ratio_to_implicit_f{f}": _ratio(several, "ours") for f, several in found.items()}
        | {f"ratio_shipped_f{f}": _ratio(several, "shipped") for f, several in found.items()}
        | _avx2(found[64])
        | {
            "ndcg_delta_low": min(_gained(one.ours, one.theirs)[1] for one in every),
            "objective_delta": max(_above(one.ours, one.theirs) for one in every),
            "objective_delta_shipped": max(_above(one.shipped, one.theirs) for one in every),
        }
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


def _compared(task: Task, recipe: Recipe) -> Compared:
    start = drawn(task.train, recipe)
    sweeps = TUNED[recipe.regularization][recipe.factors]
    tuned = recipe.model_copy(update={"iterations": sweeps})
    ours = _fitting(Local(tolerance=0), task, start, tuned)
    theirs = _fitting(engine("implicit"), task, start, recipe)
    shipped = _fitting(engine("local"), task, start, recipe)
    first, anchor, second, own = ours(), theirs(), ours(), shipped()
    avx2 = [
        _fitting(Local(isa=isa, tolerance=0), task, start, tuned)()
        for isa in _als.isas()[:-1]
        if isa == "v3"
    ]
    median_s = median([first.took_s, second.took_s])
    return Compared(Outcome(median_s, *_quality(first)), anchor, own, *avx2)


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


def _ndcg(task: Task, factors: Factors) -> NDArray[np.float64]:
    zeros = (np.zeros(size, np.float32) for size in (len(factors.venues), len(task.asked)))
    score = LinearScore(factors.artists[task.asked], factors.venues, *zeros)
    return marks(top_n(score, 10, task.train[task.asked]).cols, task.later)[0]


def _gained(ours: Outcome, theirs: Outcome) -> tuple[float, float, float]:
    found = intervals((ours.ndcg - theirs.ndcg)[:, None])[0]
    return found.mean, found.low, found.high


def _above(ours: Outcome, theirs: Outcome) -> float:
    return ours.objective / theirs.objective - 1


def _ratio(several: list[Compared], which: Literal["ours", "shipped", "avx2"]) -> float:
    return median(one.theirs.took_s / getattr(one, which).took_s for one in several)


def _avx2(several: list[Compared]) -> dict[str, float]:
    return {"ratio_avx2_f64": _ratio(several, "avx2")} if several[0].avx2 else {}


def _told(one: Compared) -> dict[str, object]:
    took = [one.ours, one.theirs, one.shipped, *([one.avx2] if one.avx2 else [])]
    return {
        "s": [round(each.took_s, 3) for each in took],
        "objective_delta": [_above(each, one.theirs) for each in (one.ours, one.shipped)],
        "ndcg": float(np.mean(one.theirs.ndcg)),
        "ndcg_delta": _gained(one.ours, one.theirs),
    }
