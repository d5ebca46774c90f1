"""ALS problems for tests of the solvers, and the objective once more in plain algebra."""

import numpy as np
from scipy.sparse import csr_matrix

from trainer.engines import Factors
from trainer.start import initial


def start(n_artists: int, n_venues: int, factors: int) -> Factors:
    ids = [str(row) for row in range(max(n_artists, n_venues))]
    return Factors(
        initial(ids[:n_artists], seed=1, side="artist", factors=factors),
        initial(ids[:n_venues], seed=1, side="venue", factors=factors),
    )


def objective(matrix: csr_matrix, factors: Factors, penalty: float) -> float:
    """As `trainer.engines` states it, cell by cell; stored zeros are played."""
    artists, venues = (side.astype(np.float64) for side in factors)
    played = matrix.copy()
    played.data = np.ones_like(played.data)
    played = played.toarray() > 0
    c = np.where(played, matrix.toarray().astype(np.float64), 1.0)
    misfit = c * (played - artists @ venues.T) ** 2
    return misfit.sum() + penalty * ((artists**2).sum() + (venues**2).sum())
