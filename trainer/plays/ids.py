"""Ids, their row numbers, and the display names of rows.

An *id* is the opaque string that booking systems and apps use. A *row* is its number in our
matrices: given once, never changed, never seen outside the trainer. A *name* is for people and for
search, never for identity.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer.plays import gigs

if TYPE_CHECKING:
    from trainer.plays import _settle


class Ids:
    """An append-only numbering of ids: the first is row 0."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.table: _settle.Interner = gigs.implementation().Interner()
        """The numbering itself; settling adds ids to it too."""
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
        # Only new ids are sorted; each is then inserted at the index that bisection finds.
        new = sorted(range(known, len(ids)), key=ids.__getitem__)
        if new:
            at = [bisect_left(self._order, ids[row], key=ids.__getitem__) for row in new]
            # np.insert reads all positions as those of the old array, which is what bisection gave.
            self._order = np.insert(self._order, at, new)
        return self._order


class Names:
    """The newest name of each row; of two with equal time, the greater string."""

    def __init__(self) -> None:
        self.table: _settle.Names = gigs.implementation().Names()
        """The names themselves; settling adds to them."""

    def by_id(self, ids: Ids) -> dict[str, str]:
        """Every known name by its id."""
        return self.for_rows(ids, np.arange(len(ids), dtype=np.int32))

    def state(self) -> list[tuple[int, str, int]]:
        """Row, name and time of all names."""
        times = self.table.times_ms()
        rows = np.arange(len(times), dtype=np.int32)
        said = zip(rows.tolist(), self.table.lookup(rows), times.tolist(), strict=True)
        return [(row, name, time) for row, name, time in said if name is not None]

    def restore(self, state: Iterable[tuple[int, str, int]]) -> None:
        """Take in what `state` returned."""
        for row, name, time_ms in state:
            self.table.say(row, name, time_ms)

    def for_rows(self, ids: Ids, rows: NDArray[np.int32]) -> dict[str, str]:
        """The known names of these rows, by id."""
        said = zip(rows.tolist(), self.table.lookup(rows), strict=True)
        return {ids[row]: name for row, name in said if name is not None}
