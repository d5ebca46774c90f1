"""The exact vectors of single rows while the other side stands still: the normal equations of ALS.

The minimum of the objective (see `trainer.engines`) is where
    (Y'Y + Yu'(Cu - I)Yu + lambda I) x = Yu'cu
over the u columns that the row has plays with; lambda may be the row's own. What does not hang on
the row is worked out once (`Common`). The kernel (`native/exact.hpp`) does the rest where it was
built; numpy does the same, slower.
"""

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.sparse import csr_matrix

from trainer.blas import one_thread
from trainer.errors import InsaneModel
from trainer.kernel import best_isa, built

_BATCH_BYTES = 32_000_000
_NOTHING = np.empty((0, 0))
_THREADS = os.cpu_count() or 1

Floats = NDArray[np.float64]


def gram(vectors: NDArray[np.float32]) -> Floats:
    """V'V of n x F vectors, in float64."""
    total = np.zeros((vectors.shape[1],) * 2)
    step = max(1, _BATCH_BYTES // (8 * max(vectors.shape[1], 1)))
    with one_thread():
        for start in range(0, len(vectors), step):
            exact = vectors[start : start + step].astype(np.float64)
            total += exact.T @ exact
    return total


class Common:
    """What the equations of all rows share: Y'Y and lambda."""

    def __init__(self, squares: Floats, regularization: float) -> None:
        """Take the matrix apart.

        Args:
            squares: `gram` of the other side, F x F.
            regularization: lambda, above 0.

        Raises:
            InsaneModel: the matrix has no Cholesky factor.
        """
        self.squares = squares
        self.regularization = np.array([regularization], np.float64)
        base = squares + regularization * np.eye(len(squares))
        self.upper = np.ascontiguousarray(_inverse_factor(base).T)
        """U = L^-T, where squares + lambda I = L L'."""
        self.inverse = self.upper @ self.upper.T

    def solve(
        self,
        confident: csr_matrix,
        fixed: NDArray[np.float32],
        each: Floats | None = None,
        *,
        isa: str | None = None,
    ) -> NDArray[np.float32]:
        """The exact vectors of r rows; a row's does not hang on its company.

        Args:
            confident: r x m, already times alpha.
            fixed: m x F: the vectors that `squares` was formed of.
            each: r lambdas, where rows have their own.
            isa: one of the kernel's; default the best.

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
        if built():
            self._by_kernel(confident, fixed, each, solved, isa)
        else:
            ridge = self.regularization if each is None else each
            self._by_numpy(confident, fixed, ridge, solved)
        return solved

    def _by_kernel(
        self,
        confident: csr_matrix,
        fixed: NDArray[np.float32],
        each: Floats | None,
        solved: NDArray[np.float32],
        isa: str | None,
    ) -> None:
        # Imported here: an install without a compiler has none.
        from trainer.engines import _als  # noqa: PLC0415

        _als.solve_exactly(
            isa or best_isa(),
            confident.indptr,
            confident.indices,
            confident.data,
            fixed,
            self.squares,
            self.regularization if each is None else each,
            self.upper if each is None else _NOTHING,
            self.inverse,
            solved,
            _THREADS,
        )

    def _by_numpy(
        self,
        confident: csr_matrix,
        fixed: NDArray[np.float32],
        ridge: Floats,
        solved: NDArray[np.float32],
    ) -> None:
        ridge, unit = np.broadcast_to(ridge, len(solved)), np.eye(fixed.shape[1])
        with one_thread():
            for rows in _batches(np.diff(confident.indptr), fixed.shape[1]):
                base = self.squares + ridge[rows, None, None] * unit
                solved[rows] = _solve_batch(confident, rows, fixed, base)


def solve(
    confident: csr_matrix,
    fixed: NDArray[np.float32],
    regularization: float,
    each: Floats | None = None,
) -> NDArray[np.float32]:
    """`Common.solve`, once."""
    return Common(gram(fixed), regularization).solve(confident, fixed, each)


def _inverse_factor(matrix: Floats) -> Floats:
    """L^-1, where matrix = L L'."""
    try:
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as error:
        raise InsaneModel(
            "the vectors are too long for their regularization; fit again with a larger one"
        ) from error
    inverse: Floats = solve_triangular(lower, np.eye(len(matrix)), lower=True)
    return inverse


def _batches(sizes: NDArray[np.integer], width: int) -> Iterator[NDArray[np.int64]]:
    """Rows of equal size together, so that a row's result does not hang on its company."""
    order = np.argsort(sizes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(sizes[order])) + 1):
        size = int(sizes[rows[0]]) if len(rows) else 0
        step = max(1, _BATCH_BYTES // (8 * width * max(size, width)))
        for start in range(0, len(rows), step):
            yield rows[start : start + step]


def _solve_batch(
    confident: csr_matrix,
    rows: NDArray[np.int64],
    fixed: NDArray[np.float32],
    base: Floats,
) -> Floats:
    """For b rows of k cells each: b x F. `base`: b x F x F, Y'Y + lambda I."""
    first = confident.indptr[rows]
    cells = first[:, None] + np.arange(confident.indptr[rows[0] + 1] - first[0])
    weight = confident.data[cells].astype(np.float64)
    seen = fixed[confident.indices[cells]].astype(np.float64)
    across = seen.transpose(0, 2, 1)
    left = base + (across * (weight - 1)[:, None, :]) @ seen
    right = across @ weight[:, :, None]
    solved: Floats = np.linalg.solve(left, right)[:, :, 0]
    return solved
