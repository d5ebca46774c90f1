"""What can go wrong, grouped by what the caller does about it.

::

    ConsumerError              1
    +-- StoreBusy              1   other writers kept winning; nothing was committed
    +-- StoreDamaged           1   the table cannot be read
    |   +-- VersionGone        1   an older version of it, cleaned up since
    +-- StoreUnwritten         1   the disk is full or fails
    +-- LostPartition          1   another consumer stored these offsets: seek, continue
    +-- KafkaFailed            1   Kafka refused what we do, and waiting will not help
    +-- InstanceHeld           1   a dead member has our group.instance.id for a while yet
    +-- Fenced                 1   another member has our group.instance.id now
    +-- NotForwarded           1   dead letters wait in the store; their topic refused them
    +-- Stalled                1   an embedded broker is full, and no consumer stores its records
    +-- StoreUnusable          2   the store's folder is not ours to write
    +-- StoreNewer             2   a newer gigstream has written it
    +-- KafkaOptionRefused     2   librdkafka does not know an option
    +-- RegistryOptionRefused  2   the registry's client does not know an option
    +-- RegistryNotInstalled   2   the extra for it is missing
    +-- SessionRefused         2   the broker does not take our session timeout
    +-- TopicMissing           2
    +-- NothingStored          2   there is no store yet
    +-- BadFile                2   an event file cannot be read
    +-- BrokerUnreachable      3
    +-- NotDelivered           3   the broker did not take a message
    +-- WrongCredentials       3
    +-- NotAuthorized          3
    +-- RegistryUnreachable    3   records wait that only the schema registry can explain
    +-- RegistryRefused        3
    +-- Unanswered             3   the broker does not answer a query, or not to us
    +-- NoAnswer               3   Kafka does not say which topic this is: ask again later
    +-- TopicMoved             3   retention deleted what was being read: run it again
    +-- MostlyBad              4   most messages of a source are bad (``consumer.ingest.brake``)
    +-- EventsGone             4   Kafka deleted events that were not stored yet
    +-- EndLost                4   Kafka lost events that are stored, and counts from there again
    +-- TopicReplaced          4   another topic, or cluster, than the one stored so far
    +-- Stopped                0   told to stop while waiting for a server

The number is the exit code. An invalid event is not one of these errors: ``events.InvalidEvent``.
"""

import re
from collections.abc import Collection

_COLOUR = re.compile(r"\x1b\[\d+m|↳")  # Delta writes for a terminal


class ConsumerError(Exception):
    """Base of this package's errors; ``str`` is one line that names cause and remedy.

    Args:
        facts: what the fields of ``text`` stand for, in their order.
    """

    exit_code: int = 1
    text: str = "{}"

    def __init__(self, *facts: object) -> None:
        super().__init__(self.text.format(*map(_one_line, facts)))


class StoreBusy(ConsumerError):
    """Other writers won every commit for longer than the caller would wait."""

    text = "store {0}: no commit got through ({1}); nothing was stored, start again"


class StoreUnwritten(ConsumerError):
    """The disk took no more of a batch. What is not stored will be read again."""

    text = (
        "store {0}: cannot be written ({1}); make room or repair the disk and "
        "start again, nothing is lost"
    )


class StoreDamaged(ConsumerError):
    """The table's log or a file of it cannot be read."""

    text = "store {0}: {1}; restore the folder from a copy"


class VersionGone(StoreDamaged):
    """A version of the store cannot be read any more: what only older ones needed was removed."""


class LostPartition(ConsumerError):
    """The store's positions are not where the batch starts: another consumer stored on.

    Attributes:
        app_ids: the partitions concerned; nothing of the batch was committed.
    """

    def __init__(self, app_ids: Collection[str]) -> None:
        super().__init__(f"another consumer has stored on: {', '.join(sorted(app_ids))}")
        self.app_ids = frozenset(app_ids)


class KafkaFailed(ConsumerError):
    """An error of Kafka's that neither waiting nor a known remedy will end."""

    text = "Kafka: {0}; nothing was stored, correct it and start again"


class Fenced(ConsumerError):
    """Another member joined by our instance id, or we were away for longer than our session."""

    text = "Kafka: {0}; give each consumer a group.instance.id of its own, or none"


class InstanceHeld(ConsumerError):
    """With KIP-848 no one gets a member's instance id before that member's session ends."""

    text = "Kafka: {0}; stop that member, or set another group.instance.id, or none"


class StoreUnusable(ConsumerError):
    """The store's folder cannot be made, read or written, or holds another table."""

    exit_code = 2
    text = "store {0}: {1}; choose another folder as home"


class StoreNewer(ConsumerError):
    """The store's format is one that a later version of this program made."""

    exit_code = 2
    text = "store {0}: its format is {1}, this gigstream knows formats up to {2}; upgrade gigstream"


