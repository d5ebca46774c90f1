"""The loop: Kafka to store, each event once.

Where to read from is the store's word, never Kafka's: on assignment the table is opened anew and
each partition starts at the position in there. Kafka's own committed offset is a display of lag.

Words used here:
    turn: one round of the loop: read what is there, take it, store it when due.
    to take a message: to make it a row of the batch.
    let go: a partition that was taken from us; nothing of it is taken any more.
    adrift: a partition of which Kafka does not hold the offset that comes next.
    rewind: go back to the store's position, after another consumer stored on.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer import rows
from consumer.batch import NO_CALM, Batch, FlushPolicy, Handed, Pace, Progress
from consumer.brake import NOTHING_SEEN, Brake
from consumer.errors import (
    ConsumerError,
    EndLost,
    EventsGone,
    Fenced,
    InstanceHeld,
    KafkaFailed,
    LostPartition,
    NoAnswer,
    NotAuthorized,
    SessionRefused,
    StoreBusy,
    TopicMissing,
)
from consumer.framing import Unframe
from consumer.incarnation import Incarnation
from consumer.store import PATIENCE_S, Store
from consumer.storing import Storing
from consumer.topic import Topic
from consumer.watch import Watch

logger = logging.getLogger(__name__)

_CHUNK = 1_000
"""Messages of one call: few enough to be decoded before they leave the processor's cache."""

_IDLE_S = 0.2
_LOOK_S = 0.005
_END_S = 0.5
_WATERMARK_S = 5.0
_BEGINNING = -2
_OUT_OF_RANGE = {KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION}  # noqa: SLF001
_HELD = "instance ID is still used"
_FENCED = "Static consumer fenced"
_PASSING = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.ILLEGAL_GENERATION,
}
"""Errors of the consumer that librdkafka gets over by itself."""


