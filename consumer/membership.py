"""Joining the group and leaving it: in one's own name, or in that of a member that was killed."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumer import seats
from consumer.errors import Fenced, InstanceHeld, KafkaOptionRefused, StoreUnwritten
from consumer.session import shorten
from consumer.settings import ConsumerSettings
from consumer.topic import QUIET, Topic
from consumer.watch import Watch

logger = logging.getLogger(__name__)

_PACE = {
    # What librdkafka holds for us at most, and how soon it fetches again.
    "queued.min.messages": 500_000,
    "queued.max.messages.kbytes": 32 * 1024,
    "fetch.queue.backoff.ms": 5,
    "fetch.wait.max.ms": 100,
    # A broker that comes back is noticed within a second, not ten.
    "reconnect.backoff.max.ms": 1_000,
    # How soon partitions that were added, and a topic that was deleted, are noticed.
    "topic.metadata.refresh.interval.ms": 30_000,
}
_GROUP = {
    # The shortest that every broker takes. It is for machines that die: of processes `seats` knows.
    "session.timeout.ms": 6_000,
    # By it the others hear that partitions are free.
    "heartbeat.interval.ms": 500,
    "partition.assignment.strategy": "cooperative-sticky",
}
_INSTANCE = "group.instance.id"
_HELD_S = 60.0
_AGAIN_S = 0.3
_VACATE_S = 5.0
_HAND_OVER_S = 0.5
_POLL_S = 0.05


def consumer_options(settings: ConsumerSettings) -> dict[str, Any]:
    """Options of librdkafka: ours, those handed through, and what must hold; no callbacks."""
    return {
        **QUIET,
        **_PACE,
        **({} if settings.modern_group else _GROUP),
        **settings.kafka,
        "bootstrap.servers": settings.kafka_bootstrap,
        "group.id": settings.kafka_group,
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }


@contextmanager
def membership(
    settings: ConsumerSettings, topic: Topic, watch: Watch, *, left_s: Callable[[], float]
) -> Iterator[Consumer]:
    """A consumer that may subscribe; in the end it has left the group.

    Args:
        settings: of the group.
        topic: what is read.
        watch: told what Kafka complains of.
        left_s: seconds left for leaving.

    Raises:
        KafkaOptionRefused: librdkafka does not take an option.
        StoreUnwritten: the store's folder takes no file any more.
    """
    if settings.modern_group:
        shorten(settings)
    if not is_seated(settings, topic):
        with _leaving(_consumer(settings, watch), None, left_s) as consumer:
            yield consumer
        return
    group = seats.Group(topic.cluster_id, settings.kafka_group, topic.name, seats.machine())
    try:
        seat = seats.take(settings.store, group)
    except OSError as error:
        raise StoreUnwritten(settings.store, error) from None
    with (
        seats.Watchman(settings.store, group, lambda name: vacate(settings, name)),
        _leaving(_consumer(settings, watch, seat.name), seat, left_s) as consumer,
    ):
        yield consumer


def is_seated(settings: ConsumerSettings, topic: Topic) -> bool:
    """Whether we name the members.

    Else the broker alone knows who is there, or whoever runs us names them.
    """
    return not (settings.modern_group or topic.embedded or _INSTANCE in settings.kafka)


def patiently(
    work: Callable[[], None],
    *,
    stopping: Callable[[], bool],
    seated: bool,
    patience_s: float = _HELD_S,
) -> None:
    """Do it, and again as long as a dead member may still have our instance id.

    A member that was frozen for longer than its session may fence itself when it wakes: it joins
    as a new member while what it said as the old one is still under way. By a seat of its own it
    joins anew.

    Args:
        work: joins the group, and returns when told to stop.
        stopping: whether to stop.
        seated: whether our instance id is a seat's.
        patience_s: more than a dead member's session.

    Raises:
        InstanceHeld, Fenced: it did not help for longer than that.
    """
    passing = (InstanceHeld, Fenced) if seated else InstanceHeld
    since_s, told = time.monotonic(), False
    while not stopping():
        began_s = time.monotonic()
        try:
            work()
        except passing as error:
            if time.monotonic() - began_s > patience_s:
                since_s, told = time.monotonic(), False  # it went well for long
            if time.monotonic() - since_s > patience_s:
                raise
            if not told:
                logger.warning("Joining again for up to %g s: %s", patience_s, error)
                told = True
        else:
            return
        time.sleep(_AGAIN_S)


def vacate(settings: ConsumerSettings, name: str) -> bool:
    """Leave the group in the name of a dead member; whether Kafka let us.

    Who joins with a member's instance id becomes that member, at once and without a rebalance;
    and who leaves then sets its partitions free.
    """
    joined = threading.Event()

    def assigned(consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign([])  # nothing is to be read
        joined.set()

    def revoked(consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        consumer.incremental_unassign([])

    give_up_at = time.monotonic() + _VACATE_S
    try:
        consumer = Consumer({**consumer_options(settings), _INSTANCE: name})
        consumer.subscribe([settings.kafka_topic], on_assign=assigned, on_revoke=revoked)
    except KafkaException as error:
        logger.debug("Seat %s is left to its session: %s", name, error)
        return False
    while not joined.is_set() and time.monotonic() < give_up_at:
        consumer.poll(_POLL_S)
    _leave(consumer)
    return joined.is_set()


def _consumer(settings: ConsumerSettings, watch: Watch, name: str | None = None) -> Consumer:
    options = consumer_options(settings) | {"error_cb": watch.complaint}
    try:
        return Consumer(options if name is None else options | {_INSTANCE: name})
    except KafkaException as error:
        raise KafkaOptionRefused(error.args[0].str()) from None


@contextmanager
def _leaving(
    consumer: Consumer, seat: seats.Seat | None, left_s: Callable[[], float]
) -> Iterator[Consumer]:
    """Leave the group in the end, but do not wait for a broker that does not answer.

    With a broker away `close` takes 5 s, and 60 s while it still owes us an answer.
    """
    left = threading.Event()

    def leave() -> None:
        if seat is None:
            consumer.close()
        elif _leave(consumer):
            left.set()

    try:
        yield consumer
    finally:
        logger.info("Leaving the group")
        thread = threading.Thread(target=leave, name="leave", daemon=True)
        thread.start()
        thread.join(left_s())
        if thread.is_alive():
            logger.warning("Kafka does not answer; its session timeout will end our membership")
        elif left.is_set() and seat is not None:
            seat.give_up()
        elif seat is not None:
            seat.let_go()


def _leave(consumer: Consumer) -> bool:
    """Leave and close; false where we were fenced and cannot leave any more."""
    try:
        # A member with an instance id leaves the group when it unsubscribes, not when it closes.
        consumer.unsubscribe()
    except KafkaException:
        consumer.close()
        return False
    give_up_at = time.monotonic() + _HAND_OVER_S
    while consumer.assignment() and time.monotonic() < give_up_at:
        consumer.poll(_POLL_S)
    consumer.poll(_POLL_S)
    consumer.close()
    return True
