"""Counts equal rows by their hashes, in 12 bytes per distinct row.

Equal rows of an import are distinguished by their number k: 0 for the first, 1 for the second.
Hashes and counts are kept in sorted runs, each at most half as long as the one before it: a row
is moved O(log n) times by merges, and looked up in O(log n) runs. Two different rows with one hash
would share their numbers, which is harmless until a re-sorted copy swaps them: with 100 million
rows that happens once in 4,000 imports.
"""

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Counts = NDArray[np.uint32]


class RowCounter:
    """The number of each row among the rows equal to it, over any number of batches."""

    def __init__(self) -> None:
        self._runs: list[tuple[Hashes, Counts]] = []  # sorted distinct hashes; how often each came

    def number(self, hashes: Hashes) -> NDArray[np.int64]:
        """How many equal rows came before each row, in the order given."""
        distinct, row, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        before = self._add(distinct, counts.astype(np.uint32))
        # Within the batch: the position of each row among its equals, in a stable order.
        order = np.argsort(row, kind="stable")
        starts = np.cumsum(counts) - counts
        rank = np.empty(len(row), np.int64)
        rank[order] = np.arange(len(row)) - np.repeat(starts, counts)
        return before[row] + rank

    def _add(self, distinct: Hashes, counts: Counts) -> NDArray[np.int64]:
        """Count sorted hashes. Returns how often each had come before."""
        before = np.zeros(len(distinct), np.int64)
        for hashes, counted in self._runs:
            at = np.searchsorted(hashes, distinct)
            at[at == len(hashes)] = 0
            found = np.flatnonzero(hashes[at] == distinct)
            before[found] = counted[at[found]]
            counted[at[found]] += counts[found]
        new = before == 0
        if new.any():
            self._runs.append((distinct[new], counts[new]))
        # Each run at most half of the one before: O(log n) runs to look up, O(log n) moves per row.
        while len(self._runs) > 1 and 2 * len(self._runs[-1][0]) > len(self._runs[-2][0]):
            self._merge_last_two()
        return before

    def _merge_last_two(self) -> None:
        (small, small_counts), (large, large_counts) = self._runs.pop(), self._runs.pop()
        # No hash is in two runs, so the small one's are inserted; numpy copies each array once.
        at = np.searchsorted(large, small)
        self._runs.append((np.insert(large, at, small), np.insert(large_counts, at, small_counts)))
