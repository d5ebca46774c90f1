"""Settling in plain Python, for an install without compiled code; `_settle.pyi` documents it.

Plays are kept by bill. What a statement or a merge changes is found by comparing the plays of its
bill before and after.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

RowNumbers = NDArray[np.int32]
Times = NDArray[np.int64]
Bill = tuple[str, str]

ORDER = ("version", "time", "recorded_at", "topic_id", "partition", "offset", "digest")
"""Of two statements of a gig the one with the greater tuple counts."""


class Interner:
    """Texts and their row numbers."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, name: str) -> int:
        return self._rows.setdefault(name, len(self._rows))

    def find(self, name: str) -> int:
        return self._rows.get(name, -1)

    def add_all(self, names: Any) -> RowNumbers:  # noqa: ANN401 - pyarrow has no types
        return np.array([self.add(name) for name in names.to_pylist()], np.int32)

    def since(self, row: int) -> list[str]:
        return list(self._rows)[row:]


class Names:
    """The newest name of each row."""

    def __init__(self) -> None:
        self._newest: dict[int, tuple[int, str]] = {}

    def lookup(self, rows: RowNumbers) -> list[str | None]:
        return [self._newest[row][1] if row in self._newest else None for row in rows.tolist()]

    def say(self, row: int, name: str, time_ms: int) -> None:
        """Take in one name.

        Args:
            row: whose name it is.
            name: not empty.
            time_ms: of the statement, epoch ms.
        """
        self._newest[row] = max(self._newest.get(row, (time_ms, "")), (time_ms, name))


class Statement(NamedTuple):
    """The greatest statement of a gig."""

    order: tuple[Any, ...]
    venue: int
    at_ms: int
    cancelled: bool


