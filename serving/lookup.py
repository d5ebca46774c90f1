"""The lists, for an app: one call, one round trip, never an empty answer.

    from redis import Redis
    from serving.lookup import Lookup

    lookup = Lookup(Redis("localhost"))
    for venue in lookup.artist("radiohead", n=5).items:
        print(venue.id, venue.score)

Needs `redis` and nothing else of gigstream's dependencies. Any client of redis-py's will do,
whether it decodes responses or not; it belongs to the caller.
"""

import json
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from typing import Any, Literal

import redis

from serving.contract import (
    ADDED,
    DEFAULT,
    GENERATION,
    META,
    SCHEMA,
    SEQ,
    VERSION,
    Entry,
    Kind,
    NamesView,
    View,
    as_text,
    field_of,
    id_of,
    is_reserved,
    live_key,
    side_of,
)
from serving.errors import NotPublished, Unreadable
from serving.redis_errors import address, translated

Side = Literal["artist", "venue"]

_SCAN_FIELDS = 1000
"""Names per step of a search: about a millisecond of the server's time."""


@dataclass(frozen=True, slots=True)
class Item:
    """One recommended venue or artist."""

    id: str
    score: float
    """Comparable within one list only."""
    plays: int | None
    """Gigs of the pair so far; None unless asked with `returns`."""


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


@dataclass(frozen=True, slots=True)
class Match:
    """A name found by `Lookup.search`."""

    id: str
    name: str


class Lookup:
    """Reads what the publisher of `prefix` wrote.

    All methods raise `serving.errors.ServingError`s, whose text is one line with the remedy:
    `NotPublished`, `RedisUnreachable`, `LoginRefused`, `RedisUnfit`, `Unreadable`.
    """

    def __init__(
        self, client: redis.Redis, prefix: str = "gig", *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._clock = clock

    def artist(self, artist_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best venues for an artist.

        Args:
            artist_id: known or not: an unknown one gets the popular list.
            n: how many, at least 1.
            returns: venues that the artist has played count too.
        """
        return self._list("artist:returns" if returns else "artist", artist_id, n)

    def venue(self, venue_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best artists for a venue.

        Args:
            venue_id: known or not: an unknown one gets the popular list.
            n: how many, at least 1.
            returns: artists who have played there count too.
        """
        return self._list("venue:returns" if returns else "venue", venue_id, n)

    def names(self, ids: Iterable[str], *, of: Side) -> dict[str, str]:
        """Display names by id, in one round trip; ids without a name are left out."""
        wanted = list(dict.fromkeys(ids))  # each once, in order
        if not wanted:
            return {}
        found = self._fields(_names_view(of), map(field_of, wanted))
        named = zip(wanted, found, strict=True)
        return {identity: as_text(name) for identity, name in named if name is not None}

    def search(self, text: str, *, of: Side, limit: int = 20) -> list[Match]:
        """Ids whose name contains a text, whatever its case and accents; closest first.

        Reads every name (100k take some 0.6 s): for people, not for every request.

        Args:
            text: part of a name.
            of: whose names.
            limit: most matches.
        """
        wanted = _plain(text)
        found = [
            (_closeness(plain, wanted), name, identity)
            for identity, name in self._all_names(_names_view(of))
            if wanted in (plain := _plain(name))
        ]
        return [Match(identity, name) for _, name, identity in sorted(found)[:limit]]

    def _list(self, view: View, identity: str, n: int) -> Recommendation:
        if n < 1:
            raise ValueError(f"n: {n} is too few; ask for 1 or more")
        # All in one call: a swap between two calls would mix two generations.
        own, default, generation, meta, *progress = self._fields(
            view, [field_of(identity), DEFAULT, GENERATION, META, SEQ, VERSION]
        )
        if default is None or generation is None or meta is None:
            raise self._not_published(view)
        built_at = _built_at(meta)
        entry = _own(own) or replace(Entry.decode(default), kind="popular")
        return Recommendation(
            id=identity,
            items=_items(entry, n),
            generation=entry.generation,
            as_of=datetime.fromtimestamp(entry.as_of, UTC),
            age_s=max(0.0, self._clock() - built_at),
            source=entry.kind,
            **dict(zip(("seq", "version"), map(_number, progress), strict=True)),
        )

    def _not_published(self, view: View) -> NotPublished:
        key, remedy = live_key(self._prefix, view), "run `gigstream train --once`"
        if view in ADDED and self._fields(side_of(view), [GENERATION]) != [None]:
            remedy = "an earlier gigstream publishes here; start the trainer of this version"
        return NotPublished(
            f"nothing is published under {key} at {address(self._client)}: {remedy}, or check the "
            "prefix"
        )

    def _fields(self, view: View | NamesView, fields: Iterable[str]) -> list[Any]:
        """The one round trip."""
        with translated(self._client, self._prefix):
            return self._client.hmget(live_key(self._prefix, view), list(fields))

    def _all_names(self, view: NamesView) -> Iterator[tuple[str, str]]:
        key = live_key(self._prefix, view)
        with translated(self._client, self._prefix):
            # Into a dict, since a scan may give a field twice.
            found = dict(self._client.hscan_iter(key, count=_SCAN_FIELDS))
        for field, name in ((as_text(f), as_text(v)) for f, v in found.items()):
            if not is_reserved(field):
                yield id_of(field), name


def _names_view(of: Side) -> NamesView:
    return "artist:name" if of == "artist" else "venue:name"


def _own(value: bytes | str | None) -> Entry | None:
    """None where there is no list, or an empty one: its artist has played everywhere."""
    entry = Entry.decode(value) if value is not None else None
    return entry if entry and entry.ids else None


def _number(value: bytes | str | None) -> int | None:
    return int(value) if value else None


def _items(entry: Entry, n: int) -> tuple[Item, ...]:
    plays = repeat(None) if entry.plays is None else entry.plays
    return tuple(map(Item, entry.ids[:n], entry.scores, plays))


@lru_cache(maxsize=16)
def _built_at(meta: bytes | str) -> float:
    """Epoch seconds. Cached: the text changes with each generation, not with each call."""
    facts = json.loads(meta)
    if facts["schema"] != SCHEMA:
        raise Unreadable(
            f"these lists follow schema {facts['schema']}, this reader knows {SCHEMA}: install "
            "the gigstream that publishes them"
        )
    return float(facts["built_at"])


def _plain(text: str) -> str:
    """Case and accents taken off, for comparing."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _closeness(name: str, wanted: str) -> int:
    # Equal names first, then those that begin with the text.
    return 0 if name == wanted else 1 if name.startswith(wanted) else 2
