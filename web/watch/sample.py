"""What one look at the whole stack found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from trainer.registry.generations import Record


class StoreReading(NamedTuple):
    """What the log of the store says.

    Attributes:
        events: rows that hold a statement.
        dead: rows that hold a dead letter.
        version: of the store; None: there is none yet.
        positions: next offset by app id.
        free_bytes: of its disk.
    """

    events: int
    dead: int
    version: int | None
    positions: Mapping[str, int]
    free_bytes: int


class LagReading(NamedTuple):
    """What waits in Kafka.

    Attributes:
        events: that are not stored.
        seconds: for how long the oldest of them has been waiting; 0 where none waits.
    """

    events: int
    seconds: float


class Kinds(NamedTuple):
    """Artists by the kind of list that apps get for them."""

    model: int
    foldin: int
    popular: int


class Happening(NamedTuple):
    """An entry of the stream of changes in Redis.

    Attributes:
        at_s: epoch seconds, by the clock of Redis.
        kind: `commit` or `foldin`.
        generation: its number.
        seq: number of the fold-in.
        artists: whose lists changed; None: too many to name.
        venues: the same.
    """

    at_s: float
    kind: str
    generation: int
    seq: int
    artists: list[str] | None
    venues: list[str] | None


class RedisReading(NamedTuple):
    """What apps see.

    Attributes:
        generation: that is live; None: none.
        built_at_s: when it was built, epoch seconds.
        seq: number of its last fold-in.
        version: of the store, up to which all lists are right.
        is_behind: whether plays changed after that version.
        used_bytes: memory of the server.
        happenings: newest first.
    """

    generation: int | None
    built_at_s: float | None
    seq: int | None
    version: int | None
    is_behind: bool
    used_bytes: int
    happenings: tuple[Happening, ...]


class Spread(NamedTuple):
    """Two quantiles of a duration, in seconds."""

    p50: float
    p99: float


@dataclass(frozen=True)
class Sample:
    """One look; None where a part was not asked, or did not answer.

    Attributes:
        at_s: when, epoch seconds.
        store: of the log.
        lag: in Kafka.
        redis: what apps see.
        kinds: estimated from a draw of lists.
        event_to_list: of the last minutes; None also where no event changed a list.
        alarms: of sources whose messages break the contract.
        verdict: on the latest fit.
        problems: by what was asked, why it does not answer.
    """

    at_s: float
    store: StoreReading | None = None
    lag: LagReading | None = None
    redis: RedisReading | None = None
    kinds: Kinds | None = None
    event_to_list: Spread | None = None
    alarms: tuple[str, ...] = ()
    verdict: Record | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
