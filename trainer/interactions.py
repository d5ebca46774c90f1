"""Settling: which statements count, and what plays they add up to (docs/contract/events.md).

A *statement* is one stored event row: what a source said of a gig at some time. A *gig* is one
(source, event id, artist). A *bill* is one (source, event id): all artists of that event.
For each gig the greatest statement by `ORDER` counts, in whatever order they arrive; a tombstone
deletes a bill for good. A *play* is a gig that is neither cancelled nor deleted.

Merged artists are one artist: their gigs of one bill are one gig, whose greatest statement counts.
Gigs are kept as they were stated, and ids are mapped where plays are asked for, so that merges
and statements may come in any order too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.merges import Merge
from trainer.ids import Ids
from trainer.matrix import Plays
from trainer.merged import Merged
from trainer.names import Names

ORDER = ("version", "time", "recorded", "topic", "partition", "offset", "digest")
GIG = np.dtype(
    [(field, np.int64) for field in ORDER]
    + [("artist", np.int32), ("venue", np.int32), ("bill", np.int32), ("at_ms", np.int64)]
    + [("cancelled", np.bool_)]
)
COLUMNS = (
    "topic_id",
    "partition",
    "offset",
    "recorded_at",
    "digest",
    "source",
    "event_id",
    "artist_id",
    "venue_id",
    "time",
    "status",
    "version",
    "starts_at",
    "artist_name",
    "venue_name",
)
"""The columns of the store that settling looks at."""

NEVER = np.zeros(1, GIG)
NEVER["version"] = -2
NEVER["cancelled"] = True

_SEPARATOR = "\x1f"  # a control character: no id may hold one


class Touched(NamedTuple):
    """Rows whose plays changed: sorted, distinct int32."""

    artists: NDArray[np.int32]
    venues: NDArray[np.int32]


@dataclass(frozen=True)
class Totals:
    """What the store adds up to."""

    events: int
    plays: int
    artists: int
    venues: int
    pairs: int
    cancelled: int


class Interactions:
    """The settled state of every gig ever stated; grows by `settle`."""

    def __init__(self) -> None:
        self.artists = Ids()
        self.venues = Ids()
        self.artist_names = Names()
        self.venue_names = Names()
        self.merged_artists = Merged("artist", self.artists)
        self.merged_venues = Merged("venue", self.venues)
        self.as_of_ms: int | None = None
        self.events = 0
        self._topics = Ids()
        self._gig_ids = Ids()
        self._bill_ids = Ids()
        self._gigs = np.empty(0, GIG)
        self._deleted = np.empty(0, np.bool_)

    def settle(self, events: pa.Table) -> Touched:
        """Take in stored event rows (`COLUMNS` of them), in any order, any repetition.

        Returns:
            The artists and venues whose plays are no longer what they were.
        """
        self.events += len(events)
        deleted = pc.equal(events["status"], "deleted")
        stated = self._state(events.filter(pc.invert(deleted)))
        struck = self._strike(events.filter(deleted))
        return self._touched(np.concatenate([stated, struck]))

    def merge(self, merges: Iterable[Merge]) -> Touched:
        """Take in merges; those known already may be among them.

        Returns:
            The artists and venues whose plays are no longer what they were.
        """
        merges = list(merges)
        artists = self.merged_artists.add(merges)
        venues = self.merged_venues.add(merges)
        if not len(artists) and not len(venues):
            return Touched(artists, venues)
        gigs = self._gigs[: len(self._gig_ids)]
        concerned = np.isin(gigs["artist"], artists) | np.isin(gigs["venue"], venues)
        touched = self._touched(gigs[concerned])
        return self.with_merged(
            Touched(np.union1d(artists, touched.artists), np.union1d(venues, touched.venues))
        )

    def with_merged(self, touched: Touched) -> Touched:
        """These rows, what they count as, and all others that count as the same."""
        return Touched(
            self.merged_artists.family(touched.artists), self.merged_venues.family(touched.venues)
        )

    def plays(self) -> Plays:
        """Every play, in gig order: artist and venue rows, and when it was."""
        gigs = self._gigs[: len(self._gig_ids)]
        gigs = gigs[self._counted(gigs) & ~self._outdone(gigs)]
        return Plays(
            artist=self.merged_artists.mapped(gigs["artist"]),
            venue=self.merged_venues.mapped(gigs["venue"]),
            at_ms=np.ascontiguousarray(gigs["at_ms"]),
            n_artists=len(self.artists),
            n_venues=len(self.venues),
        )

    def totals(self) -> Totals:
        """Counts of everything, distinct artists, venues and pairs among the plays."""
        plays = self.plays()
        pairs = plays.artist.astype(np.int64) * max(len(self.venues), 1) + plays.venue
        gigs = self._gigs[: len(self._gig_ids)]
        return Totals(
            events=self.events,
            plays=len(plays.artist),
            artists=len(np.unique(plays.artist)),
            venues=len(np.unique(plays.venue)),
            pairs=len(np.unique(pairs)),
            cancelled=len(gigs) - int(self._outdone(gigs).sum()) - len(plays.artist),
        )

    def _touched(self, gigs: NDArray[np.void]) -> Touched:
        gigs = np.concatenate([gigs, self._rivals(gigs)])
        return self.with_merged(Touched(np.unique(gigs["artist"]), np.unique(gigs["venue"])))

    def _outdone(self, gigs: NDArray[np.void]) -> NDArray[np.bool_]:
        """Which gigs are the same as another one by a merge, and have the lesser statement."""
        outdone = np.zeros(len(gigs), np.bool_)
        at = np.flatnonzero(self.merged_artists.is_in(gigs["artist"]))
        if len(at):
            rivals = gigs[at]
            same = [self.merged_artists.mapped(rivals["artist"]), rivals["bill"]]
            order = np.lexsort([*reversed(self._ranked(rivals)), *same])
            ends = [np.diff(key[order]) != 0 for key in same]
            outdone[at[order[:-1][~np.logical_or(*ends)]]] = True
        return outdone

    def _rivals(self, gigs: NDArray[np.void]) -> NDArray[np.void]:
        """Gigs of merged artists on the bills of these: what one says decides on the other."""
        of_merged = gigs[self.merged_artists.is_in(gigs["artist"])]
        if not len(of_merged):
            return gigs[:0]
        known = self._gigs[: len(self._gig_ids)]
        of_bill = np.isin(known["bill"], of_merged["bill"])
        return known[of_bill & self.merged_artists.is_in(known["artist"])]

    def _counted(self, gigs: NDArray[np.void]) -> NDArray[np.bool_]:
        counted: NDArray[np.bool_] = ~gigs["cancelled"] & ~self._deleted[gigs["bill"]]
        return counted

    def _state(self, events: pa.Table) -> NDArray[np.void]:
        """Settle statements. Returns the changed gigs, as they were and as they are."""
        if not len(events):
            return self._gigs[:0]
        rows = self._gig_ids.add(_identity(events, "source", "event_id", "artist_id"))
        said = self._statements(events)
        self._hear(events, said)
        rows, said = self._greatest(rows, said)
        self._gigs = _grown(self._gigs, len(self._gig_ids), NEVER)
        before = self._gigs[rows]
        later = _later(self._ranked(said), self._ranked(before))
        return self._replace(rows[later], before[later], said[later])

    def _replace(
        self, rows: NDArray[np.int32], before: NDArray[np.void], after: NDArray[np.void]
    ) -> NDArray[np.void]:
        was, now = self._counted(before), self._counted(after)
        moved = (before["venue"] != after["venue"]) | (before["at_ms"] != after["at_ms"])
        self._gigs[rows] = after
        changed = (was != now) | (now & moved)
        # A statement that changes nothing by itself may now be greater than a rival's.
        contested = self.merged_artists.is_in(after["artist"])
        was = changed & was | contested & (before["version"] != NEVER["version"])
        return np.concatenate([before[was], after[changed & now | contested]])

    def _strike(self, tombstones: pa.Table) -> NDArray[np.void]:
        """Delete bills for good. Returns the gigs that counted until now."""
        if not len(tombstones):
            return self._gigs[:0]
        bills = np.unique(self._bills(tombstones))
        counted = self._gigs[self._counted(self._gigs)]
        self._deleted[bills] = True
        return counted[np.isin(counted["bill"], bills)]

    def _bills(self, events: pa.Table) -> NDArray[np.int32]:
        rows = self._bill_ids.add(_identity(events, "source", "event_id"))
        self._deleted = _grown(self._deleted, len(self._bill_ids), np.zeros(1, np.bool_))
        return rows

    def _statements(self, events: pa.Table) -> NDArray[np.void]:
        said = np.empty(len(events), GIG)
        said["version"] = _ints(pc.fill_null(events["version"], -1))
        said["time"] = _milliseconds(events["time"])
        said["recorded"] = _milliseconds(events["recorded_at"])
        said["topic"] = self._topics.add(events["topic_id"])
        for field in ("partition", "offset", "digest"):
            said[field] = _ints(events[field])
        said["artist"] = self.artists.add(events["artist_id"])
        said["venue"] = self.venues.add(events["venue_id"])
        said["bill"] = self._bills(events)
        said["at_ms"] = _milliseconds(pc.coalesce(events["starts_at"], events["time"]))
        said["cancelled"] = pc.equal(events["status"], "cancelled").to_numpy()
        return said

    def _hear(self, events: pa.Table, said: NDArray[np.void]) -> None:
        newest = int(said["time"].max())
        self.as_of_ms = newest if self.as_of_ms is None else max(self.as_of_ms, newest)
        self.artist_names.hear(said["artist"], events["artist_name"], said["time"])
        self.venue_names.hear(said["venue"], events["venue_name"], said["time"])

    def _greatest(
        self, rows: NDArray[np.int32], said: NDArray[np.void]
    ) -> tuple[NDArray[np.int32], NDArray[np.void]]:
        """The greatest statement of each gig in this batch."""
        order = np.lexsort([*reversed(self._ranked(said)), rows.astype(np.int64)])
        last = np.append(np.diff(rows[order]) != 0, np.ones(1, bool))
        winners = order[last]
        return rows[winners], said[winners]

    def _ranked(self, gigs: NDArray[np.void]) -> list[NDArray[np.int64]]:
        """The columns of `ORDER`, topics ranked by their id and not by when we met them."""
        rank = np.empty(len(self._topics), np.int64)
        rank[self._topics.order()] = np.arange(len(self._topics))
        return [rank[gigs[field]] if field == "topic" else gigs[field] for field in ORDER]


def _later(ours: list[NDArray[np.int64]], theirs: list[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Element by element: is our tuple of columns greater than theirs?"""
    greater = np.zeros(len(ours[0]), np.bool_)
    equal = np.ones(len(ours[0]), np.bool_)
    for mine, other in zip(ours, theirs, strict=True):
        greater |= equal & (mine > other)
        equal &= mine == other
    return greater


def _identity(events: pa.Table, *columns: str) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*(events[name] for name in columns), _SEPARATOR)


def _ints(column: pa.ChunkedArray) -> NDArray[np.int64]:
    values: NDArray[np.int64] = column.to_numpy().astype(np.int64)
    return values


def _milliseconds(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return _ints(pc.cast(pc.cast(column, pa.timestamp("ms", "UTC"), safe=False), pa.int64()))


def _grown(table: NDArray[Any], length: int, filler: NDArray[Any]) -> NDArray[Any]:
    """The table with at least `length` rows; doubles, so that growing row by row stays cheap."""
    missing = length - len(table)
    if missing <= 0:
        return table
    return np.concatenate([table, np.repeat(filler, max(missing, len(table)))])
