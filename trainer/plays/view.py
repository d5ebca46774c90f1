"""The settled plays as `Plays`, read on demand instead of copied into arrays."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays
from trainer.plays.merged_rows import Merged

if TYPE_CHECKING:
    from trainer.plays._settle import Gigs

RowNumbers = NDArray[np.int32]


class Sources(NamedTuple):
    """Where a view reads plays from."""

    gigs: "Gigs"
    all: Callable[[], Plays]
    counts: Callable[[], csr_matrix]
    playing: dict[str, tuple[int, int, RowNumbers]]
    """By side: turns, number of ids, and the rows with plays at that time."""
    artists: Merged
    venues: Merged


class PlaysView(Plays):
    """Plays without arrays: reading those of single rows costs time linear in their plays.

    Properties of all plays are computed once, from all gigs.

    Args:
        sources: the settled gigs; until more is settled there, this holds.
        n_artists: rows of artists.
        n_venues: rows of venues.
        side: `venue` transposes: venues are the artists of this object, and artists its venues.
    """

    _sources: Sources
    _side: str

    def __init__(
        self, sources: Sources, n_artists: int, n_venues: int, side: str = "artist"
    ) -> None:
        # The dataclass is frozen: attributes are set here once, past its guard.
        vars(self).update(_sources=sources, _side=side, n_artists=n_artists, n_venues=n_venues)

    def __len__(self) -> int:
        return self._sources.gigs.play_count

    @cached_property
    def artist(self) -> NDArray[np.int32]:
        """By play, as in `Plays`, all of them."""
        return self._all.artist

    @cached_property
    def venue(self) -> NDArray[np.int32]:
        """By play, as in `Plays`, all of them."""
        return self._all.venue

    @cached_property
    def at_ms(self) -> NDArray[np.int64]:
        """By play, as in `Plays`, all of them."""
        return self._all.at_ms

    @cached_property
    def per_artist(self) -> NDArray[np.int64]:
        """Number of plays by artist row."""
        return self._per_row(self._side, self._own, self.n_artists)

    @cached_property
    def per_venue(self) -> NDArray[np.int64]:
        """Number of plays by venue row."""
        return self.transposed().per_artist

    def transposed(self) -> "PlaysView":
        """The same plays, venues x artists."""
        side = "artist" if self._side == "venue" else "venue"
        return PlaysView(self._sources, self.n_venues, self.n_artists, side)

    def for_artists(self, rows: NDArray[np.integer]) -> Plays:
        """All plays of these artists (distinct rows), who become rows 0, 1, ... in that order."""
        stated, position = self._own.stated(np.asarray(rows, np.int32))
        artist, venue, at_ms = self._sources.gigs.plays_of(self._side, stated)
        if self._side == "venue":
            artist, venue = venue, artist
        other = self._sources.artists if self._side == "venue" else self._sources.venues
        return Plays(position[artist], other.mapped(venue), at_ms, len(rows), self.n_venues)

    @cached_property
    def counts(self) -> csr_matrix:
        """Number of plays, artists x venues, int32, columns sorted: kept from look to look."""
        counts = self._sources.counts()
        return counts.T.tocsr() if self._side == "venue" else counts

    def counts_of(self, rows: NDArray[np.integer]) -> csr_matrix:
        """Number of plays of these artists, rows x venues."""
        return self.for_artists(rows).counts

    def have_plays(self, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Which of these artists have any."""
        distinct, place = np.unique(rows, return_inverse=True)
        has: NDArray[np.bool_] = self.for_artists(distinct).per_artist > 0
        return has[place]

    def active_rows(self, artists: Ids) -> RowNumbers:
        """The artists who have plays, in the order of their ids: kept while they are the same."""
        now = self._sources.gigs.turns, len(artists)
        held = self._sources.playing.get(self._side)
        if held is None or held[:2] != now:
            held = *now, super().active_rows(artists)
            self._sources.playing[self._side] = held
        return held[2]

    @cached_property
    def _all(self) -> Plays:
        plays = self._sources.all()
        return plays.transposed() if self._side == "venue" else plays

    @property
    def _own(self) -> Merged:
        return self._sources.venues if self._side == "venue" else self._sources.artists

    def _per_row(self, side: str, merged: Merged, size: int) -> NDArray[np.int64]:
        stated = self._sources.gigs.played(side)
        counted = np.zeros(size, np.int64)
        if not merged:
            counted[: len(stated)] = stated
            return counted
        # Not `counted[...] +=`: of several rows that count as one it would add only one.
        np.add.at(counted, merged.mapped(np.arange(len(stated), dtype=np.int32)), stated)
        return counted
