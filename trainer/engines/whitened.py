"""Half-steps of ALS in whitened coordinates.

A side's vectors X (rows x factors) are kept as coordinates Z and a small basis R with X = Z R.
To solve side X while side Y stands still, with G = Y'Y + lambda I = L L' (Cholesky):

1. whiten the fixed side: W = Y inv(L'), so that W'W + lambda inv(L) inv(L') = I;
2. in the unknown's coordinates z = L'x the Gram matrix is I, and a row's equations are
   (I + sum_k (c_k - 1) w_k w_k') z = sum_k c_k w_k over its own cells alone;
3. conjugate gradients start at the old x, in new coordinates: Z R L;
4. the new basis is R = inv(L). X itself is never formed.

Rows and columns are renumbered by length, longest first, so that rows of equal length are
neighbours: see `native/`. Widths are padded with zero columns, which stay zero.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from trainer.engines import _als

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
SLACK = 3
"""Floats that the kernel may read past the last confidence: it takes four at a time."""


class Means(NamedTuple):
    """How to compute: the same for every half-step of a fit."""

    isa: str
    threads: int
    steps: int
    """Of conjugate gradients per row and half-step."""
    packed: bool
    """Gather bf16 instead of float32."""


class Cells(NamedTuple):
    """A sparse matrix by rows; `confidence` has `SLACK` zeros more."""

    indptr: Ints
    column: Ints
    confidence: Floats


@dataclass(frozen=True)
class Vectors:
    """X = coordinates @ basis, and coordinates' @ coordinates."""

    coordinates: Floats
    """rows x width."""
    basis: Doubles
    """width x width."""
    gram: Doubles

    @property
    def gram_of_vectors(self) -> Doubles:
        """X'X."""
        return self.basis.T @ self.gram @ self.basis

    @property
    def squared(self) -> float:
        """The sum of X's squares."""
        return float(np.trace(self.gram_of_vectors))


def plain(vectors: Floats, means: Means) -> Vectors:
    """Vectors as they are, in the basis I."""
    width = vectors.shape[1]
    gram = np.empty((width, width))
    _als.gram(means.isa, vectors, gram, means.threads)
    return Vectors(vectors, np.eye(width), gram)


def formed(vectors: Vectors, means: Means) -> Floats:
    """X, rows x width."""
    out = np.empty_like(vectors.coordinates)
    _als.multiply(means.isa, vectors.coordinates, _single(vectors.basis), out, means.threads)
    return out


def solved(
    cells: Cells, old: Vectors, fixed: Vectors, penalty: float, *, means: Means, out: Floats
) -> tuple[Vectors, float]:
    """One half-step.

    Args:
        cells: rows of the side that is solved.
        old: that side as it was.
        fixed: the other side.
        penalty: lambda.
        means: how.
        out: rows x width, for the new coordinates; neither `old`'s nor `fixed`'s.

    Returns:
        The side anew, and the objective, less the sum of all confidences.
    """
    lower = np.linalg.cholesky(fixed.gram_of_vectors + penalty * np.eye(len(fixed.gram)))
    inverse = solve_triangular(lower, np.eye(len(lower)), lower=True)
    white = np.empty(fixed.coordinates.shape, np.uint16 if means.packed else np.float32)
    whitening = _single(fixed.basis @ inverse.T)
    _als.multiply(means.isa, fixed.coordinates, whitening, white, means.threads)
    gram = np.empty_like(fixed.gram)
    change = _single(old.basis @ lower)
    value = _als.solve(
        means.isa, *cells, white, old.coordinates, change, out, gram, means.steps, means.threads
    )
    return Vectors(out, inverse, gram), value + penalty * fixed.squared


def _single(matrix: Doubles) -> Floats:
    return np.ascontiguousarray(matrix, np.float32)
