"""What a term of the score is given, and what it yields.

A term standardises over the candidates: z[x] = (x - mean) / deviation, 0 where x does not vary.
Within a row that is a factor and a shift, so a score is never formed as a whole matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.model.fit import SideModel
from trainer.plays.matrix import Plays
from trainer.ranking.history import History

Rows = NDArray[np.integer]

FLAT = 1e-9
"""Below this deviation, relative to the greatest value, z is 0: values differ by rounding only."""


@dataclass(frozen=True)
class ScorePart:
    """The contribution of one term to r rows and c columns; None is zero."""

    rows: NDArray[np.float32] | None = None
    """r x F, together with `cols`."""
    cols: NDArray[np.float32] | None = None
    """c x F."""
    bias: NDArray[np.float32] | None = None
    """c."""
    shift: NDArray[np.float32] | None = None
    """r: constant within a row, so it does not change the order."""
    additions: csr_matrix | None = None
    """r x c, float32."""

    def times(self, weight: float) -> "ScorePart":
        """The same part, weighted."""
        factor = np.float32(weight)

        def weighted(values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
            return None if values is None else values * factor

        return ScorePart(
            rows=weighted(self.rows),
            # One factor of the product alone: on both the weight would count twice.
            cols=self.cols,
            bias=weighted(self.bias),
            shift=weighted(self.shift),
            additions=None if self.additions is None else self.additions * factor,
        )

    def dense(self, n_rows: int, n_cols: int) -> NDArray[np.float32]:
        """The whole matrix without the shift, for a few rows."""
        total = np.zeros((n_rows, n_cols), np.float32)
        if self.rows is not None and self.cols is not None:
            total += self.rows @ self.cols.T
        if self.bias is not None:
            total += self.bias
        return total if self.additions is None else np.asarray(total + self.additions)


@dataclass(frozen=True)
class Candidates:
    """c rows of a side that are ranked, and what the side's state fixes for them.

    Keep it to rank one subject after another: copying the factors of 20,000 venues takes
    longer than ranking them.
    """

    side: SideModel
    """These and all other rows of their side."""
    rows: Rows
    """c distinct row numbers; a tie goes to the earlier."""

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def factors(self) -> NDArray[np.float32]:
        """The vectors, c x F."""
        return self.side.factors[self.rows]

    @cached_property
    def bias(self) -> NDArray[np.float32]:
        """Popularity, c."""
        return self.side.bias[self.rows]

    @cached_property
    def yearly(self) -> NDArray[np.float32]:
        """Popularity over the year, c."""
        return self.side.yearly[self.rows]

    @cached_property
    def liveness(self) -> NDArray[np.float32]:
        """Recency of the last play, c."""
        return self.side.liveness[self.rows]

    @cached_property
    def index(self) -> NDArray[np.int32]:
        """By row of the side, its place among the candidates; -1 where it is none."""
        return index_of(self.rows, len(self.side))


@dataclass(frozen=True)
class ScoringInput:
    """The input of every term."""

    vectors: NDArray[np.float32]
    """r x F: of the subjects (for whom candidates are ranked)."""
    wanted: Rows
    """r distinct subjects."""
    candidates: Candidates
    """c candidates."""
    own: Plays
    """Plays of the wanted, r rows x all columns."""
    history: History
    """Plays of all subjects."""
    as_of_ms: int
    walk: csr_matrix
    """Between venues; see `trainer.model.walk`."""


Term = Callable[[ScoringInput], ScorePart]


def index_of(columns: Rows, size: int) -> NDArray[np.int32]:
    """By row number, its index in `columns`; -1 where it is not among them.

    Args:
        columns: distinct row numbers.
        size: number of all rows.
    """
    index = np.full(size, -1, np.int32)
    index[columns] = np.arange(len(columns), dtype=np.int32)
    return index


def inverse_deviation(
    mean: NDArray[np.float64], square: NDArray[np.float64]
) -> NDArray[np.float64]:
    """1 / deviation of rows, from the means of values and of their squares; 0 where it is FLAT."""
    # Var x = E x^2 - (E x)^2, which rounding may take below 0 where values are equal.
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    inverse: NDArray[np.float64] = np.zeros_like(deviation)
    np.divide(1, deviation, out=inverse, where=deviation > FLAT * np.sqrt(square))
    return inverse


def standardised(values: csr_matrix, weight: NDArray[np.float64] | None = None) -> ScorePart:
    """Standardise sparse rows; cells that are not stored are 0.

    z = x / deviation, less mean / deviation.

    Args:
        values: r x c.
        weight: r, of each row; None: 1.
    """
    n_rows, n_cols = values.shape
    row = np.repeat(np.arange(n_rows), np.diff(values.indptr))
    # Sums over stored cells suffice: the others add nothing, but count as candidates.
    mean = np.bincount(row, values.data, n_rows) / max(n_cols, 1)
    square = np.bincount(row, np.square(values.data, dtype=np.float64), n_rows) / max(n_cols, 1)
    inverse = inverse_deviation(mean, square)
    if weight is not None:
        inverse *= weight
    scaled = (values.data * inverse[row]).astype(np.float32)
    return ScorePart(
        shift=(-mean * inverse).astype(np.float32),
        additions=csr_matrix((scaled, values.indices, values.indptr), shape=values.shape),
    )
