"""The reference engine: the `implicit` library's conjugate gradient ALS.

Its traps, and why this file looks as it does: a model object that is fitted a second time keeps
its old factors and reads past them where the matrix has grown, so every fit gets a new one; its
`alpha` would multiply the confidence again, so it is 1; its kernels run their own threads and call
BLAS inside, so BLAS gets one thread (3.3 s became 2.2 s an iteration, and equal bits).
"""

from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from trainer.blas import one_thread
from trainer.engines import Factors
from trainer.settings import ONE_LAMBDA, Recipe

WARM_SWEEPS = 2


class Implicit:
    """See `trainer.engines.Engine`."""

    def fit(
        self, confidence: csr_matrix, start: Factors, recipe: Recipe, *, warm: bool = False
    ) -> Factors:
        """Three conjugate gradient steps per row and sweep.

        Raises:
            ValueError: a lambda per row is asked for.
        """
        if recipe.regularization_exponent:
            raise ValueError(f"regularization_exponent: {ONE_LAMBDA}")
        sweeps = min(recipe.iterations, WARM_SWEEPS) if warm else recipe.iterations
        with one_thread():
            model = plain(start, recipe.model_copy(update={"iterations": sweeps}))
            model.fit(confidence, show_progress=False)
        return Factors(model.user_factors, model.item_factors)


def plain(factors: Factors, recipe: Recipe) -> AlternatingLeastSquares:
    """A new model object of the library's own that holds a copy of these factors."""
    model = AlternatingLeastSquares(
        factors=factors.artists.shape[1],
        regularization=recipe.regularization,
        alpha=1.0,
        iterations=recipe.iterations,
        num_threads=recipe.threads,
        random_state=recipe.seed,
    )
    model.user_factors = factors.artists.copy()
    model.item_factors = factors.venues.copy()
    return model
