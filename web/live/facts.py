"""What statements say of venues, for filters: position, city, country, capacity.

Of several statements about one venue the latest applies as a whole, by `time`; ties go to the
record's timestamp and digest. Statements of quarantined sources say nothing here either.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.events.statement import Venue
from consumer.ids import quarantines
from consumer.ids.quarantines import Quarantines
from consumer.store.chunk import Pieces
from consumer.store.reader import StoreReader
from web.live.pool import IdTable

COLUMNS = ("recorded_at", "digest", "source", "venue_id", "time", "venue")
_ORDER = [("time", "ascending"), ("recorded_at", "ascending"), ("digest", "ascending")]
_decoder = msgspec.json.Decoder(Venue)

Rank = tuple[int, int, int]


class Stated(NamedTuple):
    """A venue as the statement of this rank describes it."""

    rank: Rank
    venue: Venue


class VenueColumns(NamedTuple):
    """Facts of c candidates in rank order; NaN or "" where nothing is known."""

    lat: NDArray[np.float64]
    """Degrees."""
    lng: NDArray[np.float64]
    """Degrees."""
    capacity: NDArray[np.float64]
    """People."""
    city: NDArray[np.str_]
    """Case folded."""
    country: NDArray[np.str_]
    """Case folded."""


class VenueFacts:
    """Follows the store beside the settled plays."""

    def __init__(self, store: Path) -> None:
        self._reader = StoreReader(store, columns=COLUMNS)
        self._stated: dict[str, Stated] = {}
        self._columns: tuple[NDArray[np.integer], VenueColumns] | None = None

    def __len__(self) -> int:
        return len(self._stated)

    def of(self, identity: str) -> Venue | None:
        """The facts that the latest statement names; None where none does.

        Args:
            identity: of a venue.
        """
        stated = self._stated.get(identity)
        return stated.venue if stated else None

    def follow(self) -> bool:
        """Read what was stored since the last call; returns whether any fact changed.

        Raises:
            ConsumerError: see `consumer.store.reader.StoreReader.read`.
        """
        return bool(self._reader.take(self._take))

    def columns(self, table: IdTable, rows: NDArray[np.integer]) -> VenueColumns:
        """The facts of these rows; kept until a fact or the rows change.

        Args:
            table: of venues.
            rows: candidates in rank order.
        """
        held = self._columns
        if held is None or not np.array_equal(held[0], rows):
            held = rows, _columns(self._by_row(table), rows)
            self._columns = held
        return held[1]

    def _by_row(self, table: IdTable) -> Mapping[int, Venue]:
        """By the row that a venue counts as: of merged venues the latest statement."""
        latest: dict[int, Stated] = {}
        for name, stated in self._stated.items():
            row = table.row(name)
            # This reader may be a commit ahead of the one that numbers ids.
            if row is not None and (row not in latest or latest[row].rank < stated.rank):
                latest[row] = stated
        return {row: stated.venue for row, stated in latest.items()}

    def _take(self, pieces: Pieces) -> bool:
        # A copy: where a file cannot be read midway, the facts before stay.
        held = {} if pieces.chunk.reset else dict(self._stated)
        for piece in pieces.events:
            _note(held, piece, pieces.chunk.quarantines)
        changed = _venues(held) != _venues(self._stated)
        self._stated = held
        # Most statements repeat what is known, and the columns of all candidates stay.
        if changed:
            self._columns = None
        return changed


def _venues(stated: Mapping[str, Stated]) -> dict[str, Venue]:
    return {name: each.venue for name, each in stated.items()}


def _note(held: dict[str, Stated], events: pa.Table, out: Quarantines) -> None:
    """Take the facts of event rows in."""
    said = events.filter(pc.is_valid(events["venue"]))
    for row in _latest(quarantines.counting(said, out)).to_pylist():
        rank = row["time"], row["recorded_at"], row["digest"]
        before = held.get(row["venue_id"])
        if before is None or before.rank < rank:
            held[row["venue_id"]] = Stated(rank, _decoder.decode(row["venue"]))


def _latest(said: pa.Table) -> pa.Table:
    """Of the rows about each venue the last one, so that few texts are decoded."""
    said = said.set_column(
        said.schema.get_field_index("time"), "time", said["time"].cast(pa.int64())
    ).set_column(
        said.schema.get_field_index("recorded_at"),
        "recorded_at",
        said["recorded_at"].cast(pa.int64()),
    )
    said = said.take(pc.sort_indices(said, sort_keys=_ORDER)).combine_chunks()
    names = pc.cast(said["venue_id"], pa.string()).to_numpy(zero_copy_only=False)
    # Of equal names `unique` finds the first: looked at backwards that is the last.
    _, first = np.unique(names[::-1].astype(str), return_index=True)
    return said.take(pa.array(len(names) - 1 - first))


def _columns(venues: Mapping[int, Venue], rows: NDArray[np.integer]) -> VenueColumns:
    nothing = Venue()
    found = [venues.get(row, nothing) for row in rows.tolist()]
    return VenueColumns(
        lat=_numbers(venue.lat for venue in found),
        lng=_numbers(venue.lng for venue in found),
        capacity=_numbers(venue.capacity for venue in found),
        city=np.array([folded(venue.city) for venue in found], np.str_),
        country=np.array([folded(venue.country) for venue in found], np.str_),
    )


def folded(text: str | None) -> str:
    """A name for comparing: without case and outer spaces."""
    return (text or "").strip().casefold()


def _numbers(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.fromiter((math.nan if value is None else value for value in values), np.float64)
