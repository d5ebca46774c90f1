"""Contributions to a sparse term for one subject: their sums, z of these, the greatest of each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.ranking.part import index_of, inverse_deviation

Floats = NDArray[np.float64]
Rows = NDArray[np.integer]

NO_CAUSE = -1


class Contributions(NamedTuple):
    """What adds to the value of which candidate; cells of one candidate are added up."""

    source: Rows
    """By cell, the row of what contributes."""
    column: Rows
    """By cell, the row of the candidate."""
    value: Floats
    """By cell."""

    def summed(self, size: int) -> tuple[Rows, Floats]:
        """Rows of candidates, ascending, and their sums.

        Args:
            size: number of all rows of the candidates' side.
        """
        sums = np.bincount(self.column, self.value, size)
        # A walk reaches 300 venues from each one played: most sums stay 0.
        columns = np.flatnonzero(sums)
        return columns, sums[columns].astype(np.float64)

    def greatest(self, listed: Rows, size: int) -> NDArray[np.int64]:
        """By listed candidate, the source of its greatest cell; `NO_CAUSE` without one above 0.

        Args:
            listed: k distinct rows of candidates.
            size: number of all rows of their side.
        """
        entry = index_of(listed, size)[self.column]
        kept = np.flatnonzero((entry >= 0) & (self.value > 0))
        # Of several values that are assigned to one entry the last stays.
        kept = kept[np.argsort(self.value[kept], kind="stable")]
        causes = np.full(len(listed), NO_CAUSE)
        causes[entry[kept]] = self.source[kept]
        return causes


class Candidates:
    """All candidates of a list, over which values are standardised.

    Args:
        rows: of the candidates.
        size: number of all rows of their side.
    """

    def __init__(self, rows: Rows, size: int) -> None:
        self._number = len(rows)
        self._index = index_of(rows, size)

    def z(self, columns: Rows, values: Floats, listed: Rows) -> Floats:
        """Z of the listed ones, as `trainer.ranking.part.standardised` has it.

        Args:
            columns: distinct rows of the candidates' side, ascending; all others are 0.
            values: by column.
            listed: k rows of candidates.
        """
        if not len(columns):
            return np.zeros(len(listed))
        # Sums over stored values suffice: the others add 0, but count as candidates.
        among = values[self._index[columns] >= 0]
        mean = among.sum() / max(self._number, 1)
        square = np.square(among).sum() / max(self._number, 1)
        inverse = inverse_deviation(np.array([mean]), np.array([square]))
        # For what is beyond the last column searchsorted gives the length: kept inside, since the
        # comparison below rejects whatever column stands there.
        at = np.minimum(np.searchsorted(columns, listed), len(columns) - 1)
        found = np.where(columns[at] == listed, values[at], 0.0)
        z: Floats = (found - mean) * inverse[0]
        return z
