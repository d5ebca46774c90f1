"""Under which source the store has a file's gigs already, and whose gigs a name is.

Files of one name are not always one file: two offices number their gigs from 1, and both call the
file `export.csv`. So a sample of a file's gigs is looked up under each name that it may have. Where
a name's source states the same gigs, the file is that one again, corrected perhaps. Where it states
other gigs under the same ids, the name is another file's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import product, starmap
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consumer.table import delta_log, parquet, schema
from consumer.table.reader_marks import Mark

SAMPLE = 1_000
"""Gigs of a file that are looked up."""

_READ = schema.columns(["source", "event_id", "artist_id", "venue_id", "starts_at"])
_ROWS_AT_ONCE = 1 << 18

_AGREEING = 2


class Gig(NamedTuple):
    """What is stated under an event id; `at_ms` is when it is, epoch ms."""

    artist: str
    venue: str
    at_ms: int | None

    def is_like(self, other: "Gig") -> bool:
        """Whether it may be a correction of another one, which seldom changes two of the three."""
        return sum(ours == theirs for ours, theirs in zip(self, other, strict=True)) >= _AGREEING


Gigs = Mapping[str, Collection[Gig]]
"""By event id."""


class Overlap(NamedTuple):
    """What a source states of a sample.

    Attributes:
        known: how many of its ids.
        same: how many of these as gigs like those of the sample.
    """

    known: int
    same: int

    @property
    def is_same_file(self) -> bool:
        """Whether the source has these gigs, corrected perhaps."""
        return self.known > 0 and 2 * self.same >= self.known


NONE = Overlap(0, 0)


def choose(names: Sequence[str], first: str, overlaps: Mapping[str, Overlap]) -> str:
    """The source of a file.

    Args:
        names: Those that it may have, the shortest first.
        first: The one that it gets where the store knows none of its ids.
        overlaps: Of each name with a sample of the file.
    """
    stated = [name for name in names if overlaps.get(name, NONE).is_same_file]
    free = [name for name in (first, *names) if not overlaps.get(name, NONE).known]
    return next(iter([*stated, *free]), names[-1])


def overlaps(store: Path, names: Sequence[str], sample: Gigs) -> dict[str, Overlap]:
    """What the store has of a sample, by source.

    Args:
        store: The store's folder; there may be none yet.
        names: Sources.
        sample: Gigs of a file.

    Raises:
        StoreDamaged, StoreNewer: The store cannot be read.
    """
    found: dict[str, dict[str, set[Gig]]] = defaultdict(lambda: defaultdict(set))
    with closing(Mark(store)):  # keeps the files until they are read
        snapshot = delta_log.replay(store)
        files = snapshot.files.values() if snapshot else ()
        for file in (each for each in files if each.kind == "event"):
            for rows in parquet.stream(store, file, _READ, _ROWS_AT_ONCE):
                for row in _of(rows, names, sample).to_pylist():
                    found[row["source"]][row["event_id"]].add(_gig(row))
    return {name: _overlap(stated, sample) for name, stated in found.items()}


def _of(rows: pa.Table, names: Sequence[str], sample: Gigs) -> pa.Table:
    """The rows of these sources and ids; those of tombstones name no artist."""
    ours = pc.is_in(rows["source"], pa.array(names, pa.string()))
    rows = rows.filter(pc.and_(ours, pc.is_valid(rows["artist_id"])))
    return rows.filter(pc.is_in(rows["event_id"], pa.array(sample, pa.string())))


def _gig(row: Mapping[str, Any]) -> Gig:
    at = row["starts_at"]
    return Gig(row["artist_id"], row["venue_id"], at and round(at.timestamp() * 1000))


def _overlap(stated: Gigs, sample: Gigs) -> Overlap:
    pairs = ((gigs, sample[event_id]) for event_id, gigs in stated.items())
    return Overlap(len(stated), sum(starmap(_are_like, pairs)))


def _are_like(stated: Iterable[Gig], sample: Iterable[Gig]) -> bool:
    return any(starmap(Gig.is_like, product(stated, sample)))
