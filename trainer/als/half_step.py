"""Half-steps of ALS in whitened coordinates.

A side's vectors X (rows x factors) are kept as coordinates Z and a small basis R with X = Z R.
To solve side X with side Y fixed, with G = Y'Y + lambda I = L L' (Cholesky):

1. whiten the fixed side: W = Y inv(L'), so that W'W + lambda inv(L) inv(L') = I;
2. in the unknown's coordinates z = L'x the Gram matrix is I, and a row's equations are
   (I + sum_k (c_k - 1) w_k w_k') z = sum_k c_k w_k over its own cells alone;
3. conjugate gradients start at the old x, in new coordinates: Z R L;
4. the new basis is R = inv(L). X itself is never materialized.

Where rows have different lambdas, lambda is the least of them and L is formed from the eigenvectors
of Y'Y. A row's own term, (lambda of the row - lambda) x'x, is then diagonal in z, and its equations
have a diagonal D in place of I. The kernel solves them in coordinates sqrt(D) z, which keeps the
system as well conditioned as the others.

Rows and columns are renumbered by length, longest first, so that rows of equal length are
neighbours (`reorder.py`). Widths are padded with zero columns, which stay zero.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from trainer.als import _als

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Whitened = Floats | NDArray[np.uint16]
SLACK = 3
"""Floats that the kernel may read past the last confidence: it takes four at a time."""


class SolverOptions(NamedTuple):
    """Options of the kernel, the same for every half-step of a fit."""

    isa: str
    threads: int
    steps: int
    """Conjugate gradient steps per row and half-step."""
    packed: bool
    """Gather the fixed side as bf16 instead of float32."""
    further: int = 0
    """Most extra steps for a row with a confidence above 100."""
    few: int = 0
    """Rows of up to this many cells are solved exactly by the dual system; 0 where a confidence is
    large, since float32 loses digits there."""


class Cells(NamedTuple):
    """A sparse matrix by rows; `confidence` is padded with `SLACK` zeros."""

    indptr: Ints
    column: Ints
    confidence: Floats


class Ridge(NamedTuple):
    """The lambdas of one side's rows."""

    least: float
    more: Floats
    """By row, its lambda less `least`; empty where all rows have `least`."""

    def penalty(self, squared: float, each: Floats) -> float:
        """Sum over rows of lambda * |x|^2, from `squared` = sum |x|^2 and `each` = |x|^2 by row."""
        return self.least * squared + float(self.more.astype(np.float64) @ each[: len(self.more)])


@dataclass(frozen=True)
class Vectors:
    """X = coordinates @ basis."""

    coordinates: Floats
    """rows x width."""
    basis: Doubles
    """width x width."""
    gram: Doubles
    """X'X."""
    penalty: float
    """sum over rows of lambda * |x|^2."""

    def times(self, square: float) -> "Vectors":
        """X * sqrt(square)."""
        return Vectors(
            self.coordinates,
            self.basis * np.sqrt(square),
            self.gram * square,
            self.penalty * square,
        )


class Whitening(NamedTuple):
    """L with L L' = Y'Y + lambda I, and inv(L)."""

    lower: Doubles
    inverse: Doubles
    shrink: Floats
    """The diagonal of inv(L) inv(L') where that matrix is diagonal (a lambda per row); else
    empty."""


def unsolved(vectors: Floats) -> Vectors:
    """Initial vectors of the side that is solved first; its Gram matrix is never used."""
    width = vectors.shape[1]
    return Vectors(vectors, np.eye(width), np.zeros((width, width)), 0.0)


def in_identity_basis(vectors: Floats, ridge: Ridge, options: SolverOptions) -> Vectors:
    """Vectors with coordinates X and basis I.

    Args:
        vectors: X, rows x width.
        ridge: lambdas of its rows.
        options: of the kernel.
    """
    width = vectors.shape[1]
    gram = np.empty((width, width))
    _als.gram(options.isa, vectors, gram, options.threads)
    each = np.einsum("ij,ij->i", vectors, vectors) if len(ridge.more) else ridge.more
    return Vectors(vectors, np.eye(width), gram, ridge.penalty(float(np.trace(gram)), each))


def materialized(vectors: Vectors, options: SolverOptions) -> Floats:
    """X, rows x width."""
    out = np.empty_like(vectors.coordinates)
    _als.multiply(options.isa, vectors.coordinates, _float32(vectors.basis), out, options.threads)
    return out


def workspace(side: Vectors, options: SolverOptions) -> Whitened:
    """Memory for a whitened side, reused in every half-step: new pages would double its cost."""
    return np.empty(side.coordinates.shape, np.uint16 if options.packed else np.float32)


def half_step(
    cells: Cells,
    old: Vectors,
    fixed: Vectors,
    ridge: Ridge,
    *,
    options: SolverOptions,
    whitened: Whitened,
    out: Floats,
) -> tuple[Vectors, float]:
    """Solve one side with the other side fixed.

    Args:
        cells: confidences by row of the side to solve.
        old: the side to solve; conjugate gradients start there.
        fixed: the other side.
        ridge: lambdas of the side to solve.
        options: of the kernel.
        whitened: `workspace(fixed)`; overwritten.
        out: rows x width; overwritten with the new coordinates, shared with neither side.

    Returns:
        The solved side, and J - sum c: the objective less the sum of all confidences.
    """
    lower, inverse, shrink = _whitening(fixed.gram, ridge)
    # W = Y inv(L'), and the start in the unknown's coordinates: Z R L.
    whitening = _float32(fixed.basis @ inverse.T)
    _als.multiply(options.isa, fixed.coordinates, whitening, whitened, options.threads)
    gram = np.empty_like(fixed.gram)
    change = _float32(old.basis @ lower)
    own = ridge.more, shrink, np.empty_like(ridge.more)
    value = _als.solve(
        options.isa, *cells, whitened, old.coordinates, change, *own, out, gram, options.steps,
        options.further, options.few, options.threads,
    )  # fmt: skip
    # X = Z inv(L), so X'X = inv(L)' Z'Z inv(L).
    gram = inverse.T @ gram @ inverse
    # The kernel's value lacks the penalty of the side that it kept fixed: it is added below.
    penalty = ridge.penalty(float(np.trace(gram)), own[-1])
    return Vectors(out, inverse, gram, penalty), value + fixed.penalty


def _whitening(gram: Doubles, ridge: Ridge) -> Whitening:
    if not len(ridge.more):
        lower = np.asarray(np.linalg.cholesky(gram + ridge.least * np.eye(len(gram))), np.float64)
        inverse = solve_triangular(lower, np.eye(len(lower)), lower=True)
        return Whitening(lower, inverse, np.empty(0, np.float32))
    # With Y'Y = V diag(d) V' and D = diag(d + lambda): L = V D^(1/2), inv(L) inv(L') = inv(D).
    values, turn = np.linalg.eigh(gram)
    # A Gram matrix has no eigenvalue below 0, but rounding may give one.
    squared = np.maximum(values, 0) + ridge.least
    scale = np.sqrt(squared)
    return Whitening(turn * scale, (turn / scale).T, (1 / squared).astype(np.float32))


def _float32(matrix: Doubles) -> Floats:
    return np.ascontiguousarray(matrix, np.float32)
