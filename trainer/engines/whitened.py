"""Half-steps of ALS in whitened coordinates.

A side's vectors X (rows x factors) are kept as coordinates Z and a small basis R with X = Z R.
To solve side X while side Y stands still, with G = Y'Y + lambda I = L L' (Cholesky):

1. whiten the fixed side: W = Y inv(L'), so that W'W + lambda inv(L) inv(L') = I;
2. in the unknown's coordinates z = L'x the Gram matrix is I, and a row's equations are
   (I + sum_k (c_k - 1) w_k w_k') z = sum_k c_k w_k over its own cells alone;
3. conjugate gradients start at the old x, in new coordinates: Z R L;
4. the new basis is R = inv(L). X itself is never formed.

Where rows have a lambda each, lambda being the least, the eigenvectors of Y'Y make L: then a row's
own part, (lambda of the row - lambda) x'x, is a diagonal in z, and so the row's equations have a
diagonal D in place of I. The kernel solves them in sqrt(D) z, preconditioned as well as others are.

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
White = Floats | NDArray[np.uint16]
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
    further: int = 0
    """Steps more, at most, for a row with a confidence above 100."""
    few: int = 0
    """Rows of so many cells are solved by the dual: not where a confidence is large."""


class Cells(NamedTuple):
    """A sparse matrix by rows; `confidence` has `SLACK` zeros more."""

    indptr: Ints
    column: Ints
    confidence: Floats


class Ridge(NamedTuple):
    """The lambdas of one side's rows."""

    least: float
    more: Floats
    """By row, what it has beyond `least`; empty where none has."""

    def penalty(self, squared: float, each: Floats) -> float:
        """Lambda times squared length: of all rows together, and of each where they differ."""
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
    """What X itself adds to the objective: lambda times squared length."""

    def times(self, square: float) -> "Vectors":
        """X times the root of `square`."""
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
    """The diagonal of inv(L) inv(L'), where that is one; else empty."""


def begun(vectors: Floats) -> Vectors:
    """Where a side starts that is solved before anybody asks for its products."""
    width = vectors.shape[1]
    return Vectors(vectors, np.eye(width), np.zeros((width, width)), 0.0)


def plain(vectors: Floats, ridge: Ridge, means: Means) -> Vectors:
    """Vectors as they are, in the basis I."""
    width = vectors.shape[1]
    gram = np.empty((width, width))
    _als.gram(means.isa, vectors, gram, means.threads)
    each = np.einsum("ij,ij->i", vectors, vectors) if len(ridge.more) else ridge.more
    return Vectors(vectors, np.eye(width), gram, ridge.penalty(float(np.trace(gram)), each))


def formed(vectors: Vectors, means: Means) -> Floats:
    """X, rows x width."""
    out = np.empty_like(vectors.coordinates)
    _als.multiply(means.isa, vectors.coordinates, _single(vectors.basis), out, means.threads)
    return out


def room(side: Vectors, means: Means) -> White:
    """Memory for a whitened side, to be used in every half-step: new pages cost as much again."""
    return np.empty(side.coordinates.shape, np.uint16 if means.packed else np.float32)


def solved(
    cells: Cells,
    old: Vectors,
    fixed: Vectors,
    ridge: Ridge,
    *,
    means: Means,
    white: White,
    out: Floats,
) -> tuple[Vectors, float]:
    """One half-step.

    Args:
        cells: rows of the side that is solved.
        old: that side as it was.
        fixed: the other side.
        ridge: of the side that is solved.
        means: how.
        white: `room(fixed)`, for the fixed side in whitened coordinates.
        out: rows x width, for the new coordinates; neither `old`'s nor `fixed`'s.

    Returns:
        The side anew, and the objective, less the sum of all confidences.
    """
    lower, inverse, shrink = _whitening(fixed.gram, ridge)
    whitening = _single(fixed.basis @ inverse.T)
    _als.multiply(means.isa, fixed.coordinates, whitening, white, means.threads)
    gram = np.empty_like(fixed.gram)
    change = _single(old.basis @ lower)
    own = ridge.more, shrink, np.empty_like(ridge.more)
    value = _als.solve(
        means.isa, *cells, white, old.coordinates, change, *own, out, gram, means.steps,
        means.further, means.few, means.threads,
    )  # fmt: skip
    gram = inverse.T @ gram @ inverse
    penalty = ridge.penalty(float(np.trace(gram)), own[-1])
    return Vectors(out, inverse, gram, penalty), value + fixed.penalty


def _whitening(gram: Doubles, ridge: Ridge) -> Whitening:
    if not len(ridge.more):
        lower = np.asarray(np.linalg.cholesky(gram + ridge.least * np.eye(len(gram))), np.float64)
        inverse = solve_triangular(lower, np.eye(len(lower)), lower=True)
        return Whitening(lower, inverse, np.empty(0, np.float32))
    values, turn = np.linalg.eigh(gram)
    squared = np.maximum(values, 0) + ridge.least
    scale = np.sqrt(squared)
    return Whitening(turn * scale, (turn / scale).T, (1 / squared).astype(np.float32))


def _single(matrix: Doubles) -> Floats:
    return np.ascontiguousarray(matrix, np.float32)
