"""What the consumer can be told, and where the store lies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from consumer.events.statuses import STATUSES, key
from consumer.logs import LogSettings
from consumer.secrets import masked

_OURS = {
    "bootstrap.servers": "use kafka_bootstrap",
    "group.id": "use kafka_group",
    "auto.offset.reset": "positions come from the store",
    "enable.auto.commit": "positions come from the store",
    "enable.auto.offset.store": "positions come from the store",
    "enable.partition.eof": "the loop needs it",
    "partition.assignment.strategy": "the loop moves partitions one by one",
}
_REGISTRY_OURS = {
    "url": "use schema_registry_url",
    "max.retries": "how long it is waited for is connect_timeout_s",
}


_ONE_OF = f"name one of {', '.join(STATUSES)}"


class Options(dict[str, str]):
    """Options by their dotted names; where it is printed, see `consumer.secrets`."""

    def __repr__(self) -> str:
        return repr(masked(self))

    __str__ = __repr__


def _without(ours: Mapping[str, str]) -> AfterValidator:
    """Options of the operator, less those that we set: name and reason."""

    def checked(options: dict[str, str]) -> Options:
        for name, reason in ours.items():
            if name in options:
                raise ValueError(f"{name!r} is not yours to set ({reason}); remove it")
        return Options(options)

    return AfterValidator(checked)


def _own_words(given: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """By `statuses.key`, so that each spelling of a word is found."""
    for source, words in given.items():
        for word, status in words.items():
            if status not in STATUSES:
                raise ValueError(f"{source}: {word!r} cannot mean {status!r}; {_ONE_OF}")
            if key(word) in STATUSES and key(word) != status:
                raise ValueError(f"{source}: {word!r} is a status itself; remove it")
    return {
        source: {key(word): status for word, status in words.items()}
        for source, words in given.items()
    }


def _registry_url(urls: str) -> str:
    for url in filter(None, urls.split(",")):
        if "@" in url:  # and no word of what it is
            raise ValueError(
                "it holds a login; move that to the option basic.auth.user.info of schema_registry"
            )
        try:
            parts = urlsplit(url.strip())
            usable = parts.scheme in {"http", "https"} and parts.hostname
            _ = parts.port
        except ValueError:
            usable = None
        if not usable:
            raise ValueError(f"{url.strip()!r} is no address; use http:// or https://")
    return urls


class MetricsSettings(LogSettings):
    """Where the processes serve `/metrics`, `/healthz` and `/readyz`."""

    metrics_host: str = Field(default="127.0.0.1", min_length=1)
    """Address that the metrics of a process are served at. They hold counts and names of sources,
    and ask for no login: choose an address that only your monitoring reaches."""


class StoreSettings(MetricsSettings):
    """Where this instance keeps what is local."""

    home: Path = Path("gigstream-data")
    """Folder of everything local: ``store/`` (interactions) and ``models/`` (artifacts). One
    instance, one home: two tenants never share one."""

    @property
    def store(self) -> Path:
        """Folder of the interaction store, a Delta table."""
        return self.home / "store"


class ConsumerSettings(StoreSettings):
    """Which events are read, and how they are batched into the store."""

    kafka_bootstrap: str = Field(default="localhost:9092", min_length=1)
    """Brokers to ask first, ``host:port`` separated by commas."""

    kafka_topic: str = Field(default="gigs", pattern=r"^[a-zA-Z0-9._-]{1,249}$")
    """The topic of gig events; one instance reads one topic."""

    kafka_group: str = Field(default="gigstream", min_length=1)
    """Consumer group: consumers of one store share it, two stores must not."""

    kafka: Annotated[dict[str, str], _without(_OURS)] = Options()
    """Further librdkafka options by their dotted names (``security.protocol``,
    ``session.timeout.ms`` …), handed through as they are."""

    kafka_create_partitions: int = Field(default=0, ge=0)
    """Create a missing topic with this many partitions; 0: a missing topic is an error."""

    kafka_dead_letter_topic: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]{0,249}$")
    """Each dead letter of the store is also sent to this topic, at least once; empty: to none. It
    must not be ``kafka_topic`` and must not be compacted."""

    kafka_accept_topic: str = ""
    """A topic that may take the place of the one stored so far, as its refusal names it (``cluster
    id/topic id``): after it was deleted and created again, renamed or moved to another cluster. It
    is stored from its start; leave it set for as long as you like."""

    kafka_accept_loss: bool = False
    """Continue where Kafka's retention deleted events before they were stored; without it the
    consumer ends with 4, naming the offsets."""

    connect_timeout_s: float = Field(default=15, gt=0)
    """Seconds that a process waits for Kafka at its start before it exits with 3. A broker that
    goes away later is waited for without limit; a schema registry is waited for as long as this,
    whenever a record needs it."""

    schema_registry_url: Annotated[str, AfterValidator(_registry_url)] = ""
    """A schema registry with Confluent's API, several addresses of it separated by commas:
    records framed for it are then read, Avro and JSON Schema. Needs the extra ``schema-registry``.
    Empty: such records are dead letters."""

    schema_registry: Annotated[dict[str, str], _without(_REGISTRY_OURS)] = Options()
    """Options of confluent-kafka's registry client by their dotted names
    (``basic.auth.user.info`` as ``user:password``, ``ssl.ca.location`` …), handed through as they
    are."""

    statuses: Annotated[dict[str, dict[str, str]], AfterValidator(_own_words)] = Field(
        default_factory=dict
    )
    """What a source's own words for a status mean, by source: ``{"box": {"hold": "postponed",
    "storno": "cancelled"}}``. Capitals, spaces, hyphens and underscores of a word do not matter."""

    flush_max_events: int = Field(default=200_000, gt=0)
    """Events per commit at most; with ``flush_max_bytes`` it bounds memory: one batch gathers
    while another one is stored."""

    flush_max_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    """Bytes of messages per commit at most: values, and the keys and headers of those that are not
    plain JSON."""

    flush_wait_s: float = Field(default=0.5, ge=0)
    """Seconds that an event waits for company at most. One that comes after a calm is committed
    at once; else events gather for three times as long as the last commit took, up to this bound.
    Larger: fewer commits and files on a slow disk; smaller: fresher lists there."""

    consumer_metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port of a consumer's metrics and health (docs/metrics.md); 0: none. Consumers on one machine
    need a port each."""

    upkeep_grace_s: float = Field(default=300, ge=0, le=600)
    """Seconds that a file stays after compaction put others in its place, for readers of other
    engines; our own tell how far they have read, and are waited for."""

    dead_letter_alarm_share: float = Field(default=0.1, ge=0, le=1)
    """Raise an alarm (log, ``gigstream status``, exit code of ``gigstream check``) when more than
    this share of a source's latest messages breaks the event contract; 0 or 1: never. They are
    kept as dead letters, and the stream continues."""

    dead_letter_brake_share: float = Field(default=0, ge=0, le=1)
    """End the consumer with 4 when more than this share of a source's latest messages breaks the
    event contract, before those are stored: then events of other sources wait too. 0 (the
    default) or 1: never."""

    dead_letter_brake_window: int = Field(default=1_000, gt=0)
    """How many of the latest messages alarm and brake look at; the brake never ends the consumer
    before a source sent that number."""

    stop_timeout_s: float = Field(default=4, gt=0)
    """Seconds for the last commit and the leaving of the group, on a signal and when partitions
    are taken away; what is not stored by then is read again by the next owner."""

    @model_validator(mode="after")
    def _no_circle(self) -> Self:
        if self.kafka_dead_letter_topic == self.kafka_topic:
            raise ValueError(
                f"kafka_dead_letter_topic {self.kafka_topic!r} is kafka_topic, so dead letters "
                "would come back for ever; name another topic"
            )
        return self

    @property
    def modern_group(self) -> bool:
        """Whether the group runs by KIP-848, where the broker sets its session and deals out."""
        return self.kafka.get("group.protocol") == "consumer"
