"""What readers of the lists get, made from what Redis answered. Pure: no client, no clock."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import repeat
from typing import Any, NamedTuple

from ..contract import (
    DEFAULT,
    GENERATION,
    META,
    SCHEMA,
    SEQ,
    VERSION,
    Entry,
    Kind,
)
from ..errors import Unreadable

RESERVED = tuple(field.encode() for field in (DEFAULT, GENERATION, META, SEQ, VERSION))
"""Fields that are asked for behind the ids. Bytes: redis-py sends them as they are."""


class Item(NamedTuple):  # made in a fifth of the time of a frozen dataclass
    """One recommended venue or artist."""

    id: str
    score: float
    """Comparable within one list only."""
    plays: int | None
    """Gigs there so far; None unless asked with `returns`."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer for one id, best item first."""

    id: str
    items: tuple[Item, ...]
    generation: int
    """Of the list; grows with every published model."""
    as_of: datetime
    """From when plays age in its scores (UTC): the newest gig statement that its model was fitted
    on. A list of source ``foldin`` knows later gigs too."""
    age_s: float
    """Seconds since the generation was built, whether or not the list was folded in since."""
    source: Kind
    """``model``, ``foldin`` (changed since), or ``popular`` (the id has no list of its own)."""
    seq: int | None = None
    """Number of the last fold-in of any list, 0 at the swap; None: unknown."""
    version: int | None = None
    """Store version up to which all lists are right; None: an older gigstream wrote them."""
    stale_s: float = 0.0
    """Seconds since Redis last confirmed it: 0 unless it came from a cache."""


@dataclass(frozen=True, slots=True)
class Match:
    """A name found by `Lookup.search`."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of an artist or a venue; None, or no genres, where no statement has it."""

    id: str
    name: str | None = None
    lat: float | None = None
    """Degrees."""
    lng: float | None = None
    """Degrees."""
    city: str | None = None
    country: str | None = None
    capacity: int | None = None
    """People."""
    genres: tuple[str, ...] = ()


class Reply(NamedTuple):
    """A list as Redis held it."""

    entry: Entry
    built_at: float
    """Of its generation, epoch seconds."""
    seq: int | None
    version: int | None


def replies(values: Sequence[Any]) -> list[Reply] | None:
    """The lists of one HMGET: any number of ids, then `RESERVED`. None: nothing is published.

    Raises:
        Unreadable: a value does not follow the contract, or follows a later one.
    """
    own, (default, generation, meta, seq, version) = values[:-5], values[-5:]
    if default is None or generation is None or meta is None:
        return None
    common = _built_at(meta), _number(seq), _number(version)
    return [Reply(_own(each) or _popular(default), *common) for each in own]


def recommendations(
    ids: Sequence[str], found: Sequence[Reply], n: int, now: float, stale_s: float = 0.0
) -> list[Recommendation]:
    """The answers for some ids.

    Args:
        ids: that were asked for.
        found: the list of each.
        n: most items of each.
        now: epoch seconds.
        stale_s: since Redis confirmed them.
    """
    return [
        _recommendation(identity, reply, n, now, stale_s)
        for identity, reply in zip(ids, found, strict=True)
    ]


def _recommendation(
    identity: str, reply: Reply, n: int, now: float, stale_s: float
) -> Recommendation:
    entry, built_at, seq, version = reply
    plays = repeat(None) if entry.plays is None else entry.plays
    return Recommendation(
        id=identity,
        items=tuple(map(_item, zip(entry.ids[:n], entry.scores, plays, strict=False))),
        generation=entry.generation,
        as_of=datetime.fromtimestamp(entry.as_of, UTC),
        age_s=max(0.0, now - built_at),
        source=entry.kind,
        seq=seq,
        version=version,
        stale_s=stale_s,
    )


_item: Callable[[tuple[str, float, int | None]], Item] = partial(tuple.__new__, Item)
# Without the frame of Item.__new__: half of the time of an answer's items.


def info(identity: str, value: bytes | str) -> Info:
    """Read an info; members of later versions are skipped.

    Raises:
        Unreadable: it is not a JSON object.
    """
    try:
        read = json.loads(value)
        known = {name: read[name] for name in _MEMBERS if read.get(name) is not None}
        return Info(identity, **{**known, "genres": tuple(known.get("genres", ()))})
    except (ValueError, TypeError, AttributeError) as error:
        raise Unreadable(
            f"the info of {identity!r} in Redis does not follow the contract ({error!r}): publish "
            "again with `gigstream train --once`"
        ) from error


_MEMBERS = ("name", "lat", "lng", "city", "country", "capacity", "genres")


def _own(value: bytes | str | None) -> Entry | None:
    """None where there is no list, or an empty one: its artist has played everywhere."""
    entry = Entry.decode(value) if value is not None else None
    return entry if entry and entry.ids else None


@lru_cache(maxsize=16)
def _popular(value: bytes | str) -> Entry:
    """The popular list. Cached: it changes with each generation, not with each call."""
    return replace(Entry.decode(value), kind="popular")


def _number(value: bytes | str | None) -> int | None:
    return int(value) if value else None


@lru_cache(maxsize=16)
def _built_at(meta: bytes | str) -> float:
    """Epoch seconds. Cached, as the popular list is."""
    facts = json.loads(meta)
    if facts["schema"] != SCHEMA:
        raise Unreadable(
            f"these lists follow schema {facts['schema']}, this reader knows {SCHEMA}: install "
            "the gigstream that publishes them"
        )
    return float(facts["built_at"])
