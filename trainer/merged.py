"""Which artists, or venues, are the same by a merge (see `consumer.merges`), as rows.

A *family* is all rows that count as one; most rows are a family of their own.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from consumer.merges import Merge, Side, resolve
from trainer.ids import Ids

Rows = NDArray[np.int32]


class Merged:
    """The merges of one side, over ids that go on growing."""

    def __init__(self, side: Side, ids: Ids) -> None:
        self._side: Side = side
        self._ids = ids
        self._merges: set[Merge] = set()
        self._into: dict[str, str] = {}
        self._target = np.empty(0, np.int32)
        self._member = np.empty(0, np.bool_)

    def __bool__(self) -> bool:
        return bool(self._into)

    def add(self, merges: Iterable[Merge]) -> Rows:
        """Take in merges, of either side. Returns all rows whose family is another one now."""
        new = {merge for merge in merges if merge.side == self._side} - self._merges
        if not new:
            return np.empty(0, np.int32)
        self._merges |= new
        before, self._into = self._into, resolve(self._merges, self._side)
        self._ids.add_all([*self._into, *self._into.values()])
        self._target = np.empty(0, np.int32)
        return np.array(sorted(self._ids.rows(_moved(before, self._into))), np.int32)

    def mapped(self, rows: Rows) -> Rows:
        """The rows that these count as."""
        if not self:
            return np.ascontiguousarray(rows)
        self._grow()
        return self._target[rows]

    def is_in(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of these have others in their family."""
        if not self:
            return np.zeros(len(rows), np.bool_)
        self._grow()
        return self._member[rows]

    def family(self, rows: Rows) -> Rows:
        """All rows of the families of these; sorted, distinct."""
        if not self:
            return np.unique(rows)
        members = np.flatnonzero(self.is_in(np.arange(len(self._ids), dtype=np.int32)))
        kin = members[np.isin(self._target[members], self.mapped(rows))]
        return np.union1d(rows, kin).astype(np.int32)

    def _grow(self) -> None:
        """Have the tables cover all ids that there are by now."""
        if len(self._target) == len(self._ids):
            return
        self._target = np.arange(len(self._ids), dtype=np.int32)
        self._member = np.zeros(len(self._ids), np.bool_)
        for gone, kept in self._into.items():
            row, into = self._ids.rows([gone, kept])
            self._target[row] = into
            self._member[[row, into]] = True


def _moved(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Everybody in a family that lost or gained somebody."""
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    ends = {into.get(name, name) for name in changed for into in (before, after)}
    kin = {gone for into in (before, after) for gone, kept in into.items() if kept in ends}
    return changed | ends | kin
