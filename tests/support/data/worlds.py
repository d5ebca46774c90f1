"""Worlds of dated gigs, made up or real, and a store that takes them without Kafka."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.ids import quarantines
from consumer.ingest import rows
from consumer.store.writer import Span, Store
from support.data.indistreet import EVENTS
from support.data.records import message
from trainer.evaluation.evaluate import read_plays
from trainer.evaluation.splits import Gigs
from trainer.evaluation.windows import past
from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays

DAY_MS = 86_400_000
FIRST_MS = 1_600_000_000_000
SCENES = 6

Gig = tuple[str, str, str, int]
"""Event id, artist, venue, epoch ms."""


class World:
    """Artists of a scene play that scene's venues, and tour a little.

    It grows day by day; the same seed makes the same gigs.
    """

    def __init__(self, seed: int = 1, artists: int = 400, venues: int = 60) -> None:
        self._draw = np.random.default_rng(seed)
        self._artists, self._venues = artists, venues
        self._fame = self._draw.pareto(1.5, venues) + 0.2
        self._number = 0

    def gigs(self, number: int) -> list[Gig]:
        """The next gigs; a few artists are new each time."""
        self._artists += number // 50
        return [self._gig() for _ in range(number)]

    def _gig(self) -> Gig:
        self._number += 1
        artist = int(self._artists * self._draw.random() ** 1.3)
        scene = artist % SCENES if self._draw.random() < 0.85 else int(self._draw.integers(SCENES))
        own = np.arange(scene, self._venues, SCENES)
        venue = self._draw.choice(own, p=self._fame[own] / self._fame[own].sum())
        at_ms = FIRST_MS + self._number * DAY_MS // 20
        return f"w{self._number}", f"artist-{artist}", f"venue-{venue}", at_ms


def real(most: int | None = None) -> list[Gig]:
    """The gigs of Indistreet, the oldest first."""
    read = read_plays(EVENTS)
    at_ms = pc.cast(pc.cast(read["date"], pa.timestamp("ms")), pa.int64())
    columns = (read["artist_id"].to_pylist(), read["venue_id"].to_pylist(), at_ms.to_pylist())
    gigs = [(f"e{n}", *gig) for n, gig in enumerate(zip(*columns, strict=True))]
    return sorted(gigs, key=lambda gig: gig[3])[:most]


def gigs(number: int, *, dated: bool = True) -> Gigs:
    """The plays of a made-up world, as evaluation takes them."""
    artists, venues = Ids(), Ids()
    _, artist, venue, at_ms = zip(*World().gigs(number), strict=True)
    when = np.array(at_ms if dated else [0] * number, np.int64)
    rows = artists.add(pa.chunked_array([artist])), venues.add(pa.chunked_array([venue]))
    return past(Plays(*rows, when, len(artists), len(venues)), artists.ids, venues.ids, 2**60)


class Log:
    """A store that takes gigs, without Kafka."""

    def __init__(self, path) -> None:
        self._store = Store.open(path)
        self._next = 0

    def quarantine(self, source: str) -> int:
        """Take a source out of what counts. Returns the store's version."""
        decision = quarantines.Quarantine(1, source, quarantines.QUARANTINED, quarantines.ALL)
        return self._store.append(quarantines.table(decision), {})

    def append(self, gigs: list[Gig], source: str = "default", status: str = "confirmed") -> int:
        """Store gigs in one commit. Returns the store's version."""
        values = [
            json.dumps(
                {
                    "event_id": event,
                    "artist_id": artist,
                    "venue_id": venue,
                    "status": status,
                    "time": at_ms,
                    "source": source,
                }
            ).encode()
            for event, artist, venue, at_ms in gigs
        ]
        sent = [
            message(self._next + n, value, timestamp=(1, gig[3]))
            for n, (gig, value) in enumerate(zip(gigs, values, strict=True))
        ]
        table = rows.table(sent, topic_id="t")
        span = Span(self._next or None, self._next + len(values))
        self._next += len(values)
        return self._store.append(table, {"c/t/0": span})
