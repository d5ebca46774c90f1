"""Ids and their row numbers.

An *id* is the opaque string that booking systems and apps use. A *row* is its number in our
matrices: given once, never changed, never seen outside the trainer.
"""

from bisect import bisect_left
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer.settling import numbered


class Ids:
    """An append-only numbering of ids: the first is row 0."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.table = numbered()
        """Where they are numbered; settling adds to it too."""
        self._ids: list[str] = []
        self._order = np.empty(0, np.int64)
        self.add_all(ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> str:
        return self.ids[row]

    @property
    def ids(self) -> list[str]:
        """All ids in row order: borrowed, not copied."""
        known = len(self._ids)
        if known < len(self.table):
            self._ids[known:] = self.table.since(known)  # two threads may be here at once
        return self._ids

    def row(self, name: str) -> int | None:
        """The row of one id, None where it was never seen."""
        row = self.table.find(name)
        return None if row < 0 else row

    def rows(self, names: Iterable[str]) -> list[int]:
        """The rows of ids that all have one."""
        return [self.table.find(name) for name in names]

    def add(self, names: pa.ChunkedArray) -> NDArray[np.int32]:
        """The rows of `names` (no nulls), numbering the unseen ones in order of appearance."""
        chunks = pc.cast(names, pa.string()).chunks
        return np.concatenate([np.empty(0, np.int32), *map(self.table.add_all, chunks)])

    def add_all(self, names: Iterable[str]) -> None:
        """Number those that are unseen, in the order given."""
        for name in names:
            self.table.add(name)

    def order(self) -> NDArray[np.int64]:
        """All rows, sorted by id: the order in which ties are broken. Borrowed, not copied."""
        ids, known = self.ids, len(self._order)
        new = sorted(range(known, len(ids)), key=ids.__getitem__)
        if new:
            held = _Held(ids, self._order)
            at = [bisect_left(held, ids[row]) for row in new] if known else 0
            self._order = np.insert(self._order, at, new)
        return self._order


class _Held:
    """Ids in order, to be bisected."""

    def __init__(self, ids: list[str], order: NDArray[np.int64]) -> None:
        self._ids = ids
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, at: int) -> str:
        return self._ids[int(self._order[at])]
