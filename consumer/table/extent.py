"""How much a table holds, by its log."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from consumer.table.delta_log import Snapshot


class Extent(NamedTuple):
    """How much a table holds; compaction leaves it as it is.

    Attributes:
        table: its id.
        rows: how many, by kind.
    """

    table: str
    rows: Mapping[str, int]


def extent_of(snapshot: Snapshot) -> Extent:
    """How much the table holds at a version."""
    rows: Counter[str] = Counter()
    for file in snapshot.files.values():
        rows[file.kind] += max(file.rows, 0)
    return Extent(snapshot.table.id, rows)
