"""Settling in numpy, where the compiled code was not built: see `trainer.settling` for what it is.

Every look at plays goes over all gigs, and ids are Python's own strings and dictionaries.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Rows = NDArray[np.int32]
Moments = NDArray[np.int64]
Records = NDArray[np.void]

ORDER = ("version", "time", "recorded", "topic", "partition", "offset", "digest")
GIG = np.dtype(
    [(field, np.int64) for field in ORDER]
    + [("artist", np.int32), ("venue", np.int32), ("bill", np.int32), ("at_ms", np.int64)]
    + [("cancelled", np.bool_)]
)
NEVER = np.zeros(1, GIG)
NEVER["version"] = -2
NEVER["cancelled"] = True

_NO_STATE = "settling is not compiled here; reinstall with a C++ compiler"
_SEPARATOR = "\x1f"  # a control character: no id may hold one


class Numbered:
    """Texts and their row numbers."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._rows: dict[str, int] = {}
        self._order = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, name: str) -> int:
        """Its row, a new one where it is unseen."""
        row = self._rows.setdefault(name, len(self._texts))
        if row == len(self._texts):
            self._texts.append(name)
        return row

    def find(self, name: str) -> int:
        """Its row, -1 where it is unseen."""
        return self._rows.get(name, -1)

    def add_all(self, names: Any) -> Rows:  # noqa: ANN401 - pyarrow has no types
        """The rows of an Arrow array of strings without nulls."""
        encoded = names.dictionary_encode()
        rows = np.array([self.add(name) for name in encoded.dictionary.to_pylist()], np.int32)
        taken: Rows = rows[encoded.indices.to_numpy()]
        return taken

    def since(self, row: int) -> list[str]:
        """All texts from this row on."""
        return self._texts[row:]

    def ranks(self) -> NDArray[np.int64]:
        """The place of each text among all, sorted."""
        ranks = np.empty(len(self), np.int64)
        ranks[sorted(range(len(self)), key=self._texts.__getitem__)] = np.arange(len(self))
        return ranks


