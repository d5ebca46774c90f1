"""The compiled kernel (native/kernel/module.cpp). Arrays are contiguous and never copied."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]

def isas() -> list[str]:
    """Instruction sets of this build that this machine has, the best last."""

def width(factors: int) -> int:
    """Floats per vector inside the kernel: `factors` rounded up to a compiled width.

    Raises:
        ValueError: more than 512.
    """

def by_length(length: Ints, order: Ints) -> None:
    """Fills `order` with rows by length, longest first, equal ones in row order."""

def smooth(
    indptr: Ints,
    column: Ints,
    per_column: Ints,
    rounds: int,
    of_rows: Floats,
    of_columns: Floats,
    threads: int,
) -> None:
    """Takes the mean of neighbours: in each round rows that of their columns, then columns.

    Args:
        indptr, column: a matrix, rows x columns, of which only the places count.
        per_column: cells of each column.
        of_rows: filled.
        of_columns: where it starts, and then the end.
        threads: at least 1.
    """

def relabel(
    indptr: Ints,
    column: Ints,
    confidence: Floats,
    row_order: Ints,
    rank: Ints,
    row_indptr: Ints,
    row_column: Ints,
    row_confidence: Floats,
    column_indptr: Ints,
    column_row: Ints,
    column_confidence: Floats,
    threads: int,
) -> None:
    """Fills the six arrays with the matrix and its transpose, rows and columns renumbered.

    Args:
        indptr, column, confidence: the matrix, rows x columns.
        row_order: by new row, the old one.
        rank: by old column, the new one.
        column_indptr: given filled.
        threads: at least 1.
    """

def multiply(
    isa: str, rows: Floats, change: Floats, out: Floats | NDArray[np.uint16], threads: int
) -> None:
    """Out = rows @ change: float32, or bf16 in the kernel's own order where `out` is uint16."""

def scatter(isa: str, rows: Floats, change: Floats, order: Ints, out: Floats, threads: int) -> None:
    """out[order[r]] = (rows @ change)[r], as many columns as `out` has."""

def gram(isa: str, rows: Floats, out: Doubles, threads: int) -> None:
    """Out = rows.T @ rows."""

def solve(
    isa: str,
    indptr: Ints,
    column: Ints,
    confidence: Floats,
    fixed: Floats | NDArray[np.uint16],
    start: Floats,
    change: Floats,
    more: Floats,
    shrink: Floats,
    squared: Floats,
    out: Floats,
    gram: Doubles,
    steps: int,
    further: int,
    few: int,
    threads: int,
) -> float:
    """One half-step in whitened coordinates (docs/solver.md).

    Args:
        confidence: readable for three floats past its last.
        fixed: the other side, whitened, as `multiply` wrote it.
        start: rows x width; conjugate gradients begin at start @ change.
        more: by row, its lambda less the least; empty: all have the least.
        shrink: width; squared length is the sum of these times the squared coordinates; or empty.
        squared: by row, filled with squared lengths; or empty.
        out: rows x width: the solutions.
        gram: out.T @ out.
        steps: of conjugate gradients.
        further: at most this many more for a row with a confidence above 100.
        few: rows of this many cells or fewer are solved exactly; at most 16. Their confidences are
            not large.

    Returns:
        The objective less that of all-zero rows, without the other side's own penalty.
    """

def solve_exactly(
    isa: str,
    indptr: Ints,
    column: Ints,
    confidence: Floats,
    fixed: Floats,
    gram: Doubles,
    penalty: Doubles,
    upper: Doubles,
    inverse: Doubles,
    out: Floats,
    threads: int,
) -> None:
    """Every row's exact vector while the other side stands still (native/kernel/als/exact.hpp).

    Args:
        indptr, column, confidence: rows x columns.
        fixed: columns x width, of any width.
        gram: fixed.T @ fixed.
        penalty: lambda, one for all rows; or one for each, and then
        upper: has no rows; else L^-T, where gram + lambda I = L L'.
        inverse: upper @ upper.T.
        out: rows x width.
    """

def top_n(
    isa: str,
    rows: Floats,
    cols: Floats,
    bias: Floats,
    shift: Floats,
    error: Floats,
    excluded_indptr: NDArray[np.int64],
    excluded_column: Ints,
    added_indptr: NDArray[np.int64],
    added_column: Ints,
    added: Floats,
    best_cols: Ints,
    best_scores: Floats,
    threads: int,
) -> None:
    """Exact top-N of rows @ cols.T + bias + shift[:, None] + additions.

    Args:
        rows, cols: r x F and c x F.
        bias, shift: c and r.
        error: r; a bound on what float32 gets wrong of a row's scores.
        excluded_indptr, excluded_column: by row, ascending columns that are never returned.
        added_indptr, added_column, added: by row, ascending columns whose scores are raised.
        best_cols: r x n, filled: best first, ties to the lower column, -1 where there are fewer.
        best_scores: r x n, filled: NaN there. The same bits on every machine.
    """
