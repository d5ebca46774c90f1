"""Settling: which statements count, and what plays they add up to (docs/contract/events.md).

A *statement* is one stored event row: what a source said of a gig at some time. A *gig* is one
(source, event id, artist). A *bill* is one (source, event id): all artists of that event.
For each gig the greatest statement by `ORDER` counts, in whatever order they arrive; a tombstone
deletes a bill for good. A *play* is a gig that is neither cancelled nor deleted. Statements of
quarantined sources, cancellations and tombstones included, are left out before anything is settled.

Merged artists are one artist: their gigs of one bill are one gig, whose greatest statement counts.
Gigs are kept as they were stated, and ids are mapped where plays are asked for, so that merges
and statements may come in any order too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from consumer.events import MAX_AHEAD_MS
from consumer.ids import quarantines, visibility
from consumer.ids.merges import Merge
from consumer.ids.quarantines import Quarantines
from consumer.ids.visibility import Visibility
from consumer.table.schema import CODES, EVENT_SCHEMA, Side
from trainer.plays import gigs
from trainer.plays.descriptions import Descriptions
from trainer.plays.ids import Ids, Names
from trainer.plays.matrix import Plays, csr, sum_of
from trainer.plays.merged_rows import Merged
from trainer.plays.nights import codes_of, mates_of
from trainer.plays.view import PlaysView, Sources

if TYPE_CHECKING:
    from trainer.plays import _settle

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
"""The columns of the store that settling needs."""

READ_COLUMNS = (*COLUMNS, "artist", "venue")
"""Those, and the descriptions."""

CODED = ("topic_id", "source", "artist_id", "venue_id", "status")
"""Columns with few distinct values. Settling is faster if they are dictionary-encoded, as in
Parquet: an id is then looked up once per dictionary instead of once per row."""

READ_CODED = (*CODED, "artist", "venue")
"""Those of `READ_COLUMNS`."""

SCHEMA = pa.schema([EVENT_SCHEMA.field(name) for name in COLUMNS])

_PLAIN = {field.name: field.type for field in SCHEMA}
_AS_CODES = _PLAIN | dict.fromkeys(CODED, CODES)
Hidden = Mapping[Side, frozenset[str]]
"""By side, ids that no list recommends; without a side, none of it is hidden."""

_SMALL_BATCH = 10_000
"""Average rows below which batches are concatenated first."""


class ChangedRows(NamedTuple):
    """Rows whose plays changed: sorted, distinct int32."""

    artists: NDArray[np.int32]
    venues: NDArray[np.int32]


class StatedPlays(NamedTuple):
    """Some plays; rows as they were stated, merges left aside."""

    artist: NDArray[np.int32]
    venue: NDArray[np.int32]
    at_ms: NDArray[np.int64]


class Clock(NamedTuple):
    """The data's clock: from which date plays age.

    Attributes:
        as_of_ms: the newest `time` of the statements that count, epoch ms; None: none counts.
            Times more than a day ahead of this machine's clock do not move it.
        ahead: how many gigs count whose `time` is further ahead than that.
    """

    as_of_ms: int | None
    ahead: int


@dataclass(frozen=True)
class Totals:
    """Counts over the whole store."""

    events: int
    plays: int
    artists: int
    venues: int
    pairs: int
    cancelled: int


class Interactions:
    """The settled state of every gig ever stated; grows by `settle`.

    Args:
        quarantined: sources whose statements are left out. What is settled cannot be taken out
            again: other quarantines need another object, which reads the whole store.
    """

    def __init__(self, quarantined: Quarantines | None = None) -> None:
        self.quarantined = dict(quarantined or {})
        self.artists = Ids()
        self.venues = Ids()
        self.artist_names = Names()
        self.venue_names = Names()
        self.artist_descriptions = Descriptions("artist", self.artists)
        self.venue_descriptions = Descriptions("venue", self.venues)
        self.merged_artists = Merged("artist", self.artists)
        self.merged_venues = Merged("venue", self.venues)
        self.hidden: Hidden = {}
        self.events = 0
        self._counts = csr_matrix((0, 0), dtype=np.int32)
        self._active_rows: dict[str, tuple[int, int, NDArray[np.int32]]] = {}
        self._gigs: _settle.Gigs = gigs.implementation().Gigs(
            self.artists.table, self.venues.table, self.artist_names.table, self.venue_names.table
        )

    def emptied(self, quarantined: Quarantines) -> "Interactions":
        """One without statements, whose ids have the same rows, for other quarantines."""
        fresh = Interactions(quarantined)
        fresh.artists.add_all(self.artists.ids)
        fresh.venues.add_all(self.venues.ids)
        fresh.hidden = self.hidden
        return fresh

    def clock(self, now_ms: int) -> Clock:
        """Read the data's clock: one pass over all gigs.

        Args:
            now_ms: this machine's clock, epoch ms.
        """
        latest_ms = now_ms + MAX_AHEAD_MS
        within_ms, ahead = self._gigs.newest(latest_ms)
        return Clock(latest_ms if within_ms is None and ahead else within_ms, ahead)

    @property
    def unmatched(self) -> int:
        """Bills that a tombstone deletes and of which no gig was stated."""
        return self._gigs.unmatched()

    def settle(self, events: pa.Table) -> ChangedRows:
        """Take in stored event rows, `COLUMNS` or `READ_COLUMNS` of them.

        They may come in any order, any repetition. Texts may be strings or, those of `READ_CODED`,
        dictionaries of strings.

        Returns:
            The artists and venues whose plays or descriptions are no longer what they were,
            perhaps some more.
        """
        return self.settle_all([events])

    def settle_all(self, pieces: Iterable[pa.Table], rows: int = 0) -> ChangedRows:
        """Take in several tables, each freed before the next is requested.

        Args:
            pieces: tables of event rows.
            rows: estimated number of all rows, to reserve memory.
        """
        self._gigs.expect(rows)  # first: growing step by step would copy gigs and double the peak
        return self._touched(*map(self._settled, pieces))

    def merge(self, merges: Iterable[Merge]) -> ChangedRows:
        """Take in merges; those known already may be among them.

        Returns:
            The artists and venues whose plays are no longer what they were.
        """
        merges = list(merges)
        artists = self.merged_artists.add(merges)
        venues = self.merged_venues.add(merges)
        if not len(artists) and not len(venues):
            return ChangedRows(artists, venues)
        # Before and after: gigs that counted until now, and gigs that count from now on.
        before = self._gigs.affected_by(artists, venues)
        self._gigs.share(*self.merged_artists.members())
        return self._touched((artists, venues), before, self._gigs.affected_by(artists, venues))

    def hide(self, decisions: Iterable[Visibility]) -> bool:
        """Take in all decisions about hidden ids. Returns whether other ids are hidden now."""
        before, decisions = self.hidden, list(decisions)
        sides: tuple[Side, Side] = ("artist", "venue")
        found = {side: visibility.resolve(decisions, side) for side in sides}
        self.hidden = {side: ids for side, ids in found.items() if ids}
        return self.hidden != before

    def described_unlike(self, other: "Interactions") -> ChangedRows:
        """The rows whose description is another one there; both have the same row numbers."""
        return ChangedRows(
            self.artist_descriptions.differing(other.artist_descriptions),
            self.venue_descriptions.differing(other.venue_descriptions),
        )

    def with_merged(self, touched: ChangedRows) -> ChangedRows:
        """These rows, what they count as, and all others that count as the same."""
        return ChangedRows(
            self.merged_artists.family(touched.artists), self.merged_venues.family(touched.venues)
        )

    def mates_of(self, touched: ChangedRows) -> NDArray[np.int32]:
        """The other artists whose bill-mates, or plays of bill-mates, are no longer what they were.

        Args:
            touched: all rows whose plays changed since the last call.
        """
        nights, view = self._gigs.nights(), self.view()
        if nights is None:
            # Which nights changed is not known: everyone at those venues may have lost a mate.
            venue, at_ms = np.empty(0, np.int32), np.empty(0, np.int64)
            further = view.transposed().for_artists(touched.venues).venue
        else:
            (venue, at_ms), further = nights, np.empty(0, np.int32)
        codes = codes_of(self.merged_venues.mapped(venue), at_ms)
        found = np.append(mates_of(view, touched.artists, codes), further)
        return np.setdiff1d(self.merged_artists.family(found), touched.artists)

    def plays(self) -> Plays:
        """Every play, in gig order: artist and venue rows, and when it was. A copy."""
        artist, venue, at_ms = self._gigs.plays()
        return Plays(
            artist=self.merged_artists.mapped(artist),
            venue=self.merged_venues.mapped(venue),
            at_ms=at_ms,
            n_artists=len(self.artists),
            n_venues=len(self.venues),
        )

    def play_sources(self) -> tuple[NDArray[np.int32], list[str]]:
        """The source of every play, in the order of `plays`, as an index into the names."""
        return self._gigs.play_sources()

    @property
    def gig_count(self) -> int:
        """Gigs ever stated. They are numbered as they were first stated."""
        return len(self._gigs)

    def plays_since(self, gig: int) -> StatedPlays:
        """The plays among the gigs from this number on."""
        return StatedPlays(*self._gigs.plays_since(gig))

    def discard_gigs(self) -> None:
        """Free all gigs, which take most of the memory.

        After that only ids, names and merges can be read.
        """
        del self._gigs

    def counts(self) -> csr_matrix:
        """Number of plays, artists x venues, int32, columns sorted. Borrowed, not copied.

        What changed since the last call is added to what that one gave.
        """
        # Taken even if it is empty: the next call counts from here.
        changes, shape = self._gigs.changes(), (len(self.artists), len(self.venues))
        if changes is None:
            self._counts = self._counted(shape)
        elif len(changes[0]) or self._counts.shape != shape:
            artist, venue, by = changes
            cells = self.merged_artists.mapped(artist), self.merged_venues.mapped(venue)
            self._counts = sum_of(self._counts, csr_matrix((by, cells), shape=shape))
        return self._counts

    def view(self) -> PlaysView:
        """The same plays, read on demand; valid until something is settled again."""
        return PlaysView(
            Sources(
                self._gigs,
                self.plays,
                self.counts,
                self._active_rows,
                self.merged_artists,
                self.merged_venues,
            ),
            len(self.artists),
            len(self.venues),
        )

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """What `restore` asks for besides ids and names: arrays, borrowed, and facts for JSON."""
        state = self._gigs.state()
        facts = {name: state.pop(name) for name in ("topics", "sources")}
        return state, facts | {"events": self.events}

    def restore(self, arrays: dict[str, NDArray[Any]], facts: dict[str, Any]) -> None:
        """Be what another one was, without its merges; ids and names are restored already.

        Raises:
            ValueError, TypeError: these do not fit together.
        """
        self.events = int(facts["events"])
        said = {name: value for name, value in facts.items() if name != "events"}
        self._gigs.restore(**arrays, **said)

    @property
    def stated(self) -> int:
        """Gigs that no merge made part of another one, whether they count as plays or not."""
        return len(self._gigs) - self._gigs.superseded()

    def totals(self) -> Totals:
        """Counts of everything, distinct artists, venues and pairs among the plays."""
        plays = self.view()
        return Totals(
            events=self.events,
            plays=len(plays),
            artists=int(np.count_nonzero(plays.per_artist)),
            venues=int(np.count_nonzero(plays.per_venue)),
            # Of the counts kept from call to call: sorting all plays would take seconds.
            pairs=int(self.counts().nnz),
            cancelled=self.stated - len(plays),
        )

    def _settled(self, events: pa.Table) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        self.events += len(events)
        events = quarantines.counting(events, self.quarantined)
        # First: it numbers ids in the order in which they appear.
        artists, venues = self._gigs.settle(_batches(events))
        return (
            np.union1d(artists, self.artist_descriptions.take(events)),
            np.union1d(venues, self.venue_descriptions.take(events)),
        )

    def _counted(self, shape: tuple[int, int]) -> csr_matrix:
        # The gigs count by stated ids: with merges, pairs must be mapped before they are counted.
        found = None if self.merged_artists or self.merged_venues else self._gigs.counts(*shape)
        return self.plays().counts if found is None else csr(*found, shape)

    def _touched(self, *parts: tuple[NDArray[np.int32], NDArray[np.int32]]) -> ChangedRows:
        sides = zip(*parts, strict=True) if parts else ((), ())
        return self.with_merged(ChangedRows(*(_distinct(rows) for rows in sides)))


def totals(plays: Plays, events: int, stated: int) -> Totals:
    """The same, after `discard_gigs`.

    Args:
        plays: of all of them.
        events: `Interactions.events`.
        stated: `Interactions.stated`.
    """
    return Totals(
        events=events,
        plays=len(plays),
        artists=int(np.count_nonzero(plays.per_artist)),
        venues=int(np.count_nonzero(plays.per_venue)),
        pairs=len(plays.pairs.venue),
        cancelled=stated - len(plays),
    )


def _distinct(parts: Iterable[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.unique(np.concatenate([np.empty(0, np.int32), *parts]))


def _fitted(events: pa.Table) -> pa.Table:
    kinds = (_AS_CODES if pa.types.is_dictionary(field.type) else _PLAIN for field in events.schema)
    return events.cast(
        pa.schema([(name, kind[name]) for name, kind in zip(COLUMNS, kinds, strict=True)])
    )


def _batches(events: pa.Table) -> list[pa.RecordBatch]:
    """Its rows as settling takes them: without offset, of `SCHEMA`, not all too small."""
    events = _fitted(events.select(COLUMNS))
    chunks = max(column.num_chunks for column in events.columns)
    # Each batch looks its dictionaries up once, which small ones do not repay.
    if chunks > 1 and len(events) < chunks * _SMALL_BATCH:
        events = events.combine_chunks()
    batches: list[pa.RecordBatch] = events.to_batches()
    return batches
