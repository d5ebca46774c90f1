"""What errors of Kafka mean: which pass by themselves, and what the others are for us."""

from confluent_kafka import KafkaError

from consumer.errors import (
    ConsumerError,
    Fenced,
    InstanceHeld,
    KafkaFailed,
    NotAuthorized,
    SessionRefused,
    TopicMissing,
)

OUT_OF_RANGE = {KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION}  # noqa: SLF001
"""Kafka does not hold the offset that is asked for."""

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
NOT_GRANTED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,  # of a producer: no right on any topic
}
_NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}  # noqa: SLF001
# librdkafka has one code for both: only its text tells them apart.
_FATAL = {"instance ID is still used": InstanceHeld, "Static consumer fenced": Fenced}


def passes(error: KafkaError) -> bool:
    """Whether librdkafka gets over an error by itself."""
    return error.code() in _PASSING and not error.fatal()


def needs_grant(error: KafkaError) -> bool:
    """Whether we have no right to what was asked for, of a topic, the cluster or a group."""
    return error.code() in NOT_GRANTED | {KafkaError.GROUP_AUTHORIZATION_FAILED}


def translated(error: KafkaError, topic: str, *, grant: str = "READ") -> ConsumerError:
    """The error that says what to do.

    Args:
        error: one that does not pass.
        topic: the name of the topic that is used.
        grant: the right on the topic that is needed.
    """
    code, text = error.code(), error.str()
    if code in NOT_GRANTED:
        return NotAuthorized(f"topic {topic!r}", text, grant=grant)
    if code in _NO_TOPIC:
        return TopicMissing(topic, "the broker any more")
    if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return NotAuthorized("the consumer group", text)
    if code == KafkaError.INVALID_SESSION_TIMEOUT:
        return SessionRefused(text)
    known = [kind for part, kind in _FATAL.items() if part in text]
    return known[0](text) if known and code == KafkaError._FATAL else KafkaFailed(text)  # noqa: SLF001