class Ingest:
    """Reads one topic into one store, until told to stop.

    Args:
        consumer: of a ``membership``; ours from here on.
        store: ours from here on.
        topic: what the consumer reads.
        incarnation: asked before each commit whether it still is that topic.
        accept_loss: go on where Kafka deleted events before they were stored.
        policy: when to store.
        revoke_s: seconds for storing what waits when partitions are taken away.
        unframe: reads values framed for a schema registry, where one is set up.
        watch: told what Kafka complains of, and when messages come.
        brake: stops where most messages are bad; None: never.
        on_step: told of each step, for tests that stop there.
    """

    def __init__(
        self,
        *,
        consumer: Consumer,
        store: Store,
        topic: Topic,
        incarnation: Incarnation,
        accept_loss: bool,
        policy: FlushPolicy,
        revoke_s: float,
        unframe: Unframe | None = None,
        watch: Watch,
        brake: Brake | None = None,
        on_step: Callable[[str], None],
    ) -> None:
        self._consumer = consumer
        self._storing = Storing(store)
        self._topic = topic
        self._incarnation = incarnation
        self._accept_loss = accept_loss
        self._policy = policy
        self._revoke_s = revoke_s
        self._watch = watch
        self._brake = brake
        self._on_step = on_step
        self._batch = Batch(rows.Gathering(topic_id=topic.topic_id, unframe=unframe))
        self._pace = Pace()
        self._handed = NOTHING_SEEN
        self._let_go: set[int] = set()
        self._rewinding: set[int] = set()
        self._adrift: set[int] = set()

    def run(self, stopping: Callable[[], bool], *, stop_s: Callable[[], float]) -> None:
        """Read and store until ``stopping``; then store what waits.

        Args:
            stopping: whether to stop.
            stop_s: seconds left for stopping once that came.

        Raises:
            ConsumerError: what no waiting will mend; nothing of the batch was stored.
        """
        self._consumer.subscribe(
            [self._topic.name],
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._lost,
        )
        try:
            while not stopping():
                self._turn()
            self._flush_or_leave(stop_s())
        finally:
            # After an error nothing more is stored, not even when the group is left.
            self._batch.clear()
            self._batch.progress.clear()
            self._storing.ended(_END_S)

    def _turn(self) -> None:
        if self._rewinding:
            self._rewind()
        messages = self._read()
        if messages:
            self._on_step("fetched")
            self._take(messages)
        if self._adrift:
            self._find_again()
        self._hear_of_the_append(0.0)
        due = self._policy.should_flush(self._batch.pending, self._calm, time.monotonic())
        if due and not self._storing.busy:
            self._flush_or_wait()

    @property
    def _calm(self) -> Pace:
        # After a stop by the brake one message alone tells nothing: it waits for company.
        return NO_CALM if self._brake and self._brake.is_resumed else self._pace

    def _read(self) -> list[Message]:
        pending = self._batch.pending
        wait_s = self._policy.wait_left_s(pending, self._calm, time.monotonic())
        if self._storing.busy:
            wait_s = _LOOK_S
            if self._policy.is_full(pending):
                # One message now and then: Kafka takes a member that asks for none for dead.
                self._hear_of_the_append(_IDLE_S)
                return self._consume(1, 0.0)
        # A lone event is taken the moment it comes; company is waited for only then.
        count = 1 if pending.since_s is None else _CHUNK
        return self._consume(count, _IDLE_S if wait_s is None else min(wait_s, _IDLE_S))

    def _consume(self, count: int, wait_s: float) -> list[Message]:
        self._let_go.clear()
        return self._consumer.consume(count, wait_s)

    def _take(self, messages: list[Message]) -> None:
        taken = self._batch.take(messages, time.monotonic())
        for index in taken.errors:
            self._hear(messages[index])
        if taken.rows:
            self._watch.message()
            self._on_step("decoded")
        if self._brake and self._brake.note(taken.rows, taken.dead):
            self._wait_for_the_append()
            raise self._brake.stop(self._batch.rows())

    def _hear(self, message: Message) -> None:
        error = message.error()
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            # In line with the messages, and past the transaction markers that are none.
            self._batch.reach(_number(message), _offset(message), time.monotonic())
        elif error.code() in _OUT_OF_RANGE:
            self._adrift.add(_number(message))
        elif error.code() in _PASSING and not error.fatal():
            self._watch.complaint(error)
        else:
            raise self._translated(error)

    def _find_again(self) -> None:
        """Go on with partitions of which Kafka does not hold the offset that comes next."""
        self._wait_for_the_append()
        numbers, self._adrift = self._adrift, set()
        for number in numbers & self._batch.progress.keys():
            try:
                self._incarnation.confirm()
                low, high = self._watermarks(number)
            except (KafkaException, NoAnswer) as error:
                logger.warning("Partition %d: %s; trying again", number, error)
                self._batch.disown({number})
                self._rewinding.add(number)
            else:
                self._skip_or_refuse(number, self._batch.progress[number], low, high)

    def _watermarks(self, number: int) -> tuple[int, int]:
        where = TopicPartition(self._topic.name, number)
        low, high = self._consumer.get_watermark_offsets(where, timeout=_WATERMARK_S)
        return int(low), int(high)

    def _skip_or_refuse(self, number: int, progress: Progress, low: int, high: int) -> None:
        stored, following = progress.stored or 0, progress.next or 0
        if following >= low:
            raise EndLost(self._topic.name, number, stored, low, high)
        if not self._accept_loss:
            raise EventsGone(self._topic.name, number, stored, low, high)
        logger.warning(
            "Partition %d: going on without offsets %d to %d, deleted before they were stored",
            *(number, following, low - 1),
        )
        self._batch.reach(number, low, time.monotonic())
        self._assign_again({number: low})

    def _flush(self, patience_s: float) -> None:
        if not self._batch.spans():
            return
        self._incarnation.confirm()
        self._on_step("before_commit")
        handed = self._batch.hand_over()
        self._handed = self._brake.seen if self._brake else NOTHING_SEEN
        named = {self._topic.app_id(number): span for number, span in handed.spans.items()}
        self._storing.begin(handed, named, patience_s=patience_s)

    def _wait_for_the_append(self) -> None:
        while self._storing.busy:
            self._hear_of_the_append(_IDLE_S)

    def _hear_of_the_append(self, wait_s: float) -> None:
        append = self._storing.ended(wait_s)
        if append is None:
            return
        try:
            stored = append.result()
        except LostPartition as lost:
            self._give_up(append.handed, lost)
            return
        except StoreBusy:
            self._batch.put_back(append.handed)
            raise
        self._pace = Pace(stored.ended_s, stored.took_s)
        count, version, took_s = append.handed.rows.num_rows, stored.version, stored.took_s
        logger.debug("Stored %d rows as version %d in %.3f s", count, version, took_s)
        self._on_step("before_kafka_offset")
        if self._brake:
            self._brake.stored(self._handed)
        ours = self._batch.progress.keys() & append.handed.spans.keys()
        self._show_lag({number: append.handed.spans[number].end for number in ours})

    def _give_up(self, handed: Handed, lost: LostPartition) -> None:
        numbers = {number for number in handed.spans if self._topic.app_id(number) in lost.app_ids}
        logger.warning("%s; reading on from there", lost)
        self._batch.put_back(handed)
        self._rewinding |= numbers & self._batch.progress.keys()
        self._batch.disown(numbers)

    def _flush_or_wait(self) -> None:
        """Store what waits, unless Kafka does not say whether it is our topic's: then later."""
        try:
            self._flush(PATIENCE_S)
        except NoAnswer as error:
            self._watch.no_answer(error)
            time.sleep(_IDLE_S)

    def _flush_or_leave(self, patience_s: float) -> None:
        """Store what waits; what other writers keep us from is read again by the next owner."""
        until_s = time.monotonic() + patience_s
        try:
            self._hear_of_the_append(patience_s)
            if not self._storing.busy:
                self._flush(max(0.0, until_s - time.monotonic()))
                self._hear_of_the_append(max(0.0, until_s - time.monotonic()))
        except (StoreBusy, NoAnswer) as error:
            logger.warning("Left to the next owner: %s", error)
        if self._storing.busy:
            logger.warning("Left to the next owner: a commit that does not end")

    def _show_lag(self, positions: dict[int, int]) -> None:
        try:
            self._consumer.commit(offsets=self._at(positions), asynchronous=True)
        except KafkaException as error:
            logger.debug("Kafka's own offsets were not moved: %s", error)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {each.partition for each in partitions}
        # Messages of the partition from before may still come with this very call.
        self._rewinding |= numbers & self._let_go
        with suppress(NoAnswer):  # asked again before anything is stored
            self._incarnation.confirm()
        positions = self._positions(numbers)
        self._on_step("assigned")
        consumer.incremental_assign(self._at(positions))
        for number in numbers - self._rewinding:
            self._batch.own(number, positions[number])
        logger.info("Assigned partitions %s of %s", _listed(numbers), self._topic.name)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {each.partition for each in partitions}
        self._on_step("revoked")
        self._flush_or_leave(self._revoke_s)
        self._let_them_go(numbers)
        logger.info("Handed over partitions %s of %s", _listed(numbers), self._topic.name)

    def _lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {each.partition for each in partitions}
        self._let_them_go(numbers)
        logger.warning("Lost partitions %s of %s", _listed(numbers), self._topic.name)

    def _let_them_go(self, numbers: Collection[int]) -> None:
        self._batch.disown(numbers)
        self._rewinding.difference_update(numbers)
        self._adrift.difference_update(numbers)
        self._let_go.update(numbers)

    def _rewind(self) -> None:
        numbers, self._rewinding = self._rewinding, set()
        positions = self._positions(numbers)
        self._assign_again(positions)
        for number in numbers:
            self._batch.own(number, positions[number])

    def _assign_again(self, positions: Mapping[int, int | None]) -> None:
        # Rather than to seek: that fails on a partition that Kafka gave up on.
        self._consumer.incremental_unassign(self._at(positions))
        self._consumer.incremental_assign(self._at(positions))

    def _positions(self, numbers: Collection[int]) -> dict[int, int | None]:
        self._wait_for_the_append()
        self._storing.store.refresh()
        app_ids = {number: self._topic.app_id(number) for number in numbers}
        held = self._storing.store.positions(app_ids.values())
        return {number: held[name] for number, name in app_ids.items()}

    def _at(self, positions: Mapping[int, int | None]) -> list[TopicPartition]:
        return [
            TopicPartition(self._topic.name, number, _BEGINNING if offset is None else offset)
            for number, offset in positions.items()
        ]

    def _translated(self, error: KafkaError) -> ConsumerError:
        code, name = error.code(), self._topic.name
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return NotAuthorized(f"topic {name!r}", error.str())
        if code in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:  # noqa: SLF001
            return TopicMissing(name, "the broker any more")
        return _of_the_group(error)


def _of_the_group(error: KafkaError) -> ConsumerError:
    code = error.code()
    if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return NotAuthorized("the consumer group", error.str())
    if code == KafkaError.INVALID_SESSION_TIMEOUT:
        return SessionRefused(error.str())
    if code == KafkaError._FATAL and _HELD in error.str():  # noqa: SLF001
        return InstanceHeld(error.str())
    if code == KafkaError._FATAL and _FENCED in error.str():  # noqa: SLF001
        return Fenced(error.str())
    return KafkaFailed(error.str())


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
