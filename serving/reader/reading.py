"""What a look-up asks Redis and makes of the replies, without a client: steps of commands.

Each function is a generator. It yields the commands of one round trip, gets their replies or an
error of `serving.errors`, and returns the answer. `Lookup` and `AsyncLookup` do the asking.
"""

import time
import unicodedata
from collections.abc import Callable, Generator, Iterable
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from ..contract import (
    ADDED,
    GENERATION,
    SEQ,
    VERSION,
    TextView,
    View,
    as_text,
    events_key,
    field_of,
    id_of,
    is_reserved,
    live_key,
    side_of,
)
from ..errors import NotPublished, RedisUnreachable
from ..redis_errors import AnyClient, address
from .answers import RESERVED, Info, Match, Recommendation, info, recommendations, replies
from .list_cache import MOST_EVENTS, Cache, Poll

Side = Literal["artist", "venue"]
Answer = TypeVar("Answer")
Client = TypeVar("Client", bound=AnyClient)
Commands: TypeAlias = list[tuple[str | bytes | int, ...]]
Steps: TypeAlias = Generator[Commands, list[Any], Answer]

SCAN_FIELDS = 1000
"""Names per step of a search: about a millisecond of the server's time."""


class Reading:
    """Reads under one prefix.

    Args:
        prefix: of the keys.
        clock: epoch seconds.
        cache: of lists; None: each answer is read from Redis.
        where: the server's address, for messages.
    """

    def __init__(
        self,
        prefix: str,
        clock: Callable[[], float],
        cache: Cache | None,
        where: Callable[[], str],
    ) -> None:
        self.prefix = prefix
        self._clock = clock
        self._cache = cache
        self._where = where

    def artists(
        self, ids: Iterable[str], n: int, *, returns: bool
    ) -> Steps[dict[str, Recommendation]]:
        """Venues for artists.

        Args:
            ids: of artists.
            n: how many for each.
            returns: those already played too.
        """
        return self._by_id(_view("artist", returns=returns), distinct("artist_ids", ids), n)

    def venues(
        self, ids: Iterable[str], n: int, *, returns: bool
    ) -> Steps[dict[str, Recommendation]]:
        """Artists for venues.

        Args:
            ids: of venues.
            n: how many for each.
            returns: those who played there too.
        """
        return self._by_id(_view("venue", returns=returns), distinct("venue_ids", ids), n)

    def artist(self, artist_id: str, n: int, *, returns: bool) -> Steps[Recommendation]:
        """Venues for one artist.

        Args:
            artist_id: known or not.
            n: how many.
            returns: those already played too.
        """
        return self._list(_view("artist", returns=returns), checked("artist_id", artist_id), n)

    def venue(self, venue_id: str, n: int, *, returns: bool) -> Steps[Recommendation]:
        """Artists for one venue.

        Args:
            venue_id: known or not.
            n: how many.
            returns: those who played there too.
        """
        return self._list(_view("venue", returns=returns), checked("venue_id", venue_id), n)

    def names(self, ids: Iterable[str], of: Side) -> Steps[dict[str, str]]:
        """Display names by id."""
        found = yield from self._texts(_names_view(of), ids)
        return {identity: as_text(name) for identity, name in found.items()}

    def infos(self, ids: Iterable[str], of: Side) -> Steps[dict[str, Info]]:
        """Infos by id."""
        found = yield from self._texts("artist:info" if of == "artist" else "venue:info", ids)
        return {identity: info(identity, value) for identity, value in found.items()}

    def search(self, text: str, of: Side, limit: int) -> Steps[list[Match]]:
        """Ids whose name contains a text, closest first.

        Args:
            text: part of a name.
            of: whose names.
            limit: most matches.
        """
        wanted = plain_text(text)
        names = yield from self._all_names(_names_view(of))
        found = [
            (_closeness(plain, wanted), name, identity)
            for identity, name in names.items()
            if wanted in (plain := plain_text(name))
        ]
        return [Match(identity, name) for _, name, identity in sorted(found)[:limit]]

    def _list(self, view: View, identity: str, n: int) -> Steps[Recommendation]:
        (found,) = yield from self._lists(view, [identity], n)
        return found

    def _by_id(self, view: View, ids: list[str], n: int) -> Steps[dict[str, Recommendation]]:
        found = yield from self._lists(view, ids, n)
        return {each.id: each for each in found}

    def _lists(self, view: View, ids: list[str], n: int) -> Steps[list[Recommendation]]:
        if n < 1:
            raise ValueError(f"n: {n} is too few; ask for 1 or more")
        if not ids:
            return []
        if self._cache is not None:
            held = yield from self._from_cache(self._cache, view, ids, n)
            if held is not None:
                return held
        # All in one call: a swap between two calls would mix two generations.
        key = live_key(self.prefix, view)
        (values,) = yield [("HMGET", key, *map(field_of, ids), *RESERVED)]
        found = replies(values)
        if found is None:
            raise (yield from self._nothing(view))
        if self._cache is not None:
            self._cache.keep(view, ids, found)
        return recommendations(ids, found, n, self._clock())

    def _from_cache(
        self, cache: Cache, view: View, ids: list[str], n: int
    ) -> Steps[list[Recommendation] | None]:
        """None: one of them must be read, and with it all, so that they are of one generation."""
        poll = cache.begin(time.monotonic())
        if poll and not (yield from self._polled(cache, poll, view, ids)):
            return None
        now, monotonic = self._clock(), time.monotonic()
        found = cache.give(view, ids, monotonic)
        if found is None:
            return None
        return recommendations(ids, found, n, now, cache.behind_s(monotonic))

    def _polled(self, cache: Cache, poll: Poll, view: View, ids: list[str]) -> Steps[bool]:
        """Whether what the cache holds is as new as it must be, or Redis is away."""
        try:
            events, state = yield self._changes(poll)
            if state[0] is None:
                raise (yield from self._nothing("artist"))
            return cache.follow(poll, events, state)
        except (RedisUnreachable, NotPublished):
            cache.failed(time.monotonic())
            if cache.give(view, ids, time.monotonic()) is None:
                raise
            return True

    def _changes(self, poll: Poll) -> Commands:
        last = poll.last_id
        since = (last, "COUNT", MOST_EVENTS) if last else ("-", "COUNT", 1)
        # The position last: it is then never before an event that was read.
        return [
            ("XREVRANGE", events_key(self.prefix), "+", *since),
            ("HMGET", live_key(self.prefix, "artist"), GENERATION, SEQ, VERSION),
        ]

    def _texts(self, view: TextView, ids: Iterable[str]) -> Steps[dict[str, bytes | str]]:
        wanted = distinct("ids", ids)
        if not wanted:
            return {}
        (found,) = yield [("HMGET", live_key(self.prefix, view), *map(field_of, wanted))]
        pairs = zip(wanted, found, strict=True)
        return {identity: value for identity, value in pairs if value is not None}

    def _all_names(self, view: TextView) -> Steps[dict[str, str]]:
        cursor, found = 0, dict[str, str]()  # a scan may give a field twice
        while True:
            key = live_key(self.prefix, view)
            ((cursor, page),) = yield [("HSCAN", key, cursor, "COUNT", SCAN_FIELDS)]
            named = ((as_text(field), as_text(name)) for field, name in page.items())
            found |= {id_of(field): name for field, name in named if not is_reserved(field)}
            if int(cursor) == 0:
                return found

    def _nothing(self, view: View) -> Steps[NotPublished]:
        key, remedy = live_key(self.prefix, view), "run `gigstream train --once`"
        # One more round trip, where the answer is an error anyway.
        if view in ADDED:
            (others,) = yield [("HMGET", live_key(self.prefix, side_of(view)), GENERATION)]
            if others != [None]:
                remedy = "an earlier gigstream publishes here; start the trainer of this version"
        return NotPublished(
            f"nothing is published under {key} at {self._where()}: {remedy}, or check the prefix"
        )


