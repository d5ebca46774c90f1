"""Whether an import states anything that the store did not hold before it.

Of each gig the last statement counts, in the import as in the store. Where the store says the same
or outdoes the import, for every gig, the import changes nothing.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator, MutableSequence, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.events import Event
from consumer.imports.ledger import Numbers
from consumer.table import delta_log, parquet, schema
from consumer.table.reader_marks import Mark

_SAYS = ("event_id", "artist_id", "venue_id", "starts_at", "status", "artist_name", "venue_name")
_READ = schema.columns(["source", "time", "version", "recorded_at", *_SAYS])
_ROWS_AT_ONCE = 1 << 18
MAX_ROWS = 1_000_000
"""A larger store or import is not compared: it would take longer than most imports, and memory."""
MAX_SOURCES = 100
"""The same of sources: the store's rows are looked through for each."""

_UNVERSIONED = -1


class Said(NamedTuple):
    """Of statements: hashes of their gigs, what orders those of one gig, hashes of all they say."""

    gigs: MutableSequence[int]
    versions: MutableSequence[int]
    times_ms: MutableSequence[int]
    recorded_ms: MutableSequence[int]
    says: MutableSequence[int]


class _Last(NamedTuple):
    """The last statement of each gig, ascending by gig."""

    gigs: Numbers
    versions: Numbers
    times_ms: Numbers
    says: Numbers


class Stated:
    """What was sent, as hashes of this process: 48 bytes for each statement."""

    def __init__(self) -> None:
        self._said: dict[str, Said] = defaultdict(lambda: Said(*(array("q") for _ in range(5))))
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
        said = self._said[event.source]
        said.gigs.append(hash(says[:2]))
        said.versions.append(_UNVERSIONED if event.version is None else event.version)
        said.times_ms.append(event.time_ms)
        said.recorded_ms.append(len(self._ids))  # in the order in which they are sent
        said.says.append(hash(says))
        self._ids.append(hash(event.event_id))

    def is_in(self, before: "Before") -> bool | None:
        """Whether the store held all of it before; None: that is not known.

        Raises:
            StoreDamaged, StoreNewer: it cannot be read.
            OSError: a file was erased meanwhile.
        """
        if self._is_more or not self._said or before.rows > MAX_ROWS:
            return None
        if len(self._said) > MAX_SOURCES:
            return None
        stored, deleted = before.statements(list(self._said))
        # A statement after a deletion may bring the gig back, whatever was stated before.
        if np.isin(np.array(self._ids, np.int64), np.array(deleted, np.int64)).any():
            return None
        return all(
            _is_all_in(_last(said), _last(stored[source])) for source, said in self._said.items()
        )


class Before:
    """The store as it was before an import; its files are kept until the context ends.

    Args:
        path: The store's folder; there may be none yet.

    Raises:
        StoreDamaged, StoreNewer: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        versions = delta_log.versions(path)
        # Before the log is replayed: what it lists then is kept. (An erasure keeps nothing.)
        self._path, self._mark = path, Mark(path, versions[-1] if versions else 0)
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
        found = {source: Said([], [], [], [], []) for source in sources}
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
    starts_ms = _epoch_ms(rows["starts_at"])
    columns = [starts_ms if name == "starts_at" else rows[name].to_pylist() for name in _SAYS]
    for says in zip(*columns, strict=True):
        said.gigs.append(hash(says[:2]))
        said.says.append(hash(says))
    said.versions.extend(pc.fill_null(rows["version"], _UNVERSIONED).to_pylist())
    said.times_ms.extend(_epoch_ms(rows["time"]))
    said.recorded_ms.extend(_epoch_ms(rows["recorded_at"]))


def _epoch_ms(column: pa.ChunkedArray) -> list[Any]:
    found: list[Any] = (
        column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()).to_pylist()
    )
    return found


def _last(said: Said) -> _Last:
    """The last statement of each gig, in the order by which the store settles them."""
    gigs, versions, times, recorded, says = (np.array(each, np.int64) for each in said)
    order = np.lexsort((np.arange(len(says)), recorded, times, versions, gigs))
    sorted_gigs = gigs[order]
    last = order[np.append(sorted_gigs[1:] != sorted_gigs[:-1], True)[: len(order)]]
    return _Last(gigs[last], versions[last], times[last], says[last])


def _is_all_in(sent: _Last, stored: _Last) -> bool:
    """Whether each gig is stored as it was sent, or by a statement that outdoes it."""
    at = np.searchsorted(stored.gigs, sent.gigs)
    is_known = at < len(stored.gigs)
    at = at[is_known]
    if not is_known.all() or (stored.gigs[at] != sent.gigs).any():
        return False
    ahead = stored.versions[at] - sent.versions
    outdone = (ahead > 0) | ((ahead == 0) & (stored.times_ms[at] > sent.times_ms))
    return bool((outdone | (stored.says[at] == sent.says)).all())
