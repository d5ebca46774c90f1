"""A common start for all solvers, and the objective that they are compared by."""

import numpy as np
from scipy.sparse import csr_matrix

from trainer.als.engine import Factors
from trainer.model.initial import initial
from trainer.recipe import Recipe


def drawn(matrix: csr_matrix, recipe: Recipe) -> Factors:
    """The start of a cold fit, with row numbers as ids."""
    sides = (
        initial(map(str, range(rows)), seed=recipe.seed, side=side, factors=recipe.factors)
        for rows, side in zip(matrix.shape, ("artist", "venue"), strict=True)
    )
    return Factors(*sides)


def objective(matrix: csr_matrix, factors: Factors, regularization: float) -> float:
    """The objective of `trainer.als.engine`, in float64, over all cells."""
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
