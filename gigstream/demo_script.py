"""Live gigs of the demo: sends each and measures the time until the list in Redis has changed."""

import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from consumer.deadline import Deadline
from consumer.events import DAY_MS, Event
from consumer.imports.sender import Sender
from gigstream.errors import GigstreamError
from operations.clocks import now_ms
from serving.contract import field_of, live_key
from serving.lookup import Lookup
from trainer.plays.interactions import Interactions

SOURCE = "demo"
NEW_NAME = "First Light"
_MINUTE_MS = 60_000
_TIMEOUT_S = 30.0
_POLL_S = 0.001
_LONGEST_LIST = 200
_CANDIDATES = 100


@dataclass(frozen=True)
class DemoFacts:
    """Facts about the imported gigs: whose lists to show, and the date of the live gigs."""

    artist: str
    artist_name: str
    venue: str
    venue_name: str
    day_ms: int
    """The day after the newest gig, epoch ms, but not after now: without newer statements nothing
    ages."""


def demo_facts(interactions: Interactions, lookup: Lookup) -> DemoFacts:
    """Choose the busiest artist who has new venues left, and the venue with the most artists.

    Raises:
        GigstreamError: Every artist played everywhere.
    """
    plays = interactions.plays()
    # Distinct pairs: a venue's residency must not make it the venue with the most artists.
    pairs = np.unique(np.stack([plays.artist, plays.venue]), axis=1)
    busiest = np.argsort(-np.bincount(plays.artist), kind="stable")[:_CANDIDATES]
    ids = [interactions.artists[row] for row in busiest.tolist()]
    artist = next((each for each in ids if (lookup.artist(each, 1).source != "popular")), None)
    if artist is None:
        raise GigstreamError("every artist played at every venue; give a file with more gigs")
    venue = interactions.venues[int(np.bincount(pairs[1]).argmax())]
    newest_ms = interactions.clock(now_ms()).as_of_ms or 0
    next_day_ms = (newest_ms // DAY_MS + 1) * DAY_MS
    return DemoFacts(
        artist=artist,
        artist_name=interactions.artist_names.by_id(interactions.artists).get(artist, artist),
        venue=venue,
        venue_name=interactions.venue_names.by_id(interactions.venues).get(venue, venue),
        day_ms=min(next_day_ms, now_ms()),
    )


@dataclass(frozen=True)
class Change:
    """One live statement and how long it took to change a list."""

    text: str
    ms: float
    artist: str


class DemoScript:
    """Sends one statement after the other and watches the artist's list.

    Args:
        sender: producer of the events' topic.
        lookup: reader of the lists.
        facts: whose lists, and the date.
        check: raises if a process of the stack has ended.
    """

    def __init__(
        self, *, sender: Sender, lookup: Lookup, facts: DemoFacts, check: Callable[[], None]
    ) -> None:
        self._sender, self._lookup, self._facts, self._check = sender, lookup, facts, check
        self._sent = 0
        self.newcomer = f"first-light-{facts.day_ms // DAY_MS}"

    def play(self) -> Iterator[Change]:
        """Send a new artist's first gigs, a booking of a known artist, and two cancellations."""
        facts = self._facts
        # The known artist's best venue: the later booking removes it from the list of new venues.
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
            # The day makes ids unique between runs; a cancellation repeats the id of its booking.
            event_id=f"{SOURCE}-{self._facts.day_ms // DAY_MS}-{cancel or self._sent}",
            artist_id=artist,
            venue_id=venue,
            # A minute apart: of two statements about a gig the later one counts.
            time_ms=self._facts.day_ms + self._sent * _MINUTE_MS,
            source=SOURCE,
            status="cancelled" if cancel else "confirmed",
            starts_at_ms=self._facts.day_ms,
            artist_name=name,
        )
        where = self._lookup.names([venue], of="venue").get(venue, venue)
        return Change(f"{name} {verb} {where}", self._timed(event), artist)

    def _timed(self, event: Event) -> float:
        """Send the event. Returns milliseconds until the artist's list holds other venues."""
        before, began_s = self._list(event.artist_id), time.perf_counter()
        deadline = Deadline(_TIMEOUT_S)
        self._sender.send(event)
        # The clock runs until the broker has the event and the list has changed.
        self._sender.flush()
        while self._list(event.artist_id) == before:
            time.sleep(_POLL_S)
            self._check()
            if deadline.is_over:
                raise GigstreamError(
                    f"the list of {event.artist_id} did not change within {_TIMEOUT_S:.0f} s; "
                    "see the log of the trainer"
                )
        return (time.perf_counter() - began_s) * 1000

    def _list(self, artist: str) -> list[str]:
        found = self._lookup.artist(artist, _LONGEST_LIST)
        # An artist without a list of their own counts as having an empty one.
        return [item.id for item in found.items] if found.source != "popular" else []


def redis_cli(url: str, prefix: str, artist: str) -> str:
    """The shell command that reads an artist's list.

    Args:
        url: of Redis.
        prefix: of the keys.
        artist: its id.
    """
    key = live_key(prefix, "artist")
    return shlex.join(["redis-cli", "-u", url, "HGET", key, field_of(artist)])
