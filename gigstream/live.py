"""Live gigs of the demo: each is sent, and timed until the list in Redis is another."""

import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from consumer.events import DAY_MS, Event
from consumer.sender import Sender
from gigstream.errors import GigstreamError
from serving.contract import field_of, live_key
from serving.lookup import Lookup
from trainer.interactions import Interactions

SOURCE = "demo"
NEW_NAME = "First Light"
_MINUTE_MS = 60_000
_TIMEOUT_S = 30.0
_LOOK_S = 0.001
_WHOLE = 200
_CANDIDATES = 100


@dataclass(frozen=True)
class Known:
    """What the stored gigs say: whom to show, and when live ones go on."""

    artist: str
    artist_name: str
    venue: str
    venue_name: str
    day_ms: int
    """The day after the newest gig, epoch ms: without newer statements nothing ages."""


def known(interactions: Interactions, lookup: Lookup) -> Known:
    """Whom to show: the busiest artist who has venues left, the venue with the most artists.

    Raises:
        GigstreamError: Every artist played everywhere.
    """
    plays = interactions.plays()
    pairs = np.unique(np.stack([plays.artist, plays.venue]), axis=1)
    busiest = np.argsort(-np.bincount(plays.artist), kind="stable")[:_CANDIDATES]
    ids = [interactions.artists[row] for row in busiest.tolist()]
    artist = next((each for each in ids if _has_venues_left(lookup, each)), None)
    if artist is None:
        raise GigstreamError("every artist played at every venue; give a file with more gigs")
    venue = interactions.venues[int(np.bincount(pairs[1]).argmax())]
    newest_ms = interactions.as_of_ms or 0
    return Known(
        artist=artist,
        artist_name=interactions.artist_names.by_id(interactions.artists).get(artist, artist),
        venue=venue,
        venue_name=interactions.venue_names.by_id(interactions.venues).get(venue, venue),
        day_ms=(newest_ms // DAY_MS + 1) * DAY_MS,
    )


def _has_venues_left(lookup: Lookup, artist: str) -> bool:
    return lookup.artist(artist, 1).source != "popular"


@dataclass(frozen=True)
class Change:
    """One live statement and what it did."""

    text: str
    ms: float
    artist: str


class Stage:
    """Sends one statement after the other and watches the artist's list."""

    def __init__(
        self,
        *,
        sender: Sender,
        lookup: Lookup,
        facts: Known,
        check: Callable[[], None],
    ) -> None:
        self._sender, self._lookup, self._facts, self._check = sender, lookup, facts, check
        self._sent = 0
        self.newcomer = f"first-light-{facts.day_ms // DAY_MS}"

    def play(self) -> Iterator[Change]:
        """A new artist's first gigs, a booking of a known one, and two cancellations."""
        facts = self._facts
        there = self._best(facts.artist)
        yield self._book(self.newcomer, NEW_NAME, there, "plays its first gig, at")
        second = self._best(self.newcomer)
        yield self._book(self.newcomer, NEW_NAME, second, "plays a second gig, at")
        yield self._book(facts.artist, facts.artist_name, there, "is booked at")
        yield self._book(facts.artist, facts.artist_name, there, "is cancelled at", cancel=3)
        yield self._book(self.newcomer, NEW_NAME, second, "is cancelled at", cancel=2)

    def _best(self, artist: str) -> str:
        return self._lookup.artist(artist, 1).items[0].id

    def _book(self, artist: str, name: str, venue: str, verb: str, *, cancel: int = 0) -> Change:
        self._sent += 1
        event = Event(
            event_id=f"{SOURCE}-{self._facts.day_ms // DAY_MS}-{cancel or self._sent}",
            artist_id=artist,
            venue_id=venue,
            time_ms=self._facts.day_ms + self._sent * _MINUTE_MS,
            source=SOURCE,
            status="cancelled" if cancel else "confirmed",
            starts_at_ms=self._facts.day_ms,
            artist_name=name,
        )
        where = self._lookup.names([venue], of="venue").get(venue, venue)
        return Change(f"{name} {verb} {where}", self._timed(event), artist)

    def _timed(self, event: Event) -> float:
        """Milliseconds from sending until the artist's list holds other venues."""
        before, began_s = self._list(event.artist_id), time.perf_counter()
        self._sender.send(event)
        self._sender.flush()
        while self._list(event.artist_id) == before:
            time.sleep(_LOOK_S)
            self._check()
            if time.perf_counter() - began_s > _TIMEOUT_S:
                raise GigstreamError(
                    f"the list of {event.artist_id} did not change within {_TIMEOUT_S:.0f} s; "
                    "see the log of the trainer",
                )
        return (time.perf_counter() - began_s) * 1000

    def _list(self, artist: str) -> list[str]:
        found = self._lookup.artist(artist, _WHOLE)
        return [item.id for item in found.items] if found.source != "popular" else []


def redis_cli(url: str, prefix: str, artist: str) -> str:
    """The command that reads an artist's list."""
    key = live_key(prefix, "artist")
    return shlex.join(["redis-cli", "-u", url, "HGET", key, field_of(artist)])
