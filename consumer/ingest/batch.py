"""What was read and is not stored yet, and when it is time to store it. No Kafka, no disk."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from consumer.events.invalid import InvalidEvent
from consumer.ingest import compiled
from consumer.ingest.rows import RowBuilder, Taken
from consumer.table.delta_log import Span
from consumer.table.schema import SCHEMA

if TYPE_CHECKING:
    from confluent_kafka import Message


@dataclass(frozen=True)
class Pending:
    """How much waits, for the flush policy.

    Attributes:
        events: rows.
        bytes: of their values, keys and headers.
        since_s: monotonic time of the first thing that waits, a row or a moved position; None:
            nothing waits.
    """

    events: int = 0
    bytes: int = 0
    since_s: float | None = None


@dataclass(frozen=True)
class CommitTiming:
    """How the last commit went.

    Attributes:
        ended_s: monotonic time of its end.
        took_s: seconds that it took.
    """

    ended_s: float = 0.0
    took_s: float = 0.0


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
        idle_factor: rows gather after a commit for this many times the seconds that it took.
    """

    max_events: int
    max_bytes: int
    wait_s: float
    quiet_s: float = 1.0
    idle_factor: float = 3.0

    def is_full(self, pending: Pending) -> bool:
        """Whether no more may wait."""
        return pending.events >= self.max_events or pending.bytes >= self.max_bytes

    def should_flush(self, pending: Pending, last: CommitTiming, now_s: float) -> bool:
        """Whether to store now.

        Args:
            pending: how much waits.
            last: the last commit.
            now_s: monotonic time.
        """
        return self.is_full(pending) or self.wait_left_s(pending, last, now_s) == 0

    def wait_left_s(self, pending: Pending, last: CommitTiming, now_s: float) -> float | None:
        """Seconds until what waits is due; None: nothing waits.

        Args:
            pending: how much waits.
            last: the last commit.
            now_s: monotonic time.
        """
        if pending.since_s is None:
            return None
        if not pending.events:
            return max(0.0, pending.since_s + self.quiet_s - now_s)
        gathered_s = last.ended_s + self.idle_factor * last.took_s
        return max(0.0, min(gathered_s, pending.since_s + self.wait_s) - now_s)


class State(Enum):
    """What is done with a partition."""

    OWNED = auto()
    """It is read, and its rows are stored."""
    OUT_OF_RANGE = auto()
    """Kafka does not hold the offset that comes next."""
    UNPACKABLE = auto()
    """The Kafka client cannot unpack the batch that comes next."""
    REWINDING = auto()
    """To be read again from the store's position."""
    REVOKED = auto()
    """Taken away; messages of it may still come with the call that took it away."""


MOVES = {
    State.OWNED: {State.OUT_OF_RANGE, State.UNPACKABLE, State.REWINDING, State.REVOKED},
    State.OUT_OF_RANGE: {State.OWNED, State.REWINDING, State.REVOKED},
    State.UNPACKABLE: {State.OWNED, State.REWINDING, State.REVOKED},
    # Owned again by `Batch.assign` alone, which sets the position.
    State.REWINDING: {State.REVOKED},
    State.REVOKED: {State.REWINDING},
}
"""Which states may follow on each; any other change is late news, and is ignored."""

_OURS = {State.OWNED, State.OUT_OF_RANGE, State.UNPACKABLE}


@dataclass
class PartitionProgress:
    """How far an assigned partition is read.

    Attributes:
        stored: the position that the store holds once all that was flushed is in it; None: it
            knows nothing of the partition.
        next: the next offset to take; None: not known before Kafka sends the first.
        state: what is done with it.
        error: the message in which the client names the batch that it cannot unpack.
    """

    stored: int | None
    next: int | None
    state: State = State.OWNED
    error: "Message | None" = None

    @property
    def moved(self) -> bool:
        """Whether there is something to store."""
        return self.next is not None and self.next != (self.stored or 0)


@dataclass(frozen=True)
class Flush:
    """What was taken out of a batch to be stored.

    Attributes:
        rows: of ``schema.SCHEMA``.
        spans: what they cover of each partition.
        pending: how much they are.
    """

    rows: pa.Table
    spans: Mapping[int, Span]
    pending: Pending


