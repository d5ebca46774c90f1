"""Which artists, or venues, are the same by a merge (see `consumer.ids.merges`), as rows.

A *family* is all rows that count as one; most rows are a family of their own.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from consumer.ids.merges import Merge, resolve
from consumer.table.schema import Side
from trainer.plays.ids import Ids

RowNumbers = NDArray[np.int32]


class Merged:
    """The merges of one side, over a growing set of ids."""

    def __init__(self, side: Side, ids: Ids) -> None:
        self._side: Side = side
        self._ids = ids
        self._merges: set[Merge] = set()
        self._into: dict[str, str] = {}
        self._target = np.empty(0, np.int32)
        self._members = np.empty(0, np.int32)

    def __bool__(self) -> bool:
        return bool(self._into)

    def add(self, merges: Iterable[Merge]) -> RowNumbers:
        """Take in merges, of either side. Returns all rows whose family is another one now."""
        new = {merge for merge in merges if merge.side == self._side} - self._merges
        if not new:
            return np.empty(0, np.int32)
        self._merges |= new
        before, self._into = self._into, resolve(self._merges, self._side)
        # Before mapping: a merge may name ids that no statement has named yet.
        self._ids.add_all([*self._into, *self._into.values()])
        self._map()
        return np.array(sorted(self._ids.rows(_moved(before, self._into))), np.int32)

    def mapped(self, rows: RowNumbers) -> RowNumbers:
        """The rows that these count as."""
        if not self:
            return np.ascontiguousarray(rows)
        known = rows < len(self._target)  # rows numbered since the last merge map to themselves
        return np.where(known, self._target[np.where(known, rows, 0)], rows)

    def members(self) -> tuple[RowNumbers, RowNumbers]:
        """All rows that have others in their family, ascending, and what they count as."""
        return self._members, self._target[self._members]

    def stated(self, rows: RowNumbers) -> tuple[RowNumbers, RowNumbers]:
        """All rows that count as one of these (distinct), and the index of that one."""
        index = np.arange(len(rows), dtype=np.int32)
        if not self:
            return rows, index
        single = ~np.isin(rows, self._members)
        members, targets = self.members()
        order = np.argsort(rows).astype(np.int32)
        at = np.minimum(np.searchsorted(rows[order], targets), max(len(rows) - 1, 0))
        ours = rows[order[at]] == targets if len(rows) else np.zeros(len(targets), np.bool_)
        return (
            np.concatenate([rows[single], members[ours]]),
            np.concatenate([index[single], order[at[ours]]]),
        )

    def family(self, rows: RowNumbers) -> RowNumbers:
        """All rows of the families of these; sorted, distinct."""
        if not self:
            return np.unique(rows)
        kin = self._members[np.isin(self._target[self._members], self.mapped(rows))]
        return np.union1d(rows, kin).astype(np.int32)

    def _map(self) -> None:
        """Build the tables for today's rows; later rows are families of their own."""
        self._target = np.arange(len(self._ids), dtype=np.int32)
        gone, kept = (np.array(self._ids.rows(names), np.int32) for names in self._ends())
        self._target[gone] = kept
        self._members = np.union1d(gone, kept).astype(np.int32)

    def _ends(self) -> tuple[list[str], list[str]]:
        return list(self._into), list(self._into.values())


def _moved(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """All ids whose family changed."""
    # The ids that changed families, and all members of their old and new families.
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    ends = {into.get(name, name) for name in changed for into in (before, after)}
    kin = {gone for into in (before, after) for gone, kept in into.items() if kept in ends}
    return changed | ends | kin
