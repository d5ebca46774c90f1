"""Store against topic: whether each record that Kafka still holds is stored, once, as it was read.

Words used here:
    retained: from a partition's low end to the store's position; what is below cannot be compared.
    missing: in the topic, not in the store.        extra: in the store, not in the topic.
    doubled: in the store more than once.           differing: in both, and not the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.places import KINDS, PLACE, Places, Rows, placed

SHOWN = 5
"""Offsets of a difference that are told."""

Offsets = NDArray[np.int64]


@dataclass
class Difference:
    """Offsets of one partition with which the same is wrong."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        more = " …" if self.count > len(self.first) else ""
        return f"offset{'s' if self.count > 1 else ''} {', '.join(map(str, self.first))}{more}"

    def add(self, offsets: Offsets) -> None:
        """These too."""
        self.count += len(offsets)
        self.first += offsets[: SHOWN - len(self.first)].tolist()


@dataclass
class Compared:
    """What came of one partition.

    Attributes:
        low: the first offset that Kafka holds.
        end: the store's position.
        records: of the topic, between them.
        rows: of the store, between them.
        below: rows of the store that Kafka holds no more.
        differences: by what is wrong; only those that there are.
    """

    low: int
    end: int
    records: int = 0
    rows: int = 0
    below: int = 0
    differences: dict[str, Difference] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether nothing is wrong."""
        return not self.differences

    def note(self, what: str, offsets: Offsets) -> None:
        """With these offsets something is wrong."""
        if len(offsets):
            self.differences.setdefault(what, Difference()).add(offsets)


class Recount:
    """Compares as the topic is read; rows of a partition must come by rising offset.

    Args:
        places: what the store holds.
        topic_id: of the topic.
        lows: first offset held by Kafka, by partition.
        ends: the store's position, by partition.
    """

    def __init__(
        self, *, places: Places, topic_id: str, lows: Mapping[int, int], ends: Mapping[int, int]
    ) -> None:
        self._topics = {topic_id: 0}
        self._held = {number: places.of_partition(topic_id, number) for number in ends}
        self._at: dict[int, int] = {}
        self.partitions = {number: Compared(lows[number], ends[number]) for number in ends}
        for number, compared in self.partitions.items():
            self._begin(number, compared)

    def _begin(self, number: int, compared: Compared) -> None:
        offsets = self._held[number].offset
        start, end = np.searchsorted(offsets, [compared.low, compared.end])
        compared.below, compared.rows = int(start), int(end - start)
        compared.note("doubled", np.unique(offsets[1:][offsets[1:] == offsets[:-1]]))
        compared.note("extra", offsets[end:])
        self._at[number] = int(start)

    def take(self, rows: pa.Table) -> None:
        """Records of the topic, as the store would hold them."""
        found = np.concatenate([np.empty(0, PLACE), *self._placed(rows)])
        for number in np.unique(found["partition"]).tolist():
            own = found[found["partition"] == number]
            own = own[np.argsort(own["offset"])]
            self.compare(number, Rows(own["offset"], own["print"], own["kind"]))

    def compare(self, number: int, told: Rows) -> None:
        """Records of one partition, those that follow on what was compared so far."""
        if not len(told.offset):
            return
        compared, held, start = self.partitions[number], self._held[number], self._at[number]
        end = int(np.searchsorted(held.offset, told.offset[-1], side="right"))
        offsets, first = np.unique(held.offset[start:end], return_index=True)
        shared, both = np.isin(told.offset, offsets), np.isin(offsets, told.offset)
        compared.records += len(told.offset)
        compared.note("missing", told.offset[~shared])
        compared.note("extra", offsets[~both])
        same = start + first[both]
        wrong = (told.print[shared] != held.print[same]) | (told.kind[shared] != held.kind[same])
        compared.note("differing", told.offset[shared][wrong])
        self._at[number] = end

    def finish(self) -> dict[int, Compared]:
        """All records were taken. Returns what came of each partition."""
        for number, compared in self.partitions.items():
            offsets = self._held[number].offset
            end = int(np.searchsorted(offsets, compared.end))
            compared.note("extra", np.unique(offsets[self._at[number] : end]))
            self._at[number] = end
        return self.partitions

    def _placed(self, rows: pa.Table) -> Iterable[NDArray[np.void]]:
        for kind in KINDS:
            yield placed(rows.filter(pc.equal(rows["kind"], kind)), kind, self._topics)


def report(partitions: Mapping[int, Compared]) -> dict[str, Any]:
    """As JSON."""
    return {
        str(number): {
            "low": compared.low,
            "end": compared.end,
            "records": compared.records,
            "rows": compared.rows,
            "not_retained": compared.below,
            **{
                what: {"count": difference.count, "first": difference.first}
                for what, difference in compared.differences.items()
            },
        }
        for number, compared in sorted(partitions.items())
    }


def lines(partitions: Mapping[int, Compared]) -> list[str]:
    """For people: one for each partition and kind of difference."""
    return [
        f"{what}: {difference.count:,} of partition {number}, {difference}"
        for number, compared in sorted(partitions.items())
        for what, difference in compared.differences.items()
    ]