class Gigs:
    """Every gig, in the order in which they were first stated."""

    def __init__(
        self, artists: Interner, venues: Interner, artist_names: Names, venue_names: Names
    ) -> None:
        self.turns = 0
        self._artists, self._venues = artists, venues
        self._names = artist_names, venue_names
        self._gigs: list[tuple[Bill, int]] = []
        self._bills: defaultdict[Bill, dict[int, Statement]] = defaultdict(dict)  # by artist
        self._deleted: set[Bill] = set()
        self._targets: dict[int, int] = {}
        self._shown: dict[Bill, dict[int, tuple[int, int]]] = {}  # venue and time, by artist
        self._nights: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._gigs)

    @property
    def play_count(self) -> int:
        return sum(map(len, self._shown.values()))

    def expect(self, rows: int) -> None: ...

    def settle(self, batches: list[Any]) -> tuple[RowNumbers, RowNumbers]:
        return self._refresh({self._take(row) for batch in batches for row in _rows(batch)})

    def share(self, rows: RowNumbers, targets: RowNumbers) -> None:
        self._targets = dict(zip(rows.tolist(), targets.tolist(), strict=True))
        self._refresh(self._bills)

    def affected_by(self, artists: RowNumbers, venues: RowNumbers) -> tuple[RowNumbers, RowNumbers]:
        own, at = set(artists.tolist()), set(venues.tolist())
        found: list[tuple[int, int]] = []
        for gigs in self._bills.values():
            hit = {self._target(a) for a, said in gigs.items() if a in own or said.venue in at}
            same = [(a, said) for a, said in gigs.items() if self._target(a) in hit]
            found += [(a, said.venue) for a, said in same]
            self._nights += [(said.venue, said.at_ms) for _, said in same]
        return _distinct(found)

    def plays(self) -> tuple[RowNumbers, RowNumbers, Times]:
        return self.plays_since(0)

    def plays_since(self, gig: int) -> tuple[RowNumbers, RowNumbers, Times]:
        shown = ((artist, self._shown[bill].get(artist)) for bill, artist in self._gigs[gig:])
        plays = [(artist, *play) for artist, play in shown if play is not None]
        artist, venue, at_ms = np.array(plays, np.int64).reshape(-1, 3).T
        return artist.astype(np.int32), venue.astype(np.int32), np.ascontiguousarray(at_ms)

    def play_sources(self) -> tuple[RowNumbers, list[str]]:
        counted = ((bill, self._shown[bill].get(artist)) for bill, artist in self._gigs)
        sources = [bill[0] for bill, play in counted if play is not None]
        names = sorted(set(sources))
        codes = {name: code for code, name in enumerate(names)}
        return np.array([codes[source] for source in sources], np.int32), names

    def plays_of(self, side: str, rows: RowNumbers) -> tuple[RowNumbers, RowNumbers, Times]:
        artist, venue, at_ms = self.plays()
        own = venue if side == "venue" else artist
        position = {row: at for at, row in enumerate(rows.tolist())}
        numbers = np.array([position.get(row, -1) for row in own.tolist()], np.int32)
        kept = numbers >= 0
        if side == "venue":
            return artist[kept], numbers[kept], at_ms[kept]
        return numbers[kept], venue[kept], at_ms[kept]

    def played(self, side: str) -> RowNumbers:
        return np.bincount(self.plays()[int(side == "venue")]).astype(np.int32)

    def changes(self) -> None: ...

    def nights(self) -> tuple[RowNumbers, Times]:
        venue, at_ms = np.array(self._nights, np.int64).reshape(-1, 2).T
        self._nights = []
        return venue.astype(np.int32), np.ascontiguousarray(at_ms)

    def counts(self, artists: int, venues: int) -> None: ...

    def newest(self, latest_ms: int) -> tuple[int | None, int]:
        shown = ((bill, artist) for bill, plays in self._shown.items() for artist in plays)
        times = [self._bills[bill][artist].order[1] for bill, artist in shown]
        within = [time for time in times if time <= latest_ms]
        return max(within, default=None), len(times) - len(within)

    def unmatched(self) -> int:
        return len(self._deleted - self._bills.keys())

    def superseded(self) -> int:
        return len(self._gigs) - sum(len(self._greatest(bill)) for bill in self._bills)

    def _take(self, row: dict[str, Any]) -> Bill:
        """Take in one stored statement. Returns its bill."""
        bill = row["source"], row["event_id"]
        if row["status"] == "deleted":
            self._deleted.add(bill)
            return bill
        artist, venue = self._artists.add(row["artist_id"]), self._venues.add(row["venue_id"])
        for side, names, of in zip(("artist", "venue"), self._names, (artist, venue), strict=True):
            if row[f"{side}_name"] is not None:
                names.say(of, row[f"{side}_name"], row["time"])
        # Ids and names count even where the statement does not: compiled code numbers them alike.
        order = tuple(row[name] for name in ORDER)
        before = self._bills[bill].get(artist)
        if before is None:
            self._gigs.append((bill, artist))
        if before is None or order > before.order:
            cancelled = row["status"] == "cancelled"
            self._bills[bill][artist] = Statement(order, venue, row["starts_at"], cancelled)
        return bill

    def _refresh(self, bills: Iterable[Bill]) -> tuple[RowNumbers, RowNumbers]:
        """Find the plays of these bills again. Returns the artists and venues that changed."""
        self.turns += 1
        changed: list[tuple[int, int]] = []
        for bill in bills:
            before, after = self._shown.get(bill, {}), self._plays(bill)
            self._shown[bill] = after
            plays = before.items() ^ after.items()
            changed += [(artist, venue) for artist, (venue, _) in plays]
            self._nights += [play for _, play in plays]
        return _distinct(changed)

    def _plays(self, bill: Bill) -> dict[int, tuple[int, int]]:
        greatest = {} if bill in self._deleted else self._greatest(bill)
        return {a: (said.venue, said.at_ms) for a, said in greatest.items() if not said.cancelled}

    def _greatest(self, bill: Bill) -> dict[int, Statement]:
        """The gigs of a bill less those that a merge superseded."""
        gigs = self._bills.get(bill, {})
        # Merged artists are one: of their gigs on a bill, the greatest statement counts.
        best: dict[int, tuple[Any, ...]] = {}
        for artist, said in gigs.items():
            target = self._target(artist)
            best[target] = max(best.get(target, said.order), said.order)
        return {a: said for a, said in gigs.items() if said.order == best[self._target(a)]}

    def _target(self, artist: int) -> int:
        return self._targets.get(artist, artist)


def _rows(batch: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - pyarrow has no types
    columns = {name: batch[name] for name in batch.schema.names}
    columns["starts_at"] = pc.coalesce(columns["starts_at"], columns["time"])
    columns["version"] = pc.fill_null(columns["version"], -1)
    for name in ("time", "recorded_at", "starts_at"):
        milliseconds = pc.cast(columns[name], pa.timestamp("ms", "UTC"), safe=False)
        columns[name] = pc.cast(milliseconds, pa.int64())
    rows: list[dict[str, Any]] = pa.record_batch(columns).to_pylist()
    return rows


def _distinct(pairs: list[tuple[int, int]]) -> tuple[RowNumbers, RowNumbers]:
    artists, venues = np.array(pairs, np.int32).reshape(-1, 2).T
    return np.unique(artists), np.unique(venues)


def cells(
    artist: RowNumbers, venue: RowNumbers, at_ms: Times, n_artists: int, threads: int
) -> tuple[NDArray[Any], ...]:
    """Plays by artist, venue and time: the arrays of `trainer.plays.matrix.Pairs`.

    Args:
        artist: by play.
        venue: by play.
        at_ms: by play, epoch ms.
        n_artists: number of artists.
        threads: not used.
    """
    del threads
    order = np.lexsort((at_ms, venue, artist))
    artist, venue = artist[order], venue[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(artist) != 0) | (np.diff(venue) != 0)
    begin = np.flatnonzero(first)
    indptr = np.searchsorted(artist[begin], np.arange(n_artists + 1)).astype(np.int32)
    return indptr, venue[begin], begin, at_ms[order]
