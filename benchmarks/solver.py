"""Cold fits: ours against implicit's 15 iterations, by time, objective and ranking.

Both start from the same vectors, on the same threads, in turn within one process. NDCG@10 is asked
on pairs that were kept from both (`benchmarks.asked`), paired by artist. Our sweeps are as many as
reached implicit's objective on other worlds (`benchmarks.sweeps`), and beside that a fit as
shipped, whose own rule ends it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np

from benchmarks.asked import Ndcg, Task, gained, large_task, ndcg
from benchmarks.objective import drawn, objective
from benchmarks.report import Report, seconds
from benchmarks.sweeps import TUNED
from trainer.als import _als
from trainer.als.choose import engine
from trainer.als.engine import Engine, Factors
from trainer.als.local import Local
from trainer.recipe import Recipe


@dataclass(frozen=True)
class Outcome:
    """The fit of one engine."""

    took_s: float
    objective: float
    ndcg: Ndcg


@dataclass(frozen=True)
class Compared:
    """Fit from the common start."""

    ours: Outcome
    theirs: Outcome
    shipped: Outcome
    avx2: Outcome | None = None
    """Fit with AVX2, on a machine with a better instruction set."""


def measure(*, quick: bool) -> Report:
    """200k artists x 20k venues; three seeds at F = 64, one at F = 128 and 256, two lambdas."""
    task = large_task(quick=quick)
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
            "ndcg_delta_low": min(gained(one.ours.ndcg, one.theirs.ndcg)[1] for one in every),
            "objective_delta": max(_above(one.ours, one.theirs) for one in every),
            "objective_delta_shipped": max(_above(one.shipped, one.theirs) for one in every),
        }
    )


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


def _quality(outcome: Outcome) -> tuple[float, Ndcg]:
    return outcome.objective, outcome.ndcg


def _fitting(solver: Engine, task: Task, start: Factors, recipe: Recipe) -> Callable[[], Outcome]:
    def fit() -> Outcome:
        held: list[Factors] = []
        took_s = seconds(lambda: held.append(solver.fit(task.train, start, recipe)))
        return Outcome(
            took_s, objective(task.train, held[0], recipe.regularization), ndcg(task, held[0])
        )

    return fit


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
        "ndcg_delta": gained(one.ours.ndcg, one.theirs.ndcg),
    }