class Names:
    """The newest name of each row."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[int, str]] = {}

    def of(self, rows: Rows) -> list[str | None]:
        """The names of these rows, None where none was said."""
        return [self._said[row][1] if row in self._said else None for row in rows.tolist()]

    def times_ms(self) -> Moments:
        """When those were said, by row."""
        times = np.zeros(max(self._said, default=-1) + 1, np.int64)
        for row, (time, _) in self._said.items():
            times[row] = time
        return times

    def say(self, row: int, name: str, time_ms: int) -> None:
        """Take in one name."""
        self._said[row] = max(self._said.get(row, (time_ms, "")), (time_ms, name))

    def hear(self, rows: Rows, names: pa.Array, times: Moments) -> None:
        """Take in what statements call these rows; null names say nothing."""
        said = zip(rows.tolist(), times.tolist(), names.to_pylist(), strict=True)
        for row, time, name in said:
            if name is not None:
                self.say(row, name, time)


class Gigs:
    """Every gig and its greatest statement."""

    def __init__(
        self, artists: Numbered, venues: Numbered, artist_names: Names, venue_names: Names
    ) -> None:
        self.newest_ms: int | None = None
        self.turns = 0
        self._artists = artists
        self._venues = venues
        self._artist_names = artist_names
        self._venue_names = venue_names
        self._topics = Numbered()
        self._gig_ids = Numbered()
        self._bill_ids = Numbered()
        self._table = np.empty(0, GIG)
        self._deleted = np.empty(0, np.bool_)
        self._shared: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._gig_ids)

    @property
    def play_count(self) -> int:
        """Gigs that are plays."""
        return int(self._are_plays().sum())

    def expect(self, rows: int) -> None:
        """Room is made as it is needed."""

    def settle(self, batches: list[Any]) -> tuple[Rows, Rows]:
        """Take in record batches, `trainer.interactions.SCHEMA`, texts coded or not."""
        self.turns += 1
        changed = [self._settle(_decoded(batch)) for batch in batches]
        return self._touched(np.concatenate([self._table[:0], *changed]))

    def _settle(self, batch: Any) -> Records:  # noqa: ANN401 - pyarrow has no types
        deleted = pc.equal(batch["status"], "deleted")
        stated = self._state(batch.filter(pc.invert(deleted)))
        struck = self._strike(batch.filter(deleted))
        return np.concatenate([stated, struck])

    def share(self, rows: Rows, targets: Rows) -> None:
        """Which artists are one by merges, and what they count as."""
        self.turns += 1
        self._shared = dict(zip(rows.tolist(), targets.tolist(), strict=True))

    def near(self, artists: Rows, venues: Rows) -> tuple[Rows, Rows]:
        """Artists and venues of gigs of these, and of gigs that those decide on."""
        gigs = self._gigs
        return self._touched(
            gigs[np.isin(gigs["artist"], artists) | np.isin(gigs["venue"], venues)]
        )

    def plays(self) -> tuple[Rows, Rows, Moments]:
        """Every play: artist, venue, when."""
        gigs = self._gigs[self._are_plays()]
        artist, venue, at_ms = (np.ascontiguousarray(gigs[n]) for n in ("artist", "venue", "at_ms"))
        return artist, venue, at_ms

    def of(self, side: str, rows: Rows) -> tuple[Rows, Rows, Moments]:
        """The plays of these rows of a side."""
        plays = self.plays()
        own = int(side == "venue")
        place = {row: at for at, row in enumerate(rows.tolist())}
        numbers = np.array([place.get(row, -1) for row in plays[own].tolist()], np.int32)
        kept = numbers >= 0
        artist, venue, at_ms = plays[0][kept], plays[1][kept], plays[2][kept]
        numbers = numbers[kept]
        return (artist, numbers, at_ms) if own else (numbers, venue, at_ms)

    def played(self, side: str) -> Rows:
        """Plays by row."""
        return np.bincount(self.plays()[int(side == "venue")]).astype(np.int32)

    def changes(self) -> None:
        """They are not noted."""

    def counts(self, artists: int, venues: int) -> None:
        """It is not quicker."""

    def state(self) -> dict[str, Any]:
        """Nobody asks: snapshots are of compiled code."""
        raise RuntimeError(_NO_STATE)

    def restore(self, **_state: object) -> None:
        """Nobody asks."""
        raise RuntimeError(_NO_STATE)

    def outdone(self) -> int:
        """Gigs of which a greater statement was made under another id of the artist."""
        return int(self._outdone(self._gigs).sum())

    @property
    def _gigs(self) -> Records:
        return self._table[: len(self._gig_ids)]

    def _are_plays(self) -> NDArray[np.bool_]:
        return self._counted(self._gigs) & ~self._outdone(self._gigs)

    def _touched(self, gigs: Records) -> tuple[Rows, Rows]:
        gigs = np.concatenate([gigs, self._rivals(gigs)])
        return np.unique(gigs["artist"]), np.unique(gigs["venue"])

    def _outdone(self, gigs: Records) -> NDArray[np.bool_]:
        """Which gigs are the same as another one by a merge, and have the lesser statement."""
        outdone = np.zeros(len(gigs), np.bool_)
        at = np.flatnonzero(self._is_shared(gigs))
        if len(at):
            rivals = gigs[at]
            same = [self._mapped(rivals["artist"]), rivals["bill"]]
            order = np.lexsort([*reversed(self._ranked(rivals)), *same])
            ends = [np.diff(key[order]) != 0 for key in same]
            outdone[at[order[:-1][~np.logical_or(*ends)]]] = True
        return outdone

    def _rivals(self, gigs: Records) -> Records:
        """Gigs of merged artists on the bills of these: what one says decides on the other."""
        of_merged = gigs[self._is_shared(gigs)]
        if not len(of_merged):
            return gigs[:0]
        known = self._gigs
        return known[np.isin(known["bill"], of_merged["bill"]) & self._is_shared(known)]

    def _is_shared(self, gigs: Records) -> NDArray[np.bool_]:
        return np.isin(gigs["artist"], np.array(list(self._shared), np.int32))

    def _mapped(self, artists: Rows) -> Rows:
        return np.array([self._shared[row] for row in artists.tolist()], np.int32)

    def _counted(self, gigs: Records) -> NDArray[np.bool_]:
        counted: NDArray[np.bool_] = ~gigs["cancelled"] & ~self._deleted[gigs["bill"]]
        return counted

    def _state(self, events: Any) -> Records:  # noqa: ANN401 - pyarrow has no types
        """Settle statements. Returns the changed gigs, as they were and as they are."""
        if not len(events):
            return self._table[:0]
        rows = self._gig_ids.add_all(_identity(events, "source", "event_id", "artist_id"))
        said = self._statements(events)
        self._hear(events, said)
        rows, said = self._greatest(rows, said)
        self._table = _grown(self._table, len(self._gig_ids), NEVER)
        before = self._table[rows]
        later = _later(self._ranked(said), self._ranked(before))
        return self._replace(rows[later], before[later], said[later])

    def _replace(self, rows: Rows, before: Records, after: Records) -> Records:
        was, now = self._counted(before), self._counted(after)
        moved = (before["venue"] != after["venue"]) | (before["at_ms"] != after["at_ms"])
        self._table[rows] = after
        changed = (was != now) | (now & moved)
        # A statement that changes nothing by itself may now be greater than a rival's.
        contested = self._is_shared(after)
        was = changed & was | contested & (before["version"] != NEVER["version"])
        return np.concatenate([before[was], after[changed & now | contested]])

    def _strike(self, tombstones: Any) -> Records:  # noqa: ANN401 - pyarrow has no types
        """Delete bills for good. Returns the gigs that counted until now."""
        if not len(tombstones):
            return self._table[:0]
        bills = np.unique(self._bills(tombstones))
        counted = self._gigs[self._counted(self._gigs)]
        self._deleted[bills] = True
        return counted[np.isin(counted["bill"], bills)]

    def _bills(self, events: Any) -> Rows:  # noqa: ANN401 - pyarrow has no types
        rows = self._bill_ids.add_all(_identity(events, "source", "event_id"))
        self._deleted = _grown(self._deleted, len(self._bill_ids), np.zeros(1, np.bool_))
        return rows

    def _statements(self, events: Any) -> Records:  # noqa: ANN401 - pyarrow has no types
        said = np.empty(len(events), GIG)
        said["version"] = _ints(pc.fill_null(events["version"], -1))
        said["time"] = _milliseconds(events["time"])
        said["recorded"] = _milliseconds(events["recorded_at"])
        said["topic"] = self._topics.add_all(events["topic_id"])
        for field in ("partition", "offset", "digest"):
            said[field] = _ints(events[field])
        said["artist"] = self._artists.add_all(events["artist_id"])
        said["venue"] = self._venues.add_all(events["venue_id"])
        said["bill"] = self._bills(events)
        said["at_ms"] = _milliseconds(pc.coalesce(events["starts_at"], events["time"]))
        cancelled = pc.equal(events["status"], "cancelled")
        said["cancelled"] = cancelled.to_numpy(zero_copy_only=False)
        return said

    def _hear(self, events: Any, said: Records) -> None:  # noqa: ANN401 - pyarrow has no types
        newest = int(said["time"].max())
        self.newest_ms = newest if self.newest_ms is None else max(self.newest_ms, newest)
        self._artist_names.hear(said["artist"], events["artist_name"], said["time"])
        self._venue_names.hear(said["venue"], events["venue_name"], said["time"])

    def _greatest(self, rows: Rows, said: Records) -> tuple[Rows, Records]:
        """The greatest statement of each gig in this batch."""
        order = np.lexsort([*reversed(self._ranked(said)), rows.astype(np.int64)])
        last = np.append(np.diff(rows[order]) != 0, np.ones(1, bool))
        winners = order[last]
        return rows[winners], said[winners]

    def _ranked(self, gigs: Records) -> list[Moments]:
        """The columns of `ORDER`, topics ranked by their id and not by when we met them."""
        rank = self._topics.ranks()
        return [rank[gigs[field]] if field == "topic" else gigs[field] for field in ORDER]


def _later(ours: list[Moments], theirs: list[Moments]) -> NDArray[np.bool_]:
    """Element by element: is our tuple of columns greater than theirs?"""
    greater = np.zeros(len(ours[0]), np.bool_)
    equal = np.ones(len(ours[0]), np.bool_)
    for mine, other in zip(ours, theirs, strict=True):
        greater |= equal & (mine > other)
        equal &= mine == other
    return greater


def _decoded(batch: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    columns = {name: batch[name] for name in batch.schema.names}
    coded = {n: c.cast(pa.string()) for n, c in columns.items() if pa.types.is_dictionary(c.type)}
    return pa.record_batch(columns | coded)


def _identity(events: Any, *columns: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    return pc.binary_join_element_wise(*(events[name] for name in columns), _SEPARATOR)


def _ints(column: Any) -> Moments:  # noqa: ANN401 - pyarrow has no types
    values: Moments = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return values


def _milliseconds(column: Any) -> Moments:  # noqa: ANN401 - pyarrow has no types
    return _ints(pc.cast(pc.cast(column, pa.timestamp("ms", "UTC"), safe=False), pa.int64()))


def _grown(table: NDArray[Any], length: int, filler: NDArray[Any]) -> NDArray[Any]:
    """The table with at least `length` rows; doubles, so that growing row by row stays cheap."""
    missing = length - len(table)
    if missing <= 0:
        return table
    return np.concatenate([table, np.repeat(filler, max(missing, len(table)))])
