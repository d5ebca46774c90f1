"""ALS problems for tests of the solvers, and the objective in plain algebra."""

import numpy as np
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from trainer.als import _als
from trainer.als.engine import Factors
from trainer.als.half_step import Ridge, SolverOptions, half_step, in_identity_basis, workspace
from trainer.als.reorder import padded, relabelled
from trainer.model.initial import initial


def start(n_artists: int, n_venues: int, factors: int) -> Factors:
    ids = [str(row) for row in range(max(n_artists, n_venues))]
    return Factors(
        initial(ids[:n_artists], seed=1, side="artist", factors=factors),
        initial(ids[:n_venues], seed=1, side="venue", factors=factors),
    )


Penalty = float | tuple[np.ndarray, np.ndarray]
"""Lambda: one for all rows, or by artist and by venue."""


def objective(matrix: csr_matrix, factors: Factors, penalty: Penalty) -> float:
    """The objective of `trainer.als.engine`, cell by cell; stored zeros count as played."""
    by_artist, by_venue = penalty if isinstance(penalty, tuple) else (penalty, penalty)
    artists, venues = (side.astype(np.float64) for side in factors)
    played = matrix.copy()
    played.data = np.ones_like(played.data)
    played = played.toarray() > 0
    c = np.where(played, matrix.toarray().astype(np.float64), 1.0)
    misfit = c * (played - artists @ venues.T) ** 2
    lengths = (artists**2).sum(axis=1), (venues**2).sum(axis=1)
    return misfit.sum() + (by_artist * lengths[0]).sum() + (by_venue * lengths[1]).sum()


def exact(matrix: csr_matrix, venues: np.ndarray, penalty: float | np.ndarray) -> np.ndarray:
    """Exact solution for every artist, by dense float64 solves; one lambda, or one per row."""
    fixed = venues.astype(np.float64)
    gram, rows = fixed.T @ fixed, []
    for row, weight in enumerate(np.broadcast_to(penalty, matrix.shape[0])):
        own = slice(*matrix.indptr[row : row + 2])
        y, c = fixed[matrix.indices[own]], matrix.data[own].astype(np.float64)
        left = gram + weight * np.eye(len(gram)) + y.T @ ((c - 1)[:, None] * y)
        rows.append(np.linalg.solve(left, y.T @ c))
    return np.array(rows).reshape(matrix.shape[0], fixed.shape[1])


def descended(matrix: csr_matrix, start: Factors, penalty: Penalty, sweeps: int) -> Factors:
    """Plain ALS by dense solves, in float64."""
    by_artist, by_venue = penalty if isinstance(penalty, tuple) else (penalty, penalty)
    artists, venues = start
    for _ in range(sweeps):
        artists = exact(matrix, venues, by_artist)
        venues = exact(matrix.T.tocsr(), artists, by_venue)
    return Factors(artists, venues)


def half(matrix, venues, penalty, *, isa, packed=False, threads=1, steps=200, few=0, groups=1):
    """One half-step's artists, and the objective that it tells.

    Conjugate gradients are exact after as many steps as a row has cells, and some for rounding:
    rows of 62 cells were 1e-4 off after 60 steps, 6e-7 after 120.
    `penalty`: of the artists, one for all or one for each; where it is for each, venues have 2.
    """
    options = SolverOptions(isa, threads, steps, packed, few=few)
    there = relabelled(matrix, threads, groups)
    order, nothing = there.artist_order, np.empty(0, np.float32)
    ridge, other = Ridge(penalty, nothing), Ridge(penalty, nothing)
    if not np.isscalar(penalty):
        more = (penalty - penalty.min())[order].astype(np.float32)
        ridge, other = Ridge(penalty.min(), more), Ridge(2.0, nothing)
    zeros = np.zeros((matrix.shape[0], venues.shape[1]), np.float32)
    old = in_identity_basis(padded(zeros, order), ridge, options)
    fixed = in_identity_basis(padded(venues, there.venue_order), other, options)
    out = np.empty_like(old.coordinates)
    whitened = workspace(fixed, options)
    made, value = half_step(
        there.artists, old, fixed, ridge, options=options, whitened=whitened, out=out
    )
    artists = np.empty((matrix.shape[0], venues.shape[1]), np.float32)
    basis = np.ascontiguousarray(made.basis, np.float32)
    _als.scatter(isa, made.coordinates, basis, there.artist_order, artists, threads)
    return artists, value + float(matrix.data.sum(dtype=np.float64))


@st.composite
def matrices(draw):
    """Any shape, rows of any length from empty to full, confidences around and below 1."""
    n_artists, n_venues = draw(st.integers(1, 130)), draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    filled = draw(st.sampled_from([0.0, 0.02, 0.2, 1.0]))
    cells = rng.random((n_artists, n_venues)) < filled * rng.random((n_artists, 1)) * 2
    values = rng.gamma(1.0, draw(st.sampled_from([0.3, 2.0, 20.0])), cells.shape) + 0.05
    return csr_matrix(np.where(cells, values, 0).astype(np.float32))
