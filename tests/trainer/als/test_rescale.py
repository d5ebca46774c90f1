"""Both sides of a product, made as long as costs least."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from support.data.als import exact, objective
from trainer.als import _als
from trainer.als.engine import Factors
from trainer.als.half_step import Ridge, SolverOptions, Vectors, in_identity_basis, materialized
from trainer.als.rescale import rescaled

OPTIONS = SolverOptions(_als.isas()[0], 1, 3, packed=False)


def sides(scale: float, penalty: float) -> tuple[csr_matrix, Vectors, Vectors, float]:
    """A matrix, its artists solved against venues of that length, and the objective of both."""
    rng = np.random.default_rng(1)
    cells = np.where(rng.random((60, 40)) < 0.2, rng.gamma(2.0, 4.0, (60, 40)), 0)
    matrix = csr_matrix(cells.astype(np.float32))
    venues = scale * rng.random((40, 4))  # as the first singular vector: of one sign
    artists = exact(matrix, venues, penalty)
    value = objective(matrix, Factors(artists, venues), penalty) - matrix.data.sum()
    ridge = Ridge(penalty, np.empty(0, np.float32))
    x, y = (in_identity_basis(padded(side), ridge, OPTIONS) for side in (artists, venues))
    return matrix, x, y, float(value)


def padded(side: np.ndarray) -> np.ndarray:
    wide = np.zeros((len(side), _als.width(side.shape[1])), np.float32)
    wide[:, : side.shape[1]] = side
    return wide


@pytest.mark.parametrize(("scale", "penalty"), [(3.0, 1.0), (0.02, 40.0)])
def test_no_other_lengths_of_both_sides_cost_less(scale, penalty):
    matrix, artists, venues, value = sides(scale, penalty)

    longer = rescaled(artists, venues, value)

    assert longer[0].penalty > artists.penalty
    x, y = (materialized(side, OPTIONS) for side in longer)
    least = objective(matrix, Factors(x, y), penalty)
    around = np.geomspace(0.3, 3, 31)
    assert all(
        objective(matrix, Factors(x * a, y * b), penalty) >= least * (1 - 1e-6)
        for a in around
        for b in around
    )
    for side in longer:
        gram = materialized(side, OPTIONS).T @ materialized(side, OPTIONS)
        assert side.gram == pytest.approx(gram, rel=1e-4, abs=1e-6)
        assert side.penalty == pytest.approx(penalty * np.trace(gram), rel=1e-4)


def test_a_solved_side_that_would_become_shorter_is_left():
    _, artists, venues, value = sides(0.02, 1.0)
    assert artists.penalty > venues.penalty

    assert rescaled(artists, venues, value)[0] is artists


def test_zero_vectors_have_no_length_to_be_changed():
    matrix = csr_matrix((3, 4), dtype=np.float32)
    nothing, ridge = np.zeros((4, _als.width(4)), np.float32), Ridge(1.0, np.empty(0, np.float32))
    zeros = in_identity_basis(nothing, ridge, OPTIONS)

    assert rescaled(zeros, zeros, float(matrix.sum())) == (zeros, zeros)
