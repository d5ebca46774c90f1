"""The exact vectors of single rows while the other side stands still: the normal equations of ALS.

The minimum of the objective (see `trainer.engines`) is where
    (Y'Y + Yu'(Cu - I)Yu + lambda I) x = Yu'cu
over the u columns that the row has plays with; lambda may be the row's own.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.blas import one_thread

_BATCH_BYTES = 32_000_000


def solve(
    confident: csr_matrix,
    fixed: NDArray[np.float32],
    regularization: float | NDArray[np.float64],
) -> NDArray[np.float32]:
    """The exact vectors of r rows against a fixed other side.

    Args:
        confident: r x m, already times alpha.
        fixed: m x F.
        regularization: lambda, above 0: one for all rows, or r of them.

    Returns:
        r x F, float32; zeros for a row without plays.

    Raises:
        ValueError: shapes do not fit.
    """
    if confident.shape[1] != len(fixed):
        raise ValueError(f"fixed: {len(fixed)} rows for {confident.shape[1]} columns of confidence")
    solved = np.zeros((confident.shape[0], fixed.shape[1]), np.float32)
    with one_thread():
        exact = fixed.astype(np.float64)
        gram, ridge = exact.T @ exact, np.broadcast_to(regularization, len(solved))
        for rows in _batches(np.diff(confident.indptr), fixed.shape[1]):
            base = gram + ridge[rows, None, None] * np.eye(fixed.shape[1])
            solved[rows] = _solve_batch(confident, rows, exact, base)
    return solved


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
    fixed: NDArray[np.float64],
    base: NDArray[np.float64],
) -> NDArray[np.float64]:
    """For b rows of k cells each: b x F. `base`: b x F x F, Y'Y + lambda I."""
    first = confident.indptr[rows]
    cells = first[:, None] + np.arange(confident.indptr[rows[0] + 1] - first[0])
    weight = confident.data[cells].astype(np.float64)
    seen = fixed[confident.indices[cells]]
    across = seen.transpose(0, 2, 1)
    left = base + (across * (weight - 1)[:, None, :]) @ seen
    right = across @ weight[:, :, None]
    solved: NDArray[np.float64] = np.linalg.solve(left, right)[:, :, 0]
    return solved