class Reader(Generic[Client]):
    """A client and what it reads under one prefix: what `Lookup` and `AsyncLookup` begin with.

    Args:
        client: of redis-py; it belongs to the caller.
        prefix: of the keys.
        clock: epoch seconds, for ages.
        cache: of lists; None: each answer is read from Redis.
    """

    def __init__(
        self,
        client: Client,
        prefix: str = "gig",
        *,
        clock: Callable[[], float] = time.time,
        cache: Cache | None = None,
    ) -> None:
        self._client = client
        self._reading = Reading(prefix, clock, cache, lambda: address(client))


def checked(name: str, identity: str) -> str:
    """The id, if it is text.

    Raises:
        TypeError: it is a number, or something else.
    """
    if not isinstance(identity, str):
        kind = type(identity).__name__
        raise TypeError(f"{name}: {identity!r} is of type {kind}; ids are text: pass str(...)")
    return identity


def distinct(name: str, ids: Iterable[str]) -> list[str]:
    """Each id once, in order.

    Raises:
        TypeError: one is no text, or `ids` is a single id.
    """
    if isinstance(ids, str | bytes):
        raise TypeError(f"{name}: {ids!r} is one id; pass a list of ids")
    return list(dict.fromkeys(checked(name, identity) for identity in ids))


def _view(side: Side, *, returns: bool) -> View:
    artist: tuple[View, View] = ("artist", "artist:returns")
    venue: tuple[View, View] = ("venue", "venue:returns")
    return (artist if side == "artist" else venue)[returns]


def _names_view(of: Side) -> TextView:
    return "artist:name" if of == "artist" else "venue:name"


def plain_text(text: str) -> str:
    """A text without case and accents, for comparing."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _closeness(name: str, wanted: str) -> int:
    # Equal names first, then those that begin with the text.
    return 0 if name == wanted else 1 if name.startswith(wanted) else 2
