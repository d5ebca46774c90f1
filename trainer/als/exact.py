"""The exact vectors of single rows with the other side fixed: the normal equations of ALS.

The minimum of the objective (see `trainer.als.engine`) is where
    (Y'Y + Yu'(Cu - I)Yu + lambda I) x = Yu'cu
over the u columns that the row has plays with; lambda may differ by row. What all rows share is
computed once (`Common`). The kernel (`native/kernel/als/exact.hpp`) does the rest
where it was built; numpy does the same row by row, slower.
"""

import os

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.sparse import csr_matrix

from trainer.als.runtime import best_isa, one_thread
from trainer.errors import InsaneModel
from trainer.recipe import built

_BATCH_BYTES = 32_000_000
_NOTHING = np.empty((0, 0))
_THREADS = os.cpu_count() or 1

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


def gram(vectors: Vectors) -> Floats:
    """V'V of n x F vectors, in float64."""
    total = np.zeros((vectors.shape[1],) * 2)
    step = max(1, _BATCH_BYTES // (8 * max(vectors.shape[1], 1)))
    with one_thread():
        # In blocks: a float64 copy of all vectors would take twice their memory.
        for start in range(0, len(vectors), step):
            exact = vectors[start : start + step].astype(np.float64)
            total += exact.T @ exact
    return total


class Common:
    """The part of the equations that all rows share: Y'Y and lambda."""

    def __init__(self, squares: Floats, regularization: float) -> None:
        """Factorise Y'Y + lambda I.

        Args:
            squares: `gram` of the other side, F x F.
            regularization: lambda, above 0.

        Raises:
            InsaneModel: the matrix is not positive definite in float64.
        """
        self.squares = squares
        self.regularization = np.array([regularization], np.float64)
        base = squares + regularization * np.eye(len(squares))
        self.upper = np.ascontiguousarray(_inverse_factor(base).T)
        """U = L^-T, where squares + lambda I = L L'."""
        # (L L')^-1 = L^-T L^-1.
        self.inverse = self.upper @ self.upper.T

    def solve(
        self,
        confident: csr_matrix,
        fixed: Vectors,
        each: Floats | None = None,
        *,
        isa: str | None = None,
    ) -> Vectors:
        """The exact vectors of r rows; each depends on its own row alone.

        Args:
            confident: r x m, already times alpha.
            fixed: m x F: the vectors whose Gram matrix is `squares`.
            each: r lambdas, where they differ by row.
            isa: instruction set of the kernel; default the best.

        Returns:
            r x F, float32; zeros for a row without plays.

        Raises:
            ValueError: shapes do not fit.
        """
        if confident.shape[1] != len(fixed):
            raise ValueError(
                f"fixed: {len(fixed)} rows for {confident.shape[1]} columns of confidence"
            )
        solved = np.zeros((confident.shape[0], fixed.shape[1]), np.float32)
        ridge = self.regularization if each is None else each
        if not built():
            self._solve_in_python(confident, fixed, ridge, solved)
            return solved
        # Imported here: an install without a compiler has none.
        from trainer.als import _als  # noqa: PLC0415

        # Short rows are solved by the dual system where one factor serves all: with a lambda by row
        # none does.
        upper = self.upper if each is None else _NOTHING
        _als.solve_exactly(
            isa or best_isa(), confident.indptr, confident.indices, confident.data, fixed,
            self.squares, ridge, upper, self.inverse, solved, _THREADS,
        )  # fmt: skip
        return solved

    def _solve_in_python(
        self, confident: csr_matrix, fixed: Vectors, ridge: Floats, solved: Vectors
    ) -> None:
        """Row by row: (Y'Y + Yu'(Cu - I)Yu + lambda I) x = Yu'cu."""
        unit = np.eye(fixed.shape[1])
        with one_thread():
            for row, penalty in enumerate(np.broadcast_to(ridge, len(solved))):
                cells = slice(confident.indptr[row], confident.indptr[row + 1])
                weight = confident.data[cells].astype(np.float64)
                seen = fixed[confident.indices[cells]].astype(np.float64)
                left = self.squares + penalty * unit + (seen.T * (weight - 1)) @ seen
                solved[row] = np.linalg.solve(left, seen.T @ weight)


def solve(
    confident: csr_matrix, fixed: Vectors, regularization: float, each: Floats | None = None
) -> Vectors:
    """`Common.solve`, once.

    Args:
        confident: r x m, already times alpha.
        fixed: m x F.
        regularization: lambda, above 0.
        each: r lambdas, where they differ by row.
    """
    return Common(gram(fixed), regularization).solve(confident, fixed, each)


def _inverse_factor(matrix: Floats) -> Floats:
    """L^-1, where matrix = L L'."""
    try:
        # Rather than an inverse: this fails where the matrix is not positive definite, and does not
        # return numbers that mean nothing.
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as error:
        raise InsaneModel(
            "the vectors are too long for their regularization; fit again with a larger one"
        ) from error
    inverse: Floats = solve_triangular(lower, np.eye(len(matrix)), lower=True)
    return inverse
