"""One event's whole life: received, stored, settled, and on which lists it came first.

What is not recorded anywhere is None, and `unknown` says why: the log of the store is cleaned up,
the journal of a generation ends with it, and Redis keeps about a thousand change events.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from consumer.store import places
from consumer.table import delta_log
from operations.errors import NotThere, Refused
from operations.settings import OperationSettings
from operations.verdicts import Row, verdicts
from serving.announced import Announced, announced
from serving.connection import connect
from serving.errors import ServingError
from trainer.registry import journal
from trainer.registry.generations import Generations
from trainer.registry.journal import Step
from trainer.registry.state import Registry

MOST_IDS = 100
"""Ids of changed lists that are named."""
MOST = 20
"""Lives that one bill is answered with."""

_NUMBER = re.compile(r"[0-9]{1,19}")
_STATEMENT = (
    "source",
    "event_id",
    "artist_id",
    "venue_id",
    "status",
    "version",
    "artist_name",
    "venue_name",
)


@dataclass
class Moment:
    """A step of a life.

    Attributes:
        at: when, RFC 3339; None: not recorded.
        after_ms: since the record was received; None: not known.
    """

    at: str | None = None
    after_ms: int | None = None


@dataclass
class Stored(Moment):
    """The commit with the record; `version` is the store's."""

    version: int | None = None


@dataclass
class Listed(Moment):
    """The first lists that know of the event.

    Attributes:
        generation: their generation.
        foldin: number of the fold-in; 0: they came with the generation.
        artists: ids whose lists changed with it, at most `MOST_IDS`; None: all, or not known.
        venues: the same of venues.
    """

    generation: int | None = None
    foldin: int | None = None
    artists: list[str] | None = None
    venues: list[str] | None = None


@dataclass
class Life:
    """All that is known of one record.

    Attributes:
        topic_id: of its topic.
        partition: number.
        offset: of the record.
        statement: what it says; None: it is dead.
        dead: field and reason; None: it is valid.
        received: when the record was made, by its own timestamp.
        committed: when it was stored.
        verdict: see `operations.verdicts`.
        decided_by: the place of the record that decided it.
        listed: the first lists that know of it; None: it changes none, or none knows it yet.
        unknown: what is not recorded, and why.
    """

    topic_id: str
    partition: int
    offset: int
    statement: dict[str, Any] | None
    dead: dict[str, Any] | None
    received: Moment
    committed: Stored
    verdict: str
    decided_by: str | None
    listed: Listed | None = None
    unknown: list[str] = field(default_factory=list)


def by_place(settings: OperationSettings, place: str) -> list[dict[str, Any]]:
    """The lives of the records that had this place: one, or one of each topic of this name.

    Args:
        settings: locations of store, models and Redis.
        place: topic/partition/offset; the topic by its name or its id.

    Raises:
        Refused: it is no place.
        NotThere: the store holds no such record.
        ConsumerError: the store cannot be read.
    """
    topic, partition, offset = _parsed(place)
    rows = places.at(settings.store, partition, offset)
    if topic != settings.kafka_topic:
        rows = [row for row in rows if row["topic_id"] == topic]
    if not rows:
        raise NotThere(_absent(settings, topic, partition, offset), field="place")
    return _lives(settings, rows)


def by_event(settings: OperationSettings, source: str, event_id: str) -> list[dict[str, Any]]:
    """The lives of the records of one bill, the newest first, at most `MOST`.

    Args:
        settings: locations of store, models and Redis.
        source: of the bill.
        event_id: of the bill.

    Raises:
        NotThere: the store holds no such record.
        ConsumerError: the store cannot be read.
    """
    rows = [row for row in places.of_bills(settings.store, [event_id]) if row["source"] == source]
    if not rows:
        raise NotThere(
            f"the store holds no event {event_id!r} of source {source!r}; dead letters have no "
            "event id, `gigstream dead-letters list` shows them",
            field="event_id",
        )
    lives = _lives(settings, sorted(rows, key=lambda row: row["recorded_at"])[-MOST:][::-1])
    if len(rows) > MOST:
        lives[-1]["unknown"].append(f"what came before: the newest {MOST} of {len(rows)} are shown")
    return lives


def _parsed(place: str) -> tuple[str, int, int]:
    # From the end: ids of topics are base64, in which a slash is a letter like others.
    topic, partition, offset = ["", "", *place.strip().rsplit("/", 2)][-3:]
    numbers = [int(each) if _NUMBER.fullmatch(each) else -1 for each in (partition, offset)]
    if not topic or not 0 <= numbers[0] < 1 << 31 or not 0 <= numbers[1] < 1 << 63:
        raise Refused(
            f"{place!r} is no place in Kafka; write topic/partition/offset", field="place"
        )
    return topic, numbers[0], numbers[1]


def _lives(settings: OperationSettings, rows: Sequence[Row]) -> list[dict[str, Any]]:
    judged = verdicts(settings.store, rows)
    found = [_life(settings, row, *each) for row, each in zip(rows, judged, strict=True)]
    return [asdict(life) for life in found]


def _life(settings: OperationSettings, row: Row, verdict: str, by: str | None) -> Life:
    received_ms = _ms(row["recorded_at"])
    is_dead = row["kind"] == "dead"
    life = Life(
        topic_id=row["topic_id"],
        partition=row["partition"],
        offset=row["offset"],
        statement=None if is_dead else _statement(row),
        dead={name: row[name] for name in ("field", "reason")} if is_dead else None,
        received=Moment(_text(received_ms), 0),
        committed=Stored(),
        verdict=verdict,
        decided_by=by,
    )
    app_id = _app_id(settings, life)
    commit = places.commit_of(settings.store, app_id, life.offset) if app_id else None
    if commit is None:
        life.unknown.append("the commit: the log of the store does not reach back so far")
        return life
    life.committed = Stored(*_moment(commit.at_ms, received_ms), commit.version)
    if not is_dead and app_id:
        _find_lists(settings, life, app_id, commit, received_ms)
    return life


