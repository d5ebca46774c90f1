"""How often each row of a file was seen so far, in 12 bytes per distinct row.

Equal rows of an import are told apart by their number k: 0 for the first, 1 for the second.
The counter keeps 64-bit hashes in sorted *runs*, each at most half as long as the one before
it; a run that outgrows this is merged with its neighbour, so a row is moved only O(log n)
times and looked up in O(log n) runs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Counts = NDArray[np.uint32]

_SLICE = 1 << 16


@dataclass(frozen=True)
class _Run:
    hashes: Hashes  # sorted, each once
    counts: Counts  # how often it was seen; written in place

    def __len__(self) -> int:
        return len(self.hashes)


class Repeats:
    """Counts equal rows by their hashes.

    Two different rows with one hash would share their numbers, which stays harmless until a
    re-sorted copy swaps them: among 100 million rows that happens once in 4,000 imports.
    """

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        """Distinct rows seen."""
        return sum(map(len, self._runs))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(run.hashes.nbytes + run.counts.nbytes for run in self._runs)

    def number(self, hashes: Hashes) -> NDArray[np.int64]:
        """The number k of each row, in the order given: how many equal rows came before it."""
        distinct, row, seen_now = np.unique(hashes, return_inverse=True, return_counts=True)
        before = self._add(distinct, seen_now.astype(np.uint32))
        return before[row] + _rank_among_equals(row, len(distinct))

    def _add(self, distinct: Hashes, seen_now: Counts) -> NDArray[np.int64]:
        """Adds sorted hashes; returns how often each had been seen."""
        before = np.zeros(len(distinct), np.int64)
        new = np.ones(len(distinct), bool)
        for run in self._runs:
            at = np.searchsorted(run.hashes, distinct)
            at[at == len(run)] = 0
            known = np.flatnonzero(run.hashes[at] == distinct)
            before[known] = run.counts[at[known]]
            run.counts[at[known]] += seen_now[known]
            new[known] = False
        if new.any():
            self._runs.append(_Run(distinct[new], seen_now[new]))
            self._settle()
        return before

    def _settle(self) -> None:
        """Merges from the end until each run is at most half as long as the one before."""
        while len(self._runs) > 1 and 2 * len(self._runs[-1]) > len(self._runs[-2]):
            small, large = self._runs.pop(), self._runs.pop()
            self._runs.append(_merged(large, small))


def _rank_among_equals(row: NDArray[np.intp], n: int) -> NDArray[np.int64]:
    """For each entry of `row` (numbers below n) how many equal ones stand before it."""
    order = np.argsort(row, kind="stable")
    first = np.searchsorted(row[order], np.arange(n))
    rank = np.empty(len(row), np.int64)
    rank[order] = np.arange(len(row)) - first[row[order]]
    return rank


def _merged(large: _Run, small: _Run) -> _Run:
    """Both runs as one: the new arrays are all that is allocated, so the peak is 24 bytes a row."""
    n = len(large) + len(small)
    merged = _Run(np.empty(n, np.uint64), np.empty(n, np.uint32))
    cuts = np.append(np.arange(_SLICE, len(large), _SLICE), len(large))
    small_cuts = np.searchsorted(small.hashes, large.hashes[cuts[:-1]])
    before = small_before = 0
    for cut, small_cut in zip(cuts, np.append(small_cuts, len(small)), strict=True):
        _merge_slice(merged, large, slice(before, cut), small, slice(small_before, small_cut))
        before, small_before = cut, small_cut
    return merged


def _merge_slice(merged: _Run, large: _Run, of_large: slice, small: _Run, of_small: slice) -> None:
    """Writes one stretch of both runs to its place among the merged."""
    both = np.concatenate([large.hashes[of_large], small.hashes[of_small]])
    order = np.argsort(both, kind="stable")
    place = slice(of_large.start + of_small.start, of_large.stop + of_small.stop)
    merged.hashes[place] = both[order]
    merged.counts[place] = np.concatenate([large.counts[of_large], small.counts[of_small]])[order]