class KafkaOptionRefused(ConsumerError):
    """librdkafka does not take one of the options handed through to it."""

    exit_code = 2
    text = "kafka options: {0}; correct or remove that option"


class RegistryOptionRefused(ConsumerError):
    """The registry's client does not take its address or one of the options for it."""

    exit_code = 2
    text = "schema registry: {0}; correct schema_registry_url or the options under schema_registry"


class RegistryNotInstalled(ConsumerError):
    """A registry is set up, and what talks to it is not installed."""

    exit_code = 2
    text = (
        "schema_registry_url is set, but its client is not installed ({0}); "
        "install gigstream[schema-registry] or unset it"
    )


class SessionRefused(ConsumerError):
    """The broker has bounds for sessions of the classic group protocol."""

    exit_code = 2
    text = (
        "Kafka: {0}; set session.timeout.ms within the broker's "
        "group.min.session.timeout.ms (6000 by default) and group.max.session.timeout.ms"
    )


class TopicMissing(ConsumerError):
    """The topic is not there, and we were not asked to make it."""

    exit_code = 2
    text = (
        "topic {0!r} does not exist at {1}; create it, or set "
        "kafka_create_partitions to the number of partitions it shall have"
    )


class NothingStored(ConsumerError):
    """There is no store to work on."""

    exit_code = 2
    text = "store {0}: nothing is stored there; name another home"


class BrokerUnreachable(ConsumerError):
    """No broker answered while this process started."""

    exit_code = 3
    text = (
        "no Kafka broker answered at {0} within {1:g} s ({2}); start it or correct kafka_bootstrap"
    )


class WrongCredentials(ConsumerError):
    """The broker is there and does not take our name, password or certificate."""

    exit_code = 3
    text = "Kafka at {0} refused the login ({1}); correct the sasl.* and ssl.* options under kafka"


class NotAuthorized(ConsumerError):
    """We are logged in and may not use this topic, group or transactional id."""

    exit_code = 3

    def __init__(self, what: str, cause: object, *, grant: str = "READ") -> None:
        super().__init__(
            f"Kafka does not let us use {what} ({_one_line(cause)}); grant {grant} on it"
        )


class RegistryUnreachable(ConsumerError):
    """The schema registry did not say what a record's schema is, for too long."""

    exit_code = 3
    text = (
        "no schema registry answered at {0} within {1:g} s ({2}); nothing "
        "of the batch was stored, start it or correct schema_registry_url"
    )


class RegistryRefused(ConsumerError):
    """The schema registry is there and does not let us in."""

    exit_code = 3
    text = "schema registry {0} refused the login ({1}); correct the options under schema_registry"


class NoAnswer(ConsumerError):
    """Kafka did not say whether the topic is still ours; nothing was stored, ask again."""

    exit_code = 3
    text = "Kafka does not say which topic this is ({0})"


class TopicMoved(ConsumerError):
    """Kafka deleted what an audit was about to read."""

    exit_code = 3
    text = "topic {0!r}: retention deleted events as they were read; run again"


class EventsGone(ConsumerError):
    """Events were deleted before they were stored: the store's position is below what is left."""

    exit_code = 4
    text = (
        "topic {0!r}, partition {1}: the store continues at offset {2}, "
        "Kafka holds {3} to {4}; events were deleted before they were stored: send them "
        "again to the end of the topic, and set kafka_accept_loss to continue without them"
    )


class EndLost(ConsumerError):
    """The partition ends below the store's position: it was cut short."""

    exit_code = 4
    text = (
        "topic {0!r}, partition {1}: the store continues at offset {2}, "
        "Kafka holds {3} to {4}; the partition's end was lost, by an unclean election or "
        "because a broker was restored from an older copy: restore it, or copy the topic to a "
        "new one and read that"
    )


class TopicReplaced(ConsumerError):
    """The name, or the broker's address, now is another topic's than the one stored so far."""

    exit_code = 4

    def __init__(self, topic: str, bootstrap: str, known: Collection[str], found: str) -> None:
        before = {each.partition("/")[0] for each in known}
        if found.partition("/")[0] in before:
            what = "was deleted and created again, or kafka_topic names another one"
        else:
            what = "is in another cluster than before, where offsets do not carry over"
        super().__init__(
            f"topic {topic!r} at {bootstrap} {what}: the store holds {', '.join(sorted(known))}, "
            f"Kafka has {found}; to store all of it beside (copies of stored events change no "
            f"play) set kafka_accept_topic={found}, else name another home, topic or broker"
        )


class Stopped(ConsumerError):
    """A signal came while we waited for a server to answer."""

    exit_code = 0
    text = "stopped while waiting for a server"


def _one_line(fact: object) -> object:
    """A number as it is; a text or path without line ends; an error in short, without colours."""
    if isinstance(fact, Exception):
        return " ".join(_COLOUR.sub("", str(fact)).split())[:300]
    return fact if isinstance(fact, int | float) else " ".join(str(fact).splitlines())
