"""How many sweeps take our engine below the objective of implicit's 15: no clock is in it."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.objective import drawn, objective
from trainer.engines import engine
from trainer.engines.local import BETA, Local
from trainer.settings import Recipe

MOST = 20


@dataclass(frozen=True)
class Crossing:
    """Sweeps until the objective is at or below the anchor; `MOST` + 1 where it never was."""

    plain: int
    leaping: int
    ended_delta: float
    """Of a fit as shipped, its own end included: objective / anchor - 1."""


def crossing(matrix: csr_matrix, recipe: Recipe) -> Crossing:
    """From the same start as implicit's 15 iterations."""
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
