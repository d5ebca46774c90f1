"""Ids and their row numbers.

An *id* is the opaque string that booking systems and apps use. A *row* is its number in our
matrices: given once, never changed, never seen outside the trainer.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Ids:
    """An append-only numbering of ids: the first is row 0."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids = list(ids)
        self._rows = {name: row for row, name in enumerate(self._ids)}
        self._order = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> str:
        return self._ids[row]

    @property
    def ids(self) -> list[str]:
        """All ids in row order: borrowed, not copied."""
        return self._ids

    def row(self, name: str) -> int | None:
        """The row of one id, None where it was never seen."""
        return self._rows.get(name)

    def rows(self, names: Iterable[str]) -> list[int]:
        """The rows of ids that all have one."""
        return [self._rows[name] for name in names]

    def add(self, names: pa.ChunkedArray) -> NDArray[np.int32]:
        """The rows of `names` (no nulls), numbering the unseen ones in order of appearance."""
        encoded = _dictionary(names)
        rows = [self._add(name) for name in encoded.dictionary.to_pylist()]
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        return np.asarray(rows, np.int32)[codes] if rows else np.empty(0, np.int32)

    def add_all(self, names: Iterable[str]) -> None:
        """Number those that are unseen, in the order given."""
        for name in names:
            self._add(name)

    def _add(self, name: str) -> int:
        row = self._rows.setdefault(name, len(self._ids))
        if row == len(self._ids):
            self._ids.append(name)
        return row

    def order(self) -> NDArray[np.int64]:
        """All rows, sorted by id: the order in which ties are broken."""
        if len(self._order) != len(self._ids):
            self._order = np.array(sorted(range(len(self._ids)), key=self._ids.__getitem__))
        return self._order


def _dictionary(names: pa.ChunkedArray) -> Any:  # noqa: ANN401 - pyarrow has no types
    return names.combine_chunks().dictionary_encode()
