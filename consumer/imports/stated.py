"""Whether an import states anything that the store did not hold before it.

Of each gig the last statement counts, in the import as in the store. Where the store's is the same
for every gig, the import changes nothing.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.events import Event
from consumer.imports.ledger import Numbers
from consumer.table import delta_log, parquet, schema
from consumer.table.reader_marks import Mark

_SAYS = ("event_id", "artist_id", "venue_id", "starts_at", "status", "artist_name", "venue_name")
_READ = schema.columns(["source", "time", "version", *_SAYS])
_ROWS_AT_ONCE = 1 << 18
MAX_ROWS = 1_000_000
"""A larger store or import is not compared: it would take longer than most imports, and memory."""

Said = tuple[list[int], list[int], list[int]]
"""Of statements: hashes of their gigs, ranks, and hashes of all that they say."""


class Stated:
    """What was sent, as hashes of this process: 32 bytes for each statement."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[array[int], ...]] = defaultdict(
            lambda: (array("q"), array("q"), array("q"))
        )
        self._ids = array("q")
        self._is_more = False

    def add(self, event: Event) -> None:
        """Take a statement."""
        # Descriptions are not compared: whether they are news stays unknown.
        self._is_more |= bool(event.venue or event.artist or event.extra)
        self._is_more |= len(self._ids) >= MAX_ROWS
        if self._is_more:
            return
        says = (
            *(event.event_id, event.artist_id, event.venue_id, event.starts_at_ms),
            *(event.status, event.artist_name, event.venue_name),
        )
        gigs, ranks, said = self._said[event.source]
        gigs.append(hash(says[:2]))
        ranks.append(_rank(event.version, event.time_ms))
        said.append(hash(says))
        self._ids.append(hash(event.event_id))

    def is_in(self, before: "Before") -> bool | None:
        """Whether the store held all of it before; None: that is not known.

        Raises:
            StoreDamaged, StoreNewer: it cannot be read.
        """
        if self._is_more or not self._said or before.rows > MAX_ROWS:
            return None
        stored, deleted = before.statements(list(self._said))
        # A statement after a deletion may bring the gig back, whatever was stated before.
        if np.isin(np.array(self._ids, np.int64), np.array(deleted, np.int64)).any():
            return None
        return all(
            bool(np.isin(_last(*said), _last(*stored[source])).all())
            for source, said in self._said.items()
        )


class Before:
    """The store as it was before an import; its files are kept until the context ends.

    Args:
        path: The store's folder; there may be none yet.

    Raises:
        StoreDamaged, StoreNewer: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._mark = path, Mark(path)
        self._snapshot = delta_log.replay(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._mark.close()

    @property
    def rows(self) -> int:
        """How many statements and tombstones there are."""
        return sum(file.rows for file in self._files())

    def statements(self, sources: Sequence[str]) -> tuple[dict[str, Said], list[int]]:
        """What was stated by these sources, and hashes of the ids that any source deleted."""
        found: dict[str, Said] = {source: ([], [], []) for source in sources}
        deleted: list[int] = []
        for rows in self._rows():
            tombstones = rows.filter(pc.is_null(rows["artist_id"]))
            deleted += map(hash, tombstones["event_id"].to_pylist())
            for source, said in found.items():
                _note(rows.filter(pc.equal(rows["source"], source)), said)
        return found, deleted

    def _files(self) -> Iterator[delta_log.File]:
        files = self._snapshot.files.values() if self._snapshot else ()
        return (each for each in files if each.kind == "event")

    def _rows(self) -> Iterator[pa.Table]:
        for file in self._files():
            yield from parquet.stream(self._path, file, _READ, _ROWS_AT_ONCE)


def _note(rows: pa.Table, said: Said) -> None:
    rows = rows.filter(pc.is_valid(rows["artist_id"]))
    starts_ms, times_ms = (_epoch_ms(rows[name]) for name in ("starts_at", "time"))
    columns = [starts_ms if name == "starts_at" else rows[name].to_pylist() for name in _SAYS]
    gigs, ranks, hashes = said
    for says in zip(*columns, strict=True):
        gigs.append(hash(says[:2]))
        hashes.append(hash(says))
    ranks += map(_rank, rows["version"].to_pylist(), times_ms)


def _epoch_ms(column: pa.ChunkedArray) -> list[Any]:
    found: list[Any] = (
        column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()).to_pylist()
    )
    return found


def _rank(version: int | None, time_ms: int) -> int:
    # Versions of imports are far greater than any time.
    return time_ms if version is None else version


def _last(gigs: Sequence[int], ranks: Sequence[int], said: Sequence[int]) -> Numbers:
    """What the last statement of each gig says."""
    by_gig, by_rank, says = (np.array(each, np.int64) for each in (gigs, ranks, said))
    order = np.lexsort((np.arange(len(says)), by_rank, by_gig))
    ends = np.append(by_gig[order][1:] != by_gig[order][:-1], True)[: len(order)]
    last: Numbers = says[order][ends]
    return last
