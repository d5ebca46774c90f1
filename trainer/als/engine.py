"""The ALS solvers behind one small interface.

All minimise the same objective over all cells (a, v):
    sum c(a, v) * (p(a, v) - x(a) . y(v))**2 + sum lambda(a) |x(a)|**2 + sum lambda(v) |y(v)|**2
with p = 1 and c = the stored confidence where the pair has plays, p = 0 and c = 1 elsewhere
(Hu, Koren, Volinsky 2008). A row's lambda is `trainer.als.regularization.ridges`: the same for all,
or by the number of its pairs.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.recipe import Recipe


class Factors(NamedTuple):
    """One float32 vector per row."""

    artists: NDArray[np.float32]
    venues: NDArray[np.float32]


class Engine(Protocol):
    """Fits both sides' factors."""

    def fit(
        self, confidence: csr_matrix, start: Factors, recipe: Recipe, *, warm: bool = False
    ) -> Factors:
        """Alternate from `start` for at most `recipe.iterations` sweeps, artists first.

        Args:
            confidence: artists x venues, float32, columns sorted: already times alpha.
            start: not changed.
            recipe: regularization and its exponent, iterations, threads.
            warm: the start is near a solution, so that one or two sweeps suffice.
        """
