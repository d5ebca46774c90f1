"""What was read and is not stored yet, and when it is time to store it. No Kafka, no disk."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from consumer import quick
from consumer.rows import SCHEMA, Gathering, Taken
from consumer.store import Span

if TYPE_CHECKING:
    from confluent_kafka import Message


@dataclass(frozen=True)
class Pending:
    """How much waits, for the flush policy.

    Attributes:
        events: rows.
        bytes: of their values.
        since_s: monotonic time of the first thing that waits, a row or a moved position; None:
            nothing waits.
    """

    events: int = 0
    bytes: int = 0
    since_s: float | None = None


@dataclass(frozen=True)
class FlushPolicy:
    """When a batch is stored.

    Attributes:
        max_events: rows of a batch.
        max_bytes: bytes of a batch.
        wait_s: how long a row waits for company.
        quiet_s: how long a position waits that moved without rows (transaction markers).
    """

    max_events: int
    max_bytes: int
    wait_s: float
    quiet_s: float = 1.0

    def should_flush(self, pending: Pending, now_s: float) -> bool:
        """Whether to store now."""
        full = pending.events >= self.max_events or pending.bytes >= self.max_bytes
        return full or self.wait_left_s(pending, now_s) == 0

    def wait_left_s(self, pending: Pending, now_s: float) -> float | None:
        """Seconds until what waits is due; None: nothing waits."""
        if pending.since_s is None:
            return None
        wait_s = self.wait_s if pending.events else self.quiet_s
        return max(0.0, pending.since_s + wait_s - now_s)


@dataclass
class Progress:
    """How far a partition of ours is read.

    Attributes:
        stored: the position that the store holds; None: it knows nothing of the partition.
        next: the next offset to take; None: not known before Kafka sends the first.
    """

    stored: int | None
    next: int | None

    @property
    def moved(self) -> bool:
        """Whether there is something to store."""
        return self.next is not None and self.next != (self.stored or 0)


class Batch:
    """The rows that wait, and the partitions they come from.

    Args:
        gathering: empty; makes rows of messages.

    Attributes:
        progress: of each partition of ours.
    """

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering
        self._pending = Pending()
        self.progress: dict[int, Progress] = {}

    @property
    def pending(self) -> Pending:
        """How much waits."""
        return self._pending

    def own(self, partition: int, stored: int | None) -> None:
        """A partition is ours from here on, to be read from the store's position."""
        self.progress[partition] = Progress(stored=stored, next=stored)

    def take(self, messages: "list[Message]", now_s: float) -> Taken:
        """Take the messages of partitions of ours that were not taken before."""
        positions = {
            number: quick.UNKNOWN if progress.next is None else progress.next
            for number, progress in self.progress.items()
        }
        taken = self._gathering.take(messages, positions)
        for number, position in positions.items():
            self.progress[number].next = None if position == quick.UNKNOWN else position
        if taken.rows:
            was = self._pending
            since_s = now_s if was.since_s is None or not was.events else was.since_s
            self._pending = Pending(was.events + taken.rows, was.bytes + taken.bytes, since_s)
        return taken

    def reach(self, partition: int, position: int, now_s: float) -> None:
        """Kafka has nothing below this position any more that we did not get."""
        progress = self.progress.get(partition)
        if progress is None or (progress.next is not None and progress.next >= position):
            return
        progress.next = position
        if progress.moved and self._pending.since_s is None:
            self._pending = Pending(since_s=now_s)

    def disown(self, partitions: Collection[int]) -> None:
        """These are not ours any more; what waits of them is forgotten."""
        for partition in partitions:
            self.progress.pop(partition, None)
        rows = self.rows()
        kept = rows.filter(pc.invert(pc.is_in(rows["partition"], _int32(partitions))))
        self._gathering.keep(kept)
        was, waits = self._pending, any(each.moved for each in self.progress.values())
        self._pending = Pending(
            events=kept.num_rows,
            bytes=was.bytes if kept.num_rows else 0,
            since_s=was.since_s if waits else None,
        )

    def rows(self) -> pa.Table:
        """All that waits."""
        return self._gathering.table()

    def spans(self) -> dict[int, Span]:
        """What waits of each partition."""
        return {
            number: Span(progress.stored, progress.next)
            for number, progress in self.progress.items()
            if progress.next is not None and progress.moved
        }

    def stored(self, spans: Mapping[int, Span]) -> None:
        """All that waited is stored."""
        for number, span in spans.items():
            self.progress[number].stored = span.end
        self.clear()

    def clear(self) -> None:
        """Forget what waits."""
        self._gathering.keep(SCHEMA.empty_table())
        self._pending = Pending()


def _int32(numbers: Collection[int]) -> pa.Array:
    return pa.array(list(numbers), pa.int32())
