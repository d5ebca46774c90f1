"""Sweeps until our engine reaches the objective of implicit's 15 iterations; no times.

On a small synthetic world, by which `benchmarks.solver` is tuned, and on the gigs that ship with
the project, at two regularisations each.
"""

from dataclasses import asdict, dataclass

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.gigs import indistreet
from benchmarks.objective import drawn, objective
from benchmarks.report import Report
from benchmarks.worlds import world
from trainer.als.choose import engine
from trainer.als.local import BETA, Local
from trainer.plays.matrix import DAY_MS, confidence
from trainer.recipe import Recipe

MOST = 20
TUNED = {100.0: {64: 8, 128: 9, 256: 10}, 30.0: {64: 10, 128: 9, 256: 9}}
"""By lambda and factors: sweeps that `benchmarks.solver` does, from the synthetic world of this
file, and at 64 factors from one as large as its own, of another seed (7.9 and 9.4 sweeps). Of the
two, 100 ranks better there, 30 is the default."""
PENALTIES = {"synthetic": (100.0, 30.0, 5.0), "real": (30.0, 5.0)}


def measure(*, quick: bool) -> Report:
    """Synthetic at F = 64, 128 and 256, real at 64 and 128."""
    sizes = {"synthetic": (64,) if quick else (64, 128, 256), "real": (64,) if quick else (64, 128)}
    found = {
        f"{name}_f{factors}_lambda{penalty:g}": crossing(
            matrix, Recipe(factors=factors, regularization=penalty)
        )
        for name, matrix in _matrices().items()
        for factors in sizes[name]
        for penalty in PENALTIES[name]
    }
    return Report(
        "sweeps",
        {name: one.leaping for name, one in found.items()}
        | {f"objective_delta_{name}": _worst(found, name) for name in sizes},
        {name: asdict(one) for name, one in found.items()},
        "python -m benchmarks sweeps",
    )


def _worst(found: "dict[str, Crossing]", name: str) -> float:
    return max(one.ended_delta for key, one in found.items() if key.startswith(name))


def _matrices() -> dict[str, csr_matrix]:
    synthetic, real = world(20_000, 3_000, 600_000, seed=2), indistreet()
    return {
        "synthetic": confidence(synthetic, 365 * DAY_MS, Recipe()),
        "real": confidence(real, int(real.at_ms.max()), Recipe()),
    }


@dataclass(frozen=True)
class Crossing:
    """Sweeps until the objective is at or below the anchor; `MOST` + 1 if it never is."""

    plain: int
    leaping: int
    ended_delta: float
    """Of a fit with its own stop rule: objective / anchor - 1."""


def crossing(matrix: csr_matrix, recipe: Recipe) -> Crossing:
    """The objective after implicit's 15 iterations from the same start."""
    start, penalty = drawn(matrix, recipe), recipe.regularization
    anchor = objective(matrix, engine("implicit").fit(matrix, start, recipe), penalty)
    found = []
    for beta in (0.0, BETA):
        told: list[float] = []
        Local(beta=beta, tolerance=0, watch=told.append).fit(
            matrix, start, recipe.model_copy(update={"iterations": MOST})
        )
        below = np.flatnonzero(np.array(told) <= anchor)
        found.append(int(below[0]) + 1 if len(below) else MOST + 1)
    ended = objective(matrix, engine("local").fit(matrix, start, recipe), penalty)
    return Crossing(*found, ended / anchor - 1)
