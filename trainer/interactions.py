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
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from consumer.merges import Merge
from consumer.tail import CODES, EVENT_SCHEMA
from trainer import settling
from trainer.ids import Ids
from trainer.matrix import Plays, csr, sum_of
from trainer.merged import Merged
from trainer.names import Names
from trainer.present import Present, Sources

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

CODED = ("topic_id", "source", "artist_id", "venue_id", "status")
"""Those that say the same again and again: settling is quicker where they come as codes and a
dictionary, as Parquet has them. (An id is looked up once a dictionary, then, not once a row.)"""

SCHEMA = pa.schema([EVENT_SCHEMA.field(name) for name in COLUMNS])

_PLAIN = {field.name: field.type for field in SCHEMA}
_AS_CODES = _PLAIN | dict.fromkeys(CODED, CODES)
_SMALL_BATCH = 10_000
"""Rows; where batches are smaller on average, they are joined first."""


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
        self.events = 0
        self._counts = csr_matrix((0, 0), dtype=np.int32)
        self._playing: dict[str, tuple[int, int, NDArray[np.int32]]] = {}
        self._gigs = settling.gigs(
            self.artists.table, self.venues.table, self.artist_names.table, self.venue_names.table
        )

    @property
    def as_of_ms(self) -> int | None:
        """The newest time of any statement, None before the first."""
        return self._gigs.newest_ms

    def settle(self, events: pa.Table) -> Touched:
        """Take in stored event rows (`COLUMNS` of them), in any order, any repetition.

        Texts may be strings or, those of `CODED`, dictionaries of strings.

        Returns:
            The artists and venues whose plays are no longer what they were, perhaps some more.
        """
        return self.settle_all([events])

    def settle_all(self, pieces: Iterable[pa.Table], rows: int = 0) -> Touched:
        """The same of several tables, each let go before the next one is asked for.

        Args:
            pieces: them.
            rows: about how many there are in all, to make room for.
        """
        self._gigs.expect(rows)
        return self._touched(*map(self._settled, pieces))

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
        before = self._gigs.near(artists, venues)
        self._gigs.share(*self.merged_artists.members())
        return self._touched((artists, venues), before, self._gigs.near(artists, venues))

    def with_merged(self, touched: Touched) -> Touched:
        """These rows, what they count as, and all others that count as the same."""
        return Touched(
            self.merged_artists.family(touched.artists), self.merged_venues.family(touched.venues)
        )

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

    def let_go(self) -> None:
        """Forget all gigs, which are most of what is held here.

        Ids, names and merges still stand after that, and nothing else can be asked.
        """
        del self._gigs

    def counts(self) -> csr_matrix:
        """Number of plays, artists x venues, int32, columns sorted. Borrowed, not copied.

        What changed since the last call is added to what that one gave.
        """
        changes, shape = self._gigs.changes(), (len(self.artists), len(self.venues))
        if changes is None:
            self._counts = self._counted(shape)
        elif len(changes[0]) or self._counts.shape != shape:
            self._counts = sum_of(self._counts, self._changed(*changes, shape))
        return self._counts

    def present(self) -> Present:
        """The same plays, read where they are asked for: until something is settled again."""
        return Present(
            Sources(
                self._gigs,
                self.plays,
                self.counts,
                self._playing,
                self.merged_artists,
                self.merged_venues,
            ),
            len(self.artists),
            len(self.venues),
        )

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """What `restore` asks for besides ids and names: arrays, borrowed, and facts for JSON."""
        state = self._gigs.state()
        facts = {name: state.pop(name) for name in ("topics", "sources", "newest_ms")}
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
        return len(self._gigs) - self._gigs.outdone()

    def totals(self) -> Totals:
        """Counts of everything, distinct artists, venues and pairs among the plays."""
        return totals(self.plays(), self.events, self.stated)

    def _settled(self, events: pa.Table) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        self.events += len(events)
        return self._gigs.settle(_batches(events))

    def _counted(self, shape: tuple[int, int]) -> csr_matrix:
        found = None if self.merged_artists or self.merged_venues else self._gigs.counts(*shape)
        return self.plays().counts if found is None else csr(*found, shape)

    def _changed(
        self,
        artist: NDArray[np.int32],
        venue: NDArray[np.int32],
        by: NDArray[np.int32],
        shape: tuple[int, int],
    ) -> csr_matrix:
        cells = self.merged_artists.mapped(artist), self.merged_venues.mapped(venue)
        return csr_matrix((by, cells), shape=shape)

    def _touched(self, *parts: tuple[NDArray[np.int32], NDArray[np.int32]]) -> Touched:
        sides = zip(*parts, strict=True) if parts else ((), ())
        return self.with_merged(Touched(*(_distinct(rows) for rows in sides)))


def totals(plays: Plays, events: int, stated: int) -> Totals:
    """The same, where the gigs are let go.

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
    if chunks > 1 and len(events) < chunks * _SMALL_BATCH:
        events = events.combine_chunks()
    batches: list[pa.RecordBatch] = events.to_batches()
    return batches
