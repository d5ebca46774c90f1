"""A trainer at work on a store that the test writes, and what its lists must say by then."""

import json
import os
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from consumer.ingest import rows
from consumer.store.writer import Span, Store
from support.data.records import message
from support.faults.lossy import LossyProxy
from support.processes.living import children, command
from support.processes.running import Gigstream, Process, until
from support.servers.redis import RedisServer
from trainer.registry.requests import Asked, asking

FIRST_MS = 1_541_000_000_000
APP = "c/t/0"
WITHIN_S = float(os.environ.get("GIGSTREAM_TEST_WITHIN_S", "60"))
"""How soon each change must be visible once Redis answers; 2 where nothing else runs."""


class Training:
    """One home, one prefix; the trainer connects to Redis through a proxy that can lose answers."""

    def __init__(self, home: Path, redis: RedisServer, prefix: str, **settings: str) -> None:
        self.redis, self.prefix = redis, prefix
        self.proxy = LossyProxy(redis.port)
        self.commands = Gigstream(
            home,
            {
                "GIGSTREAM_REDIS_URL": f"redis://127.0.0.1:{self.proxy.port}/0",
                "GIGSTREAM_REDIS_PREFIX": prefix,
                "GIGSTREAM_FACTORS": "8",
                "GIGSTREAM_LIST_SIZE": "200",
                "GIGSTREAM_REFIT_QUIET_S": "0.1",
                "GIGSTREAM_REFIT_INTERVAL_S": "1e9",
                "GIGSTREAM_REFIT_SHARE": "1e9",
                **settings,
            },
        )
        self.client = redis.client()
        self.process: Process | None = None
        self.gigs: dict[str, tuple[str, str]] = {}
        self._store = Store.open(home / "store")
        self._next = 0

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.commands.close()
        self.proxy.__exit__(kind, error, trace)

    # -- what sources say ----------------------------------------------------------------------

    def book(self, *gigs: tuple[str, str, str], later_s: int = 0) -> None:
        """Store gigs (event id, artist, venue) in one commit, dated `later_s` after the others."""
        self.gigs |= {event: (artist, venue) for event, artist, venue in gigs}
        self._append([(gig, "confirmed") for gig in gigs], later_s)

    def cancel(self, *events: str) -> None:
        self._append([((event, *self.gigs.pop(event)), "cancelled") for event in events])

    def flood(self, source: str, *gigs: tuple[str, str, str]) -> None:
        """Store gigs of another source, which `right` knows nothing of."""
        self._append([(gig, "confirmed") for gig in gigs], source=source)

    def season(self, artists: int = 30, venues: int = 12) -> None:
        """Four gigs of each artist."""
        self.book(
            *(
                (f"s{a}-{n}", f"artist-{a}", f"venue-{(a % 3) * 4 + (a + n) % venues // 3}")
                for a in range(artists)
                for n in range(4)
            )
        )

    def _append(
        self, said: list[tuple[tuple[str, str, str], str]], later_s: int = 0, **more: str
    ) -> None:
        start, first_ms = self._next, FIRST_MS + 1000 * later_s
        values = [
            json.dumps(
                {
                    "event_id": event,
                    "artist_id": artist,
                    "venue_id": venue,
                    "status": status,
                    "time": first_ms + start + at,
                    **more,
                }
            ).encode()
            for at, ((event, artist, venue), status) in enumerate(said)
        ]
        messages = [message(start + at, value) for at, value in enumerate(values)]
        self._next += len(messages)
        span = Span(start or None, self._next)
        self._store.append(rows.table(messages, topic_id="t"), {APP: span})

    # -- the trainer ---------------------------------------------------------------------------

    def start(self) -> Process:
        self.process = self.commands.start("train")
        return self.process

    def refit(self) -> AbstractContextManager[Asked]:
        """Ask it for a refit, as `train --once` does, while the context lasts."""
        return asking(self.commands.home / "models")

    def generation(self) -> int:
        found = self.client.hget(f"{self.prefix}:artist", "_gen")
        return int(found) if found else 0

    def progress(self) -> tuple[int, int]:
        found = self.client.hmget(f"{self.prefix}:artist", ["_seq", "_version"])
        return int(found[0]), int(found[1])

    def refits(self) -> list[int]:
        """Its refit processes."""
        if self.process is None:
            return []
        return [
            pid
            for pid in children(self.process.pid)
            if any("spawn_main" in word for word in command(pid))
        ]

    # -- what apps see -------------------------------------------------------------------------

    def lists(self, view: str) -> dict[str, dict[str, Any]]:
        """Live lists by id."""
        found = self.client.hgetall(f"{self.prefix}:{view}")
        fields = ((field.decode(), value) for field, value in found.items())
        return {field: json.loads(value) for field, value in fields if field[0] != "_"}

    def wrong(self) -> str:
        """What the live lists say that does not follow from the gigs; "" where all is right."""
        counted = Counter(self.gigs.values())
        played = {
            artist: {venue: n for (who, venue), n in counted.items() if who == artist}
            for artist, _ in counted
        }
        hosted = {venue: {who for who, at in counted if at == venue} for _, venue in counted}
        met = {
            venue: {artist: counted[artist, venue] for artist in artists}
            for venue, artists in hosted.items()
        }
        for view, known in (("artist:returns", played), ("venue:returns", met)):
            for name in {*known, *(returns := self._met(view))}:
                if known.get(name) != returns.get(name):
                    return f"{view} {name}: {returns.get(name)} instead of {known.get(name)}"
        for view, known in (("artist", played), ("venue", hosted)):
            live = self.lists(view)
            if live.keys() != known.keys():
                return f"{view}: {sorted(live.keys() ^ known.keys())}"
            for name, each in live.items():
                if set(each["v"]) & set(known[name]):
                    return f"{view} {name}: {set(each['v']) & set(known[name])}"
        return ""

    def _met(self, view: str) -> dict[str, dict[str, int]]:
        """By id, the entries that it met, with their plays."""
        return {
            name: {other: n for other, n in zip(each["v"], each["p"], strict=True) if n}
            for name, each in self.lists(view).items()
        }

    def right(self, within_s: float = WITHIN_S) -> float:
        """Wait until all lists are right; an error where they are not in time. Returns seconds."""
        began = time.monotonic()
        while wrong := self.wrong():
            took_s = time.monotonic() - began
            assert took_s < within_s, f"{wrong} after {took_s:.1f} s\n{self.commands.logs()}"
            time.sleep(0.02)
        return time.monotonic() - began

    def published(self) -> None:
        """Start it on a season, and wait for all lists."""
        self.season()
        self.start()
        until(self.generation)
        self.right()