def _find_lists(
    settings: OperationSettings,
    life: Life,
    app_id: str,
    commit: places.Commit,
    received_ms: int,
) -> None:
    """Fill in the first lists that know of a stored event."""
    # The journal first: it is exact. It covers the fold-ins of the live generation alone, each
    # after Redis told of it: read before what Redis told, it names no fold-in that is not there.
    step = _step(settings, app_id, life.offset)
    told = _told(settings, life, commit.at_ms)
    if step is not None:
        generation, first = step
        life.listed = Listed(generation=generation, foldin=first.seq)
        life.listed.artists = _some(life, "artists", (*first.artists, *first.mates))
        life.listed.venues = _some(life, "venues", first.venues)
        said = (each for each in told if (each.generation, each.seq) == (generation, first.seq))
        _date(life, next(said, None), received_ms, "its fold-in")
        return
    # Else a fold-in that named an id of the event, before the first generation that knows it.
    swapped = _first_generation(settings, commit.version)
    named = _first_named(told, life, swapped[0] if swapped else None)
    if named is not None:
        life.listed = Listed(generation=named.generation, foldin=named.seq)
        life.listed.artists = _some(life, "artists", named.artists)
        life.listed.venues = _some(life, "venues", named.venues)
        _date(life, named, received_ms, "its fold-in")
    elif swapped is not None:
        number, at_ms = swapped
        life.listed = Listed(*_moment(at_ms, received_ms), generation=number, foldin=0)
        life.unknown.append("whether a fold-in before this generation listed it: that is not kept")
    else:
        life.unknown.append("its lists: no generation or fold-in that is recorded knows it yet")


def _told(settings: OperationSettings, life: Life, since_ms: int | None) -> list[Announced]:
    try:
        with connect(settings) as client:
            return announced(client, settings.redis_prefix, since_ms=since_ms or 0)
    except ServingError as error:
        life.unknown.append(f"when lists changed: {error}")
        return []


def _step(settings: OperationSettings, app_id: str, offset: int) -> tuple[int, Step] | None:
    """The fold-in of the live generation that first settled an offset, if one did."""
    if not settings.models.exists():
        return None
    live = Registry(settings.models).state().live_generation
    history = journal.read(settings.models, live) if live else None
    if live is None or history is None:
        return None
    # A trainer that begins again makes no lists at that step: they were made before or are next.
    made = (step for step in history.steps if not step.resumed)
    first = next((step for step in made if step.positions.get(app_id, 0) > offset), None)
    # The steps of seq 0 are of the swap: what they know was settled at some time before.
    return None if first is None or first.seq == 0 else (live, first)


def _first_generation(settings: OperationSettings, version: int) -> tuple[int, int] | None:
    """The first generation that was made from this version of the store or a later one."""
    records = sorted(Generations(settings.models).records(), key=lambda each: each.number)
    found = (each for each in records if each.is_published and each.store_version >= version)
    first = next(found, None)
    return None if first is None else (first.number, int(first.at * 1000))


def _first_named(told: list[Announced], life: Life, generation: int | None) -> Announced | None:
    """The first fold-in before a generation that names the event's artist or venue."""
    said = life.statement or {}
    for each in told:
        if generation is not None and each.generation >= generation:
            return None
        if each.kind == "foldin" and each.names(said["artist_id"], said["venue_id"]):
            return each
    return None


def _date(life: Life, told: Announced | None, received_ms: int, what: str) -> None:
    if told is None:
        life.unknown.append(f"when {what} was published: Redis keeps about a thousand of them")
    elif life.listed is not None:
        life.listed.at, life.listed.after_ms = _moment(told.at_ms, received_ms)


def _app_id(settings: OperationSettings, life: Life) -> str | None:
    """The store's name of the partition."""
    snapshot = delta_log.replay(settings.store)
    # A row names topic and partition; the app id begins with the cluster's id.
    end = f"/{life.topic_id}/{life.partition}"
    return next(
        (name for name in (snapshot.positions if snapshot else ()) if name.endswith(end)), None
    )


def _absent(settings: OperationSettings, topic: str, partition: int, offset: int) -> str:
    snapshot = delta_log.replay(settings.store)
    positions = snapshot.positions.items() if snapshot else ()
    own = [at for name, at in positions if name.endswith(f"/{partition}")]
    if own and offset >= max(own):
        return f"{topic}/{partition}/{offset} is not stored yet; `gigstream status` tells the lag"
    return (
        f"the store holds no record of {topic}/{partition}/{offset}; it may have been erased, or "
        "be a marker of a transaction"
    )


def _statement(row: Row) -> dict[str, Any]:
    instants = {
        name: None if row[name] is None else row[name].isoformat() for name in ("time", "starts_at")
    }
    return {name: row[name] for name in _STATEMENT} | instants


def _some(life: Life, what: str, ids: Sequence[str] | None) -> list[str] | None:
    """The first of the ids; where there are more, the life tells how many."""
    if ids is None:
        return None
    if len(ids) > MOST_IDS:
        life.unknown.append(f"all {what}: the first {MOST_IDS} of {len(ids):,} are named")
    return list(ids[:MOST_IDS])


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _text(at_ms: int) -> str:
    made = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return made.replace("+00:00", "Z")


def _moment(at_ms: int | None, received_ms: int) -> tuple[str | None, int | None]:
    """A moment as text, and how long after the record was received."""
    return (None, None) if at_ms is None else (_text(at_ms), at_ms - received_ms)
