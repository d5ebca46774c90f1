"""What was read and is not stored yet, and when it is time to store it. No Kafka, no disk."""

import math
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
class Pace:
    """How the last commit went.

    Attributes:
        ended_s: monotonic time of its end.
        took_s: seconds that it took.
    """

    ended_s: float = 0.0
    took_s: float = 0.0


NO_CALM = Pace(ended_s=math.inf)
"""After it rows gather as long as they may."""


@dataclass(frozen=True)
class FlushPolicy:
    """When a batch is stored.

    A row after a calm is stored at once. Else commits are given a quarter of the time at most:
    after one that took 15 ms, rows gather for 45 ms. So a trickle costs little, and under load a
    batch holds what came during the last one's commit and three times as long.

    Attributes:
        max_events: rows of a batch.
        max_bytes: bytes of a batch.
        wait_s: how long a row waits for company, at most.
        quiet_s: how long a position waits that moved without rows (transaction markers).
        calm: how many times as long as the last commit took rows gather after it.
    """

    max_events: int
    max_bytes: int
    wait_s: float
    quiet_s: float = 1.0
    calm: float = 3.0

    def is_full(self, pending: Pending) -> bool:
        """Whether no more may wait."""
        return pending.events >= self.max_events or pending.bytes >= self.max_bytes

    def should_flush(self, pending: Pending, pace: Pace, now_s: float) -> bool:
        """Whether to store now."""
        return self.is_full(pending) or self.wait_left_s(pending, pace, now_s) == 0

    def wait_left_s(self, pending: Pending, pace: Pace, now_s: float) -> float | None:
        """Seconds until what waits is due; None: nothing waits."""
        if pending.since_s is None:
            return None
        if not pending.events:
            return max(0.0, pending.since_s + self.quiet_s - now_s)
        calm_s = pace.ended_s + self.calm * pace.took_s
        return max(0.0, min(calm_s, pending.since_s + self.wait_s) - now_s)


@dataclass(frozen=True)
class Handed:
    """What was taken out of a batch to be stored.

    Attributes:
        rows: of ``rows.SCHEMA``.
        spans: what they cover of each partition.
        pending: how much they are.
    """

    rows: pa.Table
    spans: Mapping[int, Span]
    pending: Pending


@dataclass
class Progress:
    """How far a partition of ours is read.

    Attributes:
        stored: the position that the store holds once all that was handed over is in it; None:
            it knows nothing of the partition.
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

    def hand_over(self) -> Handed:
        """All that waits, to be stored; what comes from here on follows on it."""
        handed = Handed(self.rows(), self.spans(), self._pending)
        for number, span in handed.spans.items():
            self.progress[number].stored = span.end
        self.clear()
        return handed

    def put_back(self, handed: Handed) -> None:
        """It was not stored: what of it is still ours waits again, before what came since."""
        ours = [number for number in handed.spans if number in self.progress]
        for number in ours:
            self.progress[number].stored = handed.spans[number].start
        back = handed.rows.filter(pc.is_in(handed.rows["partition"], _int32(ours)))
        self._gathering.keep(pa.concat_tables([back, self.rows()]))
        was, since_s = self._pending, handed.pending.since_s
        self._pending = Pending(
            events=was.events + back.num_rows,
            bytes=was.bytes + (handed.pending.bytes if back.num_rows else 0),
            since_s=since_s if ours else was.since_s,
        )

    def clear(self) -> None:
        """Forget what waits."""
        self._gathering.keep(SCHEMA.empty_table())
        self._pending = Pending()


def _int32(numbers: Collection[int]) -> pa.Array:
    return pa.array(list(numbers), pa.int32())