class Batch:
    """The rows that wait, and the partitions they come from.

    Args:
        builder: empty; makes rows of messages.

    Attributes:
        partitions: all that were assigned, with their states.
        pending: how much waits.
    """

    def __init__(self, builder: RowBuilder) -> None:
        self._builder = builder
        self.pending = Pending()
        self.partitions: dict[int, PartitionProgress] = {}

    @property
    def progress(self) -> dict[int, PartitionProgress]:
        """How far each partition is read whose rows are stored."""
        return {n: each for n, each in self.partitions.items() if each.state in _OURS}

    def within(self, state: State) -> set[int]:
        """The partitions in a state."""
        return {number for number, each in self.partitions.items() if each.state is state}

    def assign(self, partition: int, stored: int | None) -> None:
        """A partition is ours from here on, to be read from the store's position."""
        self.partitions[partition] = PartitionProgress(stored=stored, next=stored)

    def move(self, numbers: Collection[int], state: State, error: "Message | None" = None) -> None:
        """Change the state of partitions; rows that are not ours any more are dropped.

        Args:
            numbers: which partitions.
            state: the new one; ignored where `MOVES` does not allow it.
            error: the message by which Kafka reported it.
        """
        known = [self.partitions[number] for number in numbers if number in self.partitions]
        for each in known:
            if state in MOVES[each.state]:
                each.state, each.error = state, error
        if state not in _OURS:
            self._drop(numbers)

    def forget_revoked(self) -> None:
        """No message of a revoked partition comes any more."""
        for number in self.within(State.REVOKED):
            del self.partitions[number]

    def take(self, messages: "list[Message]", now_s: float) -> Taken:
        """Take messages of assigned partitions that were not taken before."""
        progress = self.progress
        positions = {
            number: compiled.UNKNOWN if each.next is None else each.next
            for number, each in progress.items()
        }
        taken = self._builder.take(messages, positions)
        for number, position in positions.items():
            progress[number].next = None if position == compiled.UNKNOWN else position
        if taken.rows:
            was = self.pending
            # A position that moved without rows waits longer than rows do: their wait begins now.
            since_s = now_s if was.since_s is None or not was.events else was.since_s
            self.pending = Pending(was.events + taken.rows, was.bytes + taken.bytes, since_s)
        return taken

    def reach(self, partition: int, position: int, now_s: float) -> None:
        """Kafka has nothing below this position any more that we did not get.

        Args:
            partition: its number.
            position: an offset.
            now_s: monotonic time.
        """
        progress = self.progress.get(partition)
        if progress is None or (progress.next is not None and progress.next >= position):
            return
        progress.next = position
        if progress.moved and self.pending.since_s is None:
            self.pending = Pending(since_s=now_s)

    def bury(self, partition: int, span: Span, error: InvalidEvent, now_s: float) -> None:
        """Kafka cannot hand over the records of a span: they become one dead letter.

        Args:
            partition: its number.
            span: from the first of these offsets to the one after the last.
            error: why.
            now_s: monotonic time.
        """
        self._builder.bury(partition, span.start or 0, error, time.time_ns() // 1_000_000)
        self.reach(partition, span.end, now_s)
        was = self.pending
        self.pending = Pending(was.events + 1, was.bytes, was.since_s)

    def _drop(self, partitions: Collection[int]) -> None:
        rows = self.rows()
        kept = rows.filter(pc.invert(pc.is_in(rows["partition"], _int32(partitions))))
        self._builder.keep(kept)
        was, waits = self.pending, any(each.moved for each in self.progress.values())
        self.pending = Pending(
            events=kept.num_rows,
            # Bytes are not known by row: all of them stay as an upper bound while any row waits.
            bytes=was.bytes if kept.num_rows else 0,
            since_s=was.since_s if waits else None,
        )

    def rows(self) -> pa.Table:
        """All that waits."""
        return self._builder.table()

    def spans(self) -> dict[int, Span]:
        """What waits of each partition."""
        return {
            number: Span(progress.stored, progress.next)
            for number, progress in self.progress.items()
            if progress.next is not None and progress.moved
        }

    def flush(self) -> Flush:
        """All that waits, to be stored; what comes from here on follows on it."""
        flush = Flush(self.rows(), self.spans(), self.pending)
        # Ahead of the commit, so that the next span continues from here; `restore` moves it back.
        for number, span in flush.spans.items():
            self.partitions[number].stored = span.end
        self.clear()
        return flush

    def restore(self, flush: Flush) -> None:
        """Undo a flush that was not stored: its rows wait again, ahead of newer ones."""
        progress = self.progress
        # Rows of partitions that were revoked meanwhile are left to their new owner.
        ours = [number for number in flush.spans if number in progress]
        for number in ours:
            progress[number].stored = flush.spans[number].start
        # The spans of both flushes join into one: older rows first keeps the order of offsets.
        back = flush.rows.filter(pc.is_in(flush.rows["partition"], _int32(ours)))
        self._builder.keep(pa.concat_tables([back, self.rows()]))
        was, since_s = self.pending, flush.pending.since_s
        self.pending = Pending(
            events=was.events + back.num_rows,
            bytes=was.bytes + (flush.pending.bytes if back.num_rows else 0),
            since_s=since_s if ours else was.since_s,
        )

    def clear(self) -> None:
        """Forget what waits."""
        self._builder.keep(SCHEMA.empty_table())
        self.pending = Pending()


def _int32(numbers: Collection[int]) -> pa.Array:
    return pa.array(list(numbers), pa.int32())
