"""Store against topic: whether each record that Kafka still holds is stored once, unchanged.

Words used here:
    retained: from a partition's low end to the store's position; what is below cannot be compared.
    missing: in the topic, not in the store.        extra: in the store, not in the topic.
    doubled: in the store more than once.           differing: in both, and not the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.audit.row_digests import DIGESTED, KINDS, PartitionRows, RowDigests, digest_rows

SHOWN = 5
"""How many offsets of a difference are shown."""

Offsets = NDArray[np.int64]

_DEAD = KINDS.index("dead")


@dataclass
class Difference:
    """Offsets of one partition with the same fault."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        more = " …" if self.count > len(self.first) else ""
        return f"offset{'s' if self.count > 1 else ''} {', '.join(map(str, self.first))}{more}"

    def add(self, offsets: Offsets) -> None:
        """Add offsets; the first few are kept to show."""
        self.count += len(offsets)
        self.first += offsets[: SHOWN - len(self.first)].tolist()


@dataclass
class Compared:
    """The comparison of one partition.

    Attributes:
        low: the first offset that Kafka holds.
        end: the store's position.
        records: of the topic, between them.
        rows: of the store, between them.
        below: rows of the store whose records Kafka has deleted.
        valid_now: dead letters of the store that today's rules, clock and settings would take.
        differences: by kind; only those that were found.
    """

    low: int
    end: int
    records: int = 0
    rows: int = 0
    below: int = 0
    valid_now: int = 0
    differences: dict[str, Difference] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether no difference was found."""
        return not self.differences

    def note(self, what: str, offsets: Offsets) -> None:
        """Add offsets to a kind of difference."""
        if len(offsets):
            self.differences.setdefault(what, Difference()).add(offsets)


class Recount:
    """Compares while the topic is read; rows of a partition must come by rising offset.

    Args:
        stored: what the store holds.
        topic_id: of the topic.
        lows: first offset held by Kafka, by partition.
        ends: the store's position, by partition.
    """

    def __init__(
        self, *, stored: RowDigests, topic_id: str, lows: Mapping[int, int], ends: Mapping[int, int]
    ) -> None:
        self._topics = {topic_id: 0}
        self._held = {number: stored.partition(topic_id, number) for number in ends}
        self._at: dict[int, int] = {}
        self.partitions = {number: Compared(lows[number], ends[number]) for number in ends}
        for number, compared in self.partitions.items():
            self._begin(number, compared)

    def _begin(self, number: int, compared: Compared) -> None:
        offsets = self._held[number].offset
        start, end = np.searchsorted(offsets, [compared.low, compared.end])
        compared.below, compared.rows, self._at[number] = int(start), int(end - start), int(start)
        compared.note("doubled", np.unique(offsets[1:][offsets[1:] == offsets[:-1]]))
        compared.note("extra", offsets[end:])

    def take(self, rows: pa.Table) -> None:
        """Compare records of the topic, given as rows of the store."""
        by_kind = ((kind, rows.filter(pc.equal(rows["kind"], kind))) for kind in KINDS)
        digested = (digest_rows(own, kind, self._topics) for kind, own in by_kind)
        found = np.concatenate([np.empty(0, DIGESTED), *digested])
        for number in np.unique(found["partition"]).tolist():
            own = found[found["partition"] == number]
            own = own[np.argsort(own["offset"])]
            self.compare(number, PartitionRows(own["offset"], own["digest"], own["kind"]))

    def compare(self, number: int, topic: PartitionRows) -> None:
        """Compare records of one partition, the next after those compared so far."""
        if not len(topic.offset):
            return
        compared, held, start = self.partitions[number], self._held[number], self._at[number]
        end = int(np.searchsorted(held.offset, topic.offset[-1], side="right"))
        # A record that is stored twice is reported once as doubled; it is compared by its first
        # row.
        offsets, first = np.unique(held.offset[start:end], return_index=True)
        shared, both = np.isin(topic.offset, offsets), np.isin(offsets, topic.offset)
        compared.records += len(topic.offset)
        compared.note("missing", topic.offset[~shared])
        compared.note("extra", offsets[~both])
        same = start + first[both]
        # Equal offsets hold the same record, so any difference is a fault of the store, except a
        # dead letter that is valid by today's rules.
        wrong = (topic.digest[shared] != held.digest[same]) | (
            topic.kind[shared] != held.kind[same]
        )
        valid_now = (held.kind[same] == _DEAD) & (topic.kind[shared] != _DEAD)
        compared.valid_now += int(valid_now.sum())
        compared.note("differing", topic.offset[shared][wrong & ~valid_now])
        self._at[number] = end

    def finish(self) -> dict[int, Compared]:
        """After the last record. Returns the comparison of each partition."""
        for number, compared in self.partitions.items():
            offsets = self._held[number].offset
            end = int(np.searchsorted(offsets, compared.end))
            compared.note("extra", np.unique(offsets[self._at[number] : end]))
            self._at[number] = end
        return self.partitions


def report(partitions: Mapping[int, Compared]) -> dict[str, Any]:
    """As JSON."""
    return {
        str(number): {
            "low": compared.low,
            "end": compared.end,
            "records": compared.records,
            "rows": compared.rows,
            "not_retained": compared.below,
            "valid_now": compared.valid_now,
            **{
                what: {"count": difference.count, "first": difference.first}
                for what, difference in compared.differences.items()
            },
        }
        for number, compared in sorted(partitions.items())
    }


def lines(partitions: Mapping[int, Compared]) -> list[str]:
    """As text: one line for each partition and kind of difference."""
    return [
        f"{what}: {difference.count:,} of partition {number}, {difference}"
        for number, compared in sorted(partitions.items())
        for what, difference in compared.differences.items()
    ]
