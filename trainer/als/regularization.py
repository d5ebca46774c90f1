"""The lambda of each row: the weight of its squared norm in the objective."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.recipe import Recipe


def own_ridges(confident: csr_matrix, recipe: Recipe) -> NDArray[np.float64] | None:
    """`ridges` where they differ by row; None where all rows share one lambda."""
    return ridges(confident, recipe) if recipe.regularization_exponent else None


def ridges(confident: csr_matrix, recipe: Recipe) -> NDArray[np.float64]:
    """By row, regularization * n ** exponent, n being the row's cells above 0.

    A row without cells is treated as having one; its vector is zero for any lambda.

    Args:
        confident: rows x columns, already times alpha.
        recipe: regularization, regularization_exponent.
    """
    if not recipe.regularization_exponent:
        return np.full(confident.shape[0], recipe.regularization)
    # Row pointers alone would count stored cells of value 0 too.
    before = np.concatenate([[0], np.cumsum(confident.data > 0)])
    cells = np.diff(before[confident.indptr])
    scale: NDArray[np.float64] = np.maximum(cells, 1.0) ** recipe.regularization_exponent
    return recipe.regularization * scale
