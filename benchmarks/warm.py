"""Warm refits after growth against our own cold fit of the same pairs, to its objective.

The earlier model is a cold fit without a hundredth or twentieth of the pairs, drawn at random.
Growing it by what it had not seen is part of the warm refit's time.
"""

from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.asked import Task, gained, large_task, ndcg
from benchmarks.objective import drawn, objective
from benchmarks.report import Report, interleaved, ratio
from trainer.als.choose import engine
from trainer.als.engine import Factors
from trainer.model.initial import carried
from trainer.recipe import Recipe

SHARES = {"1pct": 0.01, "5pct": 0.05}


@dataclass(frozen=True)
class Growth:
    """Results of the refits at one share of growth."""

    times: dict[str, list[float]]
    objective_delta: float
    """Warm objective / cold objective - 1."""
    ndcg_delta: tuple[float, float, float]
    """Warm NDCG - cold NDCG, and its 95 % interval."""


def measure(*, quick: bool) -> Report:
    """200k artists x 20k venues, F = 64, three seeds; implicit's cold fit beside."""
    task = large_task(quick=quick)
    seeds = (1,) if quick else (1, 2, 3)
    found = {
        name: [_growth(task, share, Recipe(seed=seed)) for seed in seeds]
        for name, share in SHARES.items()
    }
    every = [each for several in found.values() for each in several]
    return Report(
        "warm",
        {
            **{f"ratio_{name}": _median(several, "cold") for name, several in found.items()},
            **{
                f"ratio_to_implicit_{name}": _median(several, "implicit")
                for name, several in found.items()
            },
            "objective_delta": max(each.objective_delta for each in every),
            "ndcg_delta_low": min(each.ndcg_delta[1] for each in every),
        },
        {"pairs": int(task.train.nnz), "asked": len(task.asked), "seeds": len(seeds)}
        | {name: [vars(each) for each in several] for name, several in found.items()},
        "python -m benchmarks warm",
    )


def _growth(task: Task, share: float, recipe: Recipe) -> Growth:
    ours, theirs, whole = engine("local"), engine("implicit"), task.train
    fresh = drawn(whole, recipe)
    earlier = ours.fit(_before(whole, share, recipe.seed), fresh, recipe)
    made: dict[str, Factors] = {}

    def warm() -> None:
        start = carried(earlier, fresh.venues, whole, recipe)
        made["warm"] = ours.fit(whole, start, recipe, warm=True)

    def cold() -> None:
        made["cold"] = ours.fit(whole, fresh, recipe)

    times = interleaved(3, warm=warm, cold=cold)
    times |= interleaved(1, implicit=lambda: theirs.fit(whole, fresh, recipe))
    values = [objective(whole, made[name], recipe.regularization) for name in ("warm", "cold")]
    marks = (ndcg(task, made[name]) for name in ("warm", "cold"))
    return Growth(times, values[0] / values[1] - 1, gained(*marks))


def _before(whole: csr_matrix, share: float, seed: int) -> csr_matrix:
    """The pairs before growth by this share."""
    cells = whole.tocoo()
    kept = np.random.default_rng(seed).random(cells.nnz) < 1 / (1 + share)
    return csr_matrix((cells.data[kept], (cells.row[kept], cells.col[kept])), shape=whole.shape)


def _median(several: list[Growth], anchor: str) -> float:
    if anchor == "cold":
        return median(ratio(each.times, "cold", "warm") for each in several)
    return median(each.times[anchor][0] / median(each.times["warm"]) for each in several)
