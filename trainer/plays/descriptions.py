"""What statements say of artists and venues, for people and filters: genres, city, position, ...

Of all statements that describe an id the latest counts as a whole: by `time`, then the record's
timestamp, then its digest. This is a total order, so statements may be read in any order, and
again.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.table.schema import Side
from trainer.plays.ids import Ids
from trainer.plays.merged_rows import Merged

RowNumbers = NDArray[np.int32]
_ORDER = ("time", "recorded_at", "digest")
_EARLIEST = np.iinfo(np.int64).min


class Stated(NamedTuple):
    """A description and the statement that it is from; the greatest counts."""

    time_us: int
    recorded_us: int
    digest: int
    text: str
    """A JSON object."""


class Descriptions:
    """The descriptions of one side, by row.

    Args:
        side: whose; the column of this name holds them.
        ids: of that side.
    """

    def __init__(self, side: Side, ids: Ids) -> None:
        self._side = side
        self._ids = ids
        self._stated: dict[int, Stated] = {}

    def take(self, events: pa.Table) -> RowNumbers:
        """Take in event rows. Returns the rows that are described in other words now."""
        # Readers that need no descriptions do not read the column, and many sources send none.
        if self._side not in events.column_names or _is_empty(events[self._side]):
            return np.empty(0, np.int32)
        said = events.filter(pc.is_valid(events[self._side]))
        changed = [row for row, stated in self._latest(said) if self._note(row, stated)]
        return np.array(sorted(changed), np.int32)

    def texts(self, rows: RowNumbers, merged: Merged) -> list[str | None]:
        """The description of each row; of merged rows the latest one.

        Args:
            rows: of the side.
            merged: which rows count as one.
        """
        best: dict[int, Stated] = {}
        for row, target in zip(*(each.tolist() for each in merged.members()), strict=True):
            stated = self._stated.get(row)
            if stated and (target not in best or best[target] < stated):
                best[target] = stated
        pairs = zip(rows.tolist(), merged.mapped(rows).tolist(), strict=True)
        found = (best.get(target) or self._stated.get(row) for row, target in pairs)
        return [stated.text if stated else None for stated in found]

    def differing(self, other: "Descriptions") -> RowNumbers:
        """The rows that another object, with the same row numbers, describes in other words."""
        ours, theirs = self._plain_texts(), other._plain_texts()  # noqa: SLF001 - of this class
        rows = sorted(ours.keys() | theirs.keys())
        return np.array([row for row in rows if ours.get(row) != theirs.get(row)], np.int32)

    def state(self) -> list[tuple[int, int, int, int, str]]:
        """Row and statement of all descriptions."""
        return [(row, *stated) for row, stated in self._stated.items()]

    def restore(self, state: Iterable[Any]) -> None:
        """Take in what `state` returned."""
        self._stated = {row: Stated(*stated) for row, *stated in state}

    def _plain_texts(self) -> dict[int, str]:
        return {row: stated.text for row, stated in self._stated.items()}

    def _note(self, row: int, stated: Stated) -> bool:
        before = self._stated.get(row)
        if before is not None and before >= stated:
            return False
        self._stated[row] = stated
        return before is None or before.text != stated.text

    def _latest(self, said: pa.Table) -> Iterator[tuple[int, Stated]]:
        """Of the rows about each id the last one, so that few texts are taken out."""
        rows = self._rows(said[f"{self._side}_id"])
        order = [pc.fill_null(said[name].cast(pa.int64()), 0).to_numpy() for name in _ORDER]
        words, codes = _coded(said[self._side])
        at = _last(rows, [*order, _ranks(words)[codes]])
        texts = [words[code] for code in codes[at].tolist()]
        keys = zip(*(each[at].tolist() for each in order), texts, strict=True)
        yield from zip(rows[at].tolist(), (Stated(*key) for key in keys), strict=True)

    def _rows(self, names: pa.ChunkedArray) -> RowNumbers:
        distinct, codes = _coded(names)
        return np.array(self._ids.rows(distinct), np.int32)[codes]


def _coded(column: pa.ChunkedArray) -> tuple[list[str], RowNumbers]:
    """The distinct texts of a column without nulls, and the index of each row's."""
    coded = pc.cast(column, pa.string()).combine_chunks().dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy()


def _ranks(words: list[str]) -> NDArray[np.int64]:
    """The position of each text among all, sorted."""
    ranks = np.empty(len(words), np.int64)
    ranks[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
    return ranks


def _is_empty(column: pa.ChunkedArray) -> bool:
    return bool(column.null_count == len(column))


def _last(rows: RowNumbers, order: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The index of the greatest entry of each row, by the first key, then the others.

    Args:
        rows: of each entry.
        order: the keys, one value for each entry.
    """
    newest = np.full(rows.max() + 1, _EARLIEST)
    np.maximum.at(newest, rows, order[0])
    # Sorting is slow, and most entries are not the newest of their row.
    kept = np.flatnonzero(order[0] == newest[rows])
    kept = kept[np.lexsort([key[kept] for key in reversed(order)])]
    # Looked at backwards, the first of equal rows is the greatest.
    _, first = np.unique(rows[kept][::-1], return_index=True)
    return kept[::-1][first]
