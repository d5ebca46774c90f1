"""The ALS solvers behind one small interface.

All minimise the same objective over all cells (a, v):
    sum c(a, v) * (p(a, v) - x(a) . y(v))**2 + sum lambda(a) |x(a)|**2 + sum lambda(v) |y(v)|**2
with p = 1 and c = the stored confidence where the pair has plays, p = 0 and c = 1 elsewhere
(Hu, Koren, Volinsky 2008). A row's lambda is `trainer.ridge.ridges`: the same for all, or by the
number of its pairs.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.errors import EngineMissing, EngineUnfit
from trainer.kernel import built
from trainer.settings import Recipe


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
            warm: the start is nearly a solution, so that a sweep or two do.
        """


def engine(name: str) -> Engine:
    """The engine of that name: see `Recipe.engine`.

    Raises:
        ValueError: there is none.
        EngineMissing: it was not built.
        EngineUnfit: it fits a whole store only.
    """
    # Only the one that is used is imported.
    if name == "implicit":
        from trainer.engines.implicit import Implicit  # noqa: PLC0415

        return Implicit()
    if name == "spark":
        raise EngineUnfit(
            "engine: 'spark' fits the whole store, and no part of it; for all else use 'local', "
            "which minimises the same with regularization_exponent = 1"
        )
    if name != "local":
        raise ValueError(f"engine: {name!r} is unknown; use 'local', 'implicit' or 'spark'")
    if not built():
        raise EngineMissing(
            "engine: 'local' was not built here; reinstall with a C++ compiler or use 'implicit'"
        )
    from trainer.engines.local import Local  # noqa: PLC0415

    return Local()
