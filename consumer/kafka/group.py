"""Joining and leaving the consumer group, as oneself or in the name of a killed member."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are public there
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from consumer.deadline import Deadline
from consumer.errors import Fenced, InstanceHeld, KafkaOptionRefused, StoreUnwritten
from consumer.kafka import static_members
from consumer.kafka.client import admin_client, consumer_options
from consumer.kafka.members import client_id
from consumer.kafka.outage import Watch
from consumer.kafka.topic import Topic
from consumer.settings import ConsumerSettings

logger = logging.getLogger(__name__)

_INSTANCE = "group.instance.id"
_SESSION = "consumer.session.timeout.ms"
_WANTED = {_SESSION: 2_000, "consumer.heartbeat.interval.ms": 500}
_REPLY_S = 5.0
_HELD_S = 60.0
_AGAIN_S = 0.3
_EVICT_S = 5.0
_HAND_OVER_S = 0.5
_POLL_S = 0.05


@contextmanager
def membership(
    settings: ConsumerSettings, topic: Topic, watch: Watch, *, left_s: Callable[[], float]
) -> Iterator[Consumer]:
    """A consumer that may subscribe; at the end it leaves the group.

    Args:
        settings: of the group.
        topic: what is read.
        watch: receives Kafka's errors.
        left_s: seconds left for leaving.

    Raises:
        KafkaOptionRefused: librdkafka does not take an option.
        StoreUnwritten: the store's folder cannot be written any more.
    """
    if settings.modern_group:
        shorten_session(settings)
    if not names_members(settings, topic):
        with _leaving(_consumer(settings, watch), None, left_s) as consumer:
            yield consumer
        return
    group = static_members.Group(
        topic.cluster_id, settings.kafka_group, topic.name, static_members.machine()
    )
    try:
        member = static_members.claim(settings.store, group)
    except OSError as error:
        raise StoreUnwritten(settings.store, error) from None
    with (
        # The evictor ends after we left: until then it may evict others that died with us.
        static_members.Evictor(settings.store, group, lambda name: evict(settings, name)),
        _leaving(_consumer(settings, watch, member.name), member, left_s) as consumer,
    ):
        yield consumer


def names_members(settings: ConsumerSettings, topic: Topic) -> bool:
    """Whether we choose the members' instance ids.

    Otherwise the operator chooses them, or members have none and only the broker knows them.
    """
    return not (settings.modern_group or topic.embedded or _INSTANCE in settings.kafka)


def rejoin_while_held(
    work: Callable[[], None],
    *,
    stopping: Callable[[], bool],
    named_by_us: bool,
    patience_s: float = _HELD_S,
) -> None:
    """Run `work`, and again as long as a dead member may still have our instance id.

    A member that was frozen for longer than its session may fence itself when it wakes: it joins
    as a new member while a request of the old one is still under way. Under a name that we chose
    it joins once more.

    Args:
        work: joins the group, and returns when it is to stop.
        stopping: whether to stop.
        named_by_us: whether the instance id is ours to choose.
        patience_s: more than a dead member's session.

    Raises:
        InstanceHeld, Fenced: it did not help for longer than that.
    """
    passing = (InstanceHeld, Fenced) if named_by_us else InstanceHeld
    since_s, warned = time.monotonic(), False
    while not stopping():
        began_s = time.monotonic()
        try:
            work()
        except passing as error:
            # A member that ran for longer than that had joined; what ended it is another incident.
            if time.monotonic() - began_s > patience_s:
                since_s, warned = time.monotonic(), False  # it had joined: a new incident
            if time.monotonic() - since_s > patience_s:
                raise
            if not warned:
                logger.warning("Joining again for up to %g s: %s", patience_s, error)
                warned = True
        else:
            return
        time.sleep(_AGAIN_S)


def evict(settings: ConsumerSettings, name: str) -> bool:
    """Leave the group in the name of a dead member. Returns whether Kafka let us.

    A process that joins with a member's instance id becomes that member at once, without a
    rebalance; leaving the group then frees its partitions.
    """
    joined = threading.Event()

    def assigned(consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign([])  # nothing is to be read
        joined.set()

    def revoked(consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        consumer.incremental_unassign([])

    deadline = Deadline(_EVICT_S)
    try:
        consumer = Consumer({**consumer_options(settings), _INSTANCE: name})
        consumer.subscribe([settings.kafka_topic], on_assign=assigned, on_revoke=revoked)
    except KafkaException as error:
        logger.debug("Member %s stays until its session ends: %s", name, error)
        return False
    # Only polling joins: librdkafka serves the group from there.
    while not joined.is_set() and not deadline.is_over:
        consumer.poll(_POLL_S)
    _leave(consumer)
    return joined.is_set()


def _consumer(settings: ConsumerSettings, watch: Watch, name: str | None = None) -> Consumer:
    options = consumer_options(settings) | watch.options | {"client.id": client_id(settings)}
    try:
        return Consumer(options if name is None else options | {_INSTANCE: name})
    except KafkaException as error:
        raise KafkaOptionRefused(error.args[0].str()) from None


@contextmanager
def _leaving(
    consumer: Consumer, member: static_members.StaticMember | None, left_s: Callable[[], float]
) -> Iterator[Consumer]:
    """Leave the group at the end, but do not wait for a broker that does not answer.

    With a broker away `close` takes 5 s, and 60 s while an answer of it is outstanding.
    """
    left = threading.Event()

    def leave() -> None:
        if member is None:
            consumer.close()
        elif _leave(consumer):
            left.set()

    try:
        yield consumer
    finally:
        logger.info("Leaving the group")
        # In a thread: `close` cannot be interrupted.
        thread = threading.Thread(target=leave, name="leave", daemon=True)
        thread.start()
        thread.join(left_s())
        if thread.is_alive():
            logger.warning("Kafka does not answer; its session timeout will end our membership")
        # We left: no one needs to evict this name. Otherwise the file stays and is released, so
        # that another member evicts it.
        elif left.is_set() and member is not None:
            member.remove()
        elif member is not None:
            member.release()


def _leave(consumer: Consumer) -> bool:
    """Leave and close; false where we were fenced and cannot leave any more."""
    try:
        # A member with an instance id leaves the group when it unsubscribes, not when it closes.
        consumer.unsubscribe()
    except KafkaException:
        consumer.close()
        return False
    deadline = Deadline(_HAND_OVER_S)
    while consumer.assignment() and not deadline.is_over:
        consumer.poll(_POLL_S)
    consumer.poll(_POLL_S)
    consumer.close()
    return True


def shorten_session(settings: ConsumerSettings) -> None:
    """Have the broker end a dead member's session within 2 s, in a KIP-848 group.

    With ``group.protocol=consumer`` the broker sets it, 45 s by default; it can be set for one
    group, down to what the broker allows. A value that the operator set for this group stays.
    Where the broker refuses, one line in the log says what to set.
    """
    admin = admin_client(settings)
    try:
        if _is_longer(admin, settings.kafka_group):
            _set_session(admin, settings.kafka_group)
    except KafkaException as error:
        logger.warning(
            "A killed consumer's partitions stay with it for the group's session (%s): set %s of "
            "the group or group.%s of the brokers to %d, or remove group.protocol",
            error.args[0].str(),
            _SESSION,
            _SESSION,
            _WANTED[_SESSION],
        )


def _is_longer(admin: AdminClient, group: str) -> bool:
    resource = ConfigResource(ResourceType.GROUP, group)
    described = admin.describe_configs([resource], request_timeout=_REPLY_S)[resource].result()
    entry = described[_SESSION]
    chosen = entry.source == ConfigSource.GROUP_CONFIG.value
    return not chosen and int(entry.value) > _WANTED[_SESSION]


def _set_session(admin: AdminClient, group: str) -> None:
    changes = [
        ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET)
        for name, value in _WANTED.items()
    ]
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=changes)
    admin.incremental_alter_configs([resource], request_timeout=_REPLY_S)[resource].result()
    logger.info("Kafka ends a dead member's session of group %s after 2 s from now on", group)
