"""The loop: Kafka to store, each event once.

The position to read from comes from the store, not from Kafka: on assignment the table is reopened
and each partition starts at the position in there. Kafka's own committed offset is a display of
lag. The states of a partition, and how they follow on each other, are `batch.MOVES`.

Words used here:
    to take a message: to make it a row of the batch.
    to rewind: to read again from the store's position, after another consumer has stored.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.deadline import Deadline
from consumer.errors import EndLost, EventsGone, LostPartition, NoAnswer, StoreBusy
from consumer.events.framing import Unframe
from consumer.events.statuses import Words
from consumer.ingest import rows
from consumer.ingest.appender import Appender
from consumer.ingest.batch import Batch, CommitTiming, Flush, FlushPolicy, PartitionProgress, State
from consumer.ingest.brake import Brake
from consumer.ingest.inflow import Inflow
from consumer.ingest.lag import LagMeter
from consumer.kafka import refusals, unpackable
from consumer.kafka.client import watermarks
from consumer.kafka.outage import Watch
from consumer.kafka.topic import Topic
from consumer.kafka.topic_check import TopicCheck
from consumer.metrics import GROUP, Meters
from consumer.store.writer import PATIENCE_S, Store
from consumer.table.delta_log import Span

logger = logging.getLogger(__name__)

_CHUNK = 1_000
"""Messages of one call: few enough to be decoded before they leave the processor's cache."""

_CHUNK_BYTES = 16 << 20
"""How large the messages of one call are to be at most, as far as those before them tell."""

_LARGE_BYTES = 512
"""Mean size of messages up to which the client may hold as many as it likes."""

_UNCOUNTED_BYTES = 96 << 20
"""How many bytes of keys and headers are read before the client drops what it holds."""

_IDLE_S = 0.2
_LOOK_S = 0.005
_END_S = 0.5
_WATERMARK_S = 5.0
_BEGINNING = -2


class Ingest:
    """Reads one topic into one store, until told to stop.

    Args:
        consumer: of a ``membership``; ours from here on.
        store: ours from here on.
        topic: what the consumer reads.
        options: of a second Kafka client; it finds the end of a batch that cannot be unpacked.
        topic_check: asked before each commit.
        accept_loss: continue where Kafka deleted events before they were stored.
        policy: when to store.
        revoke_s: seconds for storing what waits when partitions are taken away.
        unframe: reads values framed for a schema registry, where one is set up.
        statuses: what sources' own words for a status mean.
        watch: told what Kafka complains of, and when messages come.
        brake: stops where most messages of a source are bad; None: never.
        meters: count what is read and stored, and hold the loop's pulse.
        on_step: told of each step, for tests that stop there.
    """

    def __init__(
        self,
        *,
        consumer: Consumer,
        store: Store,
        topic: Topic,
        options: dict[str, Any],
        topic_check: TopicCheck,
        accept_loss: bool,
        policy: FlushPolicy,
        revoke_s: float,
        unframe: Unframe | None = None,
        statuses: Words | None = None,
        watch: Watch,
        brake: Brake | None = None,
        meters: Meters | None = None,
        on_step: Callable[[str], None],
    ) -> None:
        self._consumer = consumer
        self._appender = Appender(store)
        self._topic = topic
        self._options = options
        self._topic_check = topic_check
        self._accept_loss = accept_loss
        self._policy = policy
        self._revoke_s = revoke_s
        self._watch = watch
        self._brake = brake
        self._on_step = on_step
        self._batch = Batch(
            rows.RowBuilder(topic_id=topic.topic_id, unframe=unframe, statuses=statuses)
        )
        self._last_commit = CommitTiming()
        self._meters = meters or Meters()
        self._inflow = Inflow(meters=self._meters)
        self._lag = LagMeter(consumer, topic.name, self._meters)
        self._paused: set[int] = set()
        self._count = _CHUNK
        self._uncounted = 0

    def run(self, stopping: Callable[[], bool], *, stop_s: Callable[[], float]) -> None:
        """Read and store until ``stopping``; then store what waits.

        Args:
            stopping: whether to stop.
            stop_s: seconds left for stopping once that came.

        Raises:
            ConsumerError: waiting will not help; nothing of the batch was stored.
        """
        self._consumer.subscribe(
            [self._topic.name],
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._lost,
        )
        try:
            while not stopping():
                self._poll_once()
            self._flush_or_leave(stop_s())
        finally:
            # After an error nothing more is stored, not even when the group is left.
            self._batch.clear()
            self._batch.partitions.clear()
            self._appender.collect(_END_S)

    def _poll_once(self) -> None:
        self._meters.pulse.beat()
        # In this order: what was refused is settled before a commit would move its position.
        self._rewind()
        messages = self._read()
        if messages:
            self._on_step("fetched")
            self._take(messages)
        for number in self._batch.within(State.OUT_OF_RANGE):
            self._retry_unless(self._skip_or_refuse, number)
        for number in self._batch.within(State.UNPACKABLE):
            self._retry_unless(self._bury, number)
        self._collect_append(0.0)
        self._inflow.look()
        self._lag.look(self._batch.progress, self._appender.spans)
        due = self._policy.should_flush(self._batch.pending, self._last_commit, time.monotonic())
        if due and not self._appender.busy:
            self._flush_or_wait()

    def _read(self) -> list[Message]:
        pending = self._batch.pending
        wait_s = self._policy.wait_left_s(pending, self._last_commit, time.monotonic())
        if self._appender.busy:
            wait_s = _LOOK_S
            if self._policy.is_full(pending):
                self._collect_append(_IDLE_S)
                if self._appender.busy:
                    self._pause()
                # One message now and then: Kafka takes a member that asks for none for dead.
                return self._consume(1, 0.0)
        self._resume()
        # A lone event is taken the moment it comes; company is waited for only then.
        count = 1 if pending.since_s is None else self._count
        return self._consume(count, _IDLE_S if wait_s is None else min(wait_s, _IDLE_S))

    def _pause(self) -> None:
        """Let the client drop what it holds and fetch nothing more until the next read.

        It bounds the values that it holds; keys and headers it does not count at all.
        """
        ours = self._batch.progress.keys() - self._paused
        if ours:
            self._consumer.pause(self._named(ours))
            self._paused |= ours
            self._uncounted = 0

    def _resume(self) -> None:
        if self._paused:
            self._consumer.resume(self._named(self._paused))
            self._paused.clear()

    def _consume(self, count: int, wait_s: float) -> list[Message]:
        # Messages of what was revoked came with the last call at the latest.
        self._batch.forget_revoked()
        return self._consumer.consume(count, wait_s)

    def _take(self, messages: list[Message]) -> None:
        taken = self._batch.take(messages, time.monotonic())
        for index in taken.errors:
            self._handle_error(messages[index])
        if taken.rows:
            self._count = max(1, min(_CHUNK, _CHUNK_BYTES * taken.rows // (taken.bytes + 1)))
            self._watch.message()
            self._meters.read(taken.rows, taken.bytes)
            self._on_step("decoded")
        if taken.bytes > _LARGE_BYTES * len(messages):
            self._uncounted += max(0, taken.bytes - sum(map(len, messages)))
        if self._uncounted > _UNCOUNTED_BYTES:
            self._pause()

    def _handle_error(self, message: Message) -> None:
        error = message.error()
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            # In line with the messages, and past the transaction markers that are none.
            self._batch.reach(_number(message), _offset(message), time.monotonic())
        elif error.code() in refusals.OUT_OF_RANGE:
            self._batch.move({_number(message)}, State.OUT_OF_RANGE)
        elif error.code() in unpackable.CODES:
            self._batch.move({_number(message)}, State.UNPACKABLE, message)
        elif refusals.passes(error):
            self._watch.complaint(error)
        else:
            raise refusals.translated(error, self._topic.name)

    def _retry_unless(self, recover: Callable[[int, PartitionProgress], None], number: int) -> None:
        """Let a partition be read on; where Kafka does not answer, read it again from the store."""
        # An append that fails may take the partition away, and decides what is stored of it.
        self._wait_for_the_append()
        progress = self._batch.progress.get(number)
        if progress is None:
            return
        try:
            self._topic_check.assert_unchanged()
            recover(number, progress)
        except (KafkaException, NoAnswer) as error:
            logger.warning("Partition %d: %s; trying again", number, error)
            self._batch.move({number}, State.REWINDING)
        else:
            self._batch.move({number}, State.OWNED)

    def _bury(self, number: int, progress: PartitionProgress) -> None:
        """Keep a dead letter of a batch that cannot be unpacked, and continue behind it."""
        message = progress.error
        error = None if message is None else message.error()
        if message is None or error is None:
            return
        first = _offset(message)
        _, high = watermarks(self._consumer, self._topic.name, number, _WATERMARK_S)
        end = unpackable.find_end(self._options, self._topic.name, number, first, high)
        first = max(first, progress.next or 0)
        if first >= end:
            return
        letter = unpackable.letter(first, end, error.str())
        logger.warning("Partition %d: %s", number, letter)
        self._batch.bury(number, Span(first, end), letter, time.monotonic())
        self._assign_again({number: end})

    def _skip_or_refuse(self, number: int, progress: PartitionProgress) -> None:
        """Continue behind events that Kafka deleted, where that is accepted."""
        low, high = watermarks(self._consumer, self._topic.name, number, _WATERMARK_S)
        stored, following = progress.stored or 0, progress.next or 0
        # Kafka refuses an offset at or above its first one only where that is beyond its last.
        if following >= low:
            raise EndLost(self._topic.name, number, stored, low, high)
        if not self._accept_loss:
            raise EventsGone(self._topic.name, number, stored, low, high)
        logger.warning(
            "Partition %d: continuing without offsets %d to %d, deleted before they were stored",
            *(number, following, low - 1),
        )
        self._batch.reach(number, low, time.monotonic())
        self._assign_again({number: low})

    def _flush(self, patience_s: float) -> None:
        if not self._batch.spans():
            return
        self._topic_check.assert_unchanged()
        self._on_step("before_commit")
        flush = self._batch.flush()
        # Judged while nothing of the batch is stored: after this only the store decides.
        if self._brake:
            self._brake.judge(flush.rows)
        named = {self._topic.app_id(number): span for number, span in flush.spans.items()}
        self._appender.begin(flush, named, patience_s=patience_s)

    def _wait_for_the_append(self) -> None:
        while self._appender.busy:
            # It may wait for a minute for other writers, alive.
            self._meters.pulse.beat()
            self._collect_append(_IDLE_S)

    def _collect_append(self, wait_s: float) -> None:
        append = self._appender.collect(wait_s)
        if append is None:
            return
        flush = append.flush
        if isinstance(append.error, LostPartition):
            self._rewind_after(append.error, flush)
            return
        if append.error is not None:
            self._batch.restore(flush)
            raise append.error
        took_s = append.ended_s - append.began_s
        self._last_commit = CommitTiming(append.ended_s, took_s)
        count, version = flush.rows.num_rows, append.version
        logger.debug("Stored %d rows as version %d in %.3f s", count, version, took_s)
        self._meters.committed(took_s, version, self._appender.store.file_sizes)
        self._inflow.stored(flush.rows)
        self._lag.stored(flush)
        self._on_step("before_kafka_offset")
        # Only now: an offset ahead of the store would hide events that are not stored.
        # What was revoked during the append has another owner, who moves its offset.
        ours = self._batch.progress.keys() & flush.spans.keys()
        self._commit_kafka_offsets({number: flush.spans[number].end for number in ours})

    def _rewind_after(self, lost: LostPartition, flush: Flush) -> None:
        numbers = {n for n in self._batch.progress if self._topic.app_id(n) in lost.app_ids}
        logger.warning("%s; reading on from there", lost)
        # First all rows, then those of the lost partitions away: the others keep their order.
        self._batch.restore(flush)
        self._batch.move(numbers, State.REWINDING)

    def _flush_or_wait(self) -> None:
        """Store what waits, unless Kafka does not say whether it is our topic's: then later."""
        try:
            self._flush(PATIENCE_S)
        except NoAnswer as error:
            self._watch.no_answer(error)
            time.sleep(_IDLE_S)

    def _flush_or_leave(self, patience_s: float) -> None:
        """Store what waits; what other writers keep us from is read again by the next owner."""
        deadline = Deadline(patience_s)
        try:
            # First the append under way: the store's handle serves one at a time.
            self._collect_append(patience_s)
            if not self._appender.busy:
                self._flush(deadline.left_s)
                self._collect_append(deadline.left_s)
        except (StoreBusy, NoAnswer) as error:
            logger.warning("Left to the next owner: %s", error)
        if self._appender.busy:
            logger.warning("Left to the next owner: a commit that does not end")

    def _commit_kafka_offsets(self, positions: dict[int, int]) -> None:
        try:
            self._consumer.commit(offsets=self._at(positions), asynchronous=True)
        except KafkaException as error:
            # Not an error: positions come from the store, and Kafka's offsets only show the lag.
            logger.debug("Kafka's own offsets were not moved: %s", error)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {each.partition for each in partitions}
        # Messages of the partition from before may still come with this very call.
        self._batch.move(numbers & self._batch.within(State.REVOKED), State.REWINDING)
        with suppress(NoAnswer):  # asked again before anything is stored
            self._topic_check.assert_unchanged()
        positions = self._positions(numbers)
        self._on_step("assigned")
        self._meters.pulse.got(GROUP)
        # With offsets of our own: without them the client would begin at Kafka's committed ones.
        consumer.incremental_assign(self._at(positions))
        for number in numbers - self._batch.within(State.REWINDING):
            self._batch.assign(number, positions[number])
        logger.info("Assigned partitions %s of %s", _listed(numbers), self._topic.name)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {each.partition for each in partitions}
        self._on_step("revoked")
        # Before this returns: Kafka then hands the partitions over, and their next owner reads from
        # what the store holds.
        self._flush_or_leave(self._revoke_s)
        self._revoke(numbers)
        logger.info("Handed over partitions %s of %s", _listed(numbers), self._topic.name)

    def _lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {each.partition for each in partitions}
        self._revoke(numbers)
        # Nothing is flushed: another member may own and store them already.
        logger.warning("Lost partitions %s of %s", _listed(numbers), self._topic.name)

    def _revoke(self, numbers: Collection[int]) -> None:
        self._batch.move(numbers, State.REVOKED)
        self._resume()

    def _rewind(self) -> None:
        numbers = self._batch.within(State.REWINDING)
        if not numbers:
            return
        positions = self._positions(numbers)
        self._assign_again(positions)
        for number in numbers:
            self._batch.assign(number, positions[number])

    def _assign_again(self, positions: Mapping[int, int | None]) -> None:
        self._resume()
        # Rather than to seek: that fails on a partition that Kafka gave up on.
        self._consumer.incremental_unassign(self._at(positions))
        self._consumer.incremental_assign(self._at(positions))

    def _positions(self, numbers: Collection[int]) -> dict[int, int | None]:
        self._wait_for_the_append()
        # The previous owner may have stored until a moment ago: only a new handle sees it.
        self._appender.store.refresh()
        app_ids = {number: self._topic.app_id(number) for number in numbers}
        held = self._appender.store.positions(app_ids.values())
        return {number: held[name] for number, name in app_ids.items()}

    def _named(self, numbers: Collection[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic.name, number) for number in numbers]

    def _at(self, positions: Mapping[int, int | None]) -> list[TopicPartition]:
        return [
            TopicPartition(self._topic.name, number, _BEGINNING if offset is None else offset)
            for number, offset in positions.items()
        ]


def _number(message: Message) -> int:
    number = message.partition()
    if number is None:
        raise ValueError("a message of no partition")
    return number


def _offset(message: Message) -> int:
    offset = message.offset()
    if offset is None:
        raise ValueError("a message without an offset")
    return offset


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
