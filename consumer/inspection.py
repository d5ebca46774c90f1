"""Whether a store is whole: its log, its checkpoints, its files, and each record in it once.

Words used here:
    finding: a line on something that is wrong.
    place: topic id, partition and offset, which tell a record from all others.
    orphan: a Parquet file that no commit names; its writer died, or is still at it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from consumer import log
from consumer.errors import StoreDamaged
from consumer.marks import Mark

_COLUMNS = ("topic_id", "partition", "offset")
_PLACE = np.dtype([("topic", np.int32), ("partition", np.int32), ("offset", np.int64)])
_SHOWN = 5
_ROWS = 65_536


@dataclass
class Inspection:
    """What was found.

    Attributes:
        findings: what is wrong.
        orphans: paths; no harm, upkeep deletes them after an hour.
        torn: names of what was moved aside after a power cut.
        version: the newest one looked at; None: there is no store.
        entries: log entries read.
        files: live files read.
        rows: rows in them.
    """

    findings: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    version: int | None = None
    entries: int = 0
    files: int = 0
    rows: int = 0


def inspect(path: Path) -> Inspection:
    """Look at all of a store, as it is at the beginning; consumers may go on.

    Raises:
        StoreNewer: a newer gigstream has written it.
    """
    found = Inspection()
    there = log.versions(path)
    if not there:
        return found
    mark = Mark(path, there[-1])  # what is live now stays until it was read
    snapshot, named = _read_log(path, range(log.begin(path), there[-1] + 1), found)
    if snapshot is not None:
        found.version = snapshot.version
        _Rows(path, snapshot, found).look()
    on_disk = {str(file.relative_to(path)) for file in path.glob("kind=*/*")}
    later = {name for n in log.versions(path) if n > there[-1] for name in _adds(path, n)}
    found.orphans = sorted(on_disk - named - later)
    found.torn = sorted(file.name for file in path.glob("_torn/*"))
    mark.close()
    return found


def _read_log(
    path: Path, numbers: range, found: Inspection
) -> tuple[log.Snapshot | None, set[str]]:
    """The newest table that the log gives, entry by entry, and all files that it names."""
    marked = set(log.checkpoints(path))
    snapshot, named = log.Snapshot(-1, b""), set[str]()
    try:
        if numbers.start in marked:
            snapshot = log.from_checkpoint(path, numbers.start)
            named |= {*snapshot.files, *log.removed(path, numbers.start)}
        for number in range(snapshot.version + 1, numbers.stop):
            entry = log.read_entry(path, number)
            found.entries += 1
            named |= {*entry.adds, *entry.removes}
            found.findings += _backwards(snapshot, entry)
            snapshot.apply(entry)
            if number in marked:
                found.findings += _differing(path, snapshot)
    except FileNotFoundError:
        found.findings.append(f"log entry {snapshot.version + 1} is missing; restore a copy")
    except log.TornEntry as error:
        remedy = "a consumer moves it aside at its start" if number == numbers[-1] else "restore"
        found.findings.append(f"{error}; {remedy}")
    except StoreDamaged as error:
        found.findings.append(str(error))
    return (snapshot if snapshot.version >= 0 else None), named


def _adds(path: Path, version: int) -> list[str]:
    return list(log.read_entry(path, version).adds)


def _backwards(before: log.Snapshot, entry: log.Entry) -> Iterator[str]:
    for name, position in entry.positions.items():
        held = before.positions.get(name, 0)
        if position < held:
            yield f"log entry {entry.version} takes {name} back from {held} to {position}"


def _differing(path: Path, snapshot: log.Snapshot) -> Iterator[str]:
    try:
        told = log.from_checkpoint(path, snapshot.version)
    except StoreDamaged as error:
        yield str(error)
        return
    for what in ("files", "positions", "table"):
        if getattr(told, what) != getattr(snapshot, what):
            yield f"checkpoint {snapshot.version} has other {what} than the log; delete it"


class _Rows:
    """The rows of a snapshot's files."""

    def __init__(self, path: Path, snapshot: log.Snapshot, found: Inspection) -> None:
        self._path, self._snapshot, self._found = path, snapshot, found
        self._topics: dict[str, int] = {}

    def look(self) -> None:
        """Read every file, then see that each place is there once, before its position."""
        parts = [part for file in self._snapshot.files.values() for part in self._file(file)]
        places = np.sort(np.concatenate([np.empty(0, _PLACE), *parts]))
        names = list(self._topics)
        self._found.findings += _doubled(places, names)
        self._found.findings += _beyond(places, names, self._snapshot.positions)

    def _file(self, file: log.File) -> list[NDArray[np.void]]:
        rows, parts = 0, []
        try:
            for batch in pq.ParquetFile(self._path / file.path).iter_batches(_ROWS):
                rows += batch.num_rows
                parts.append(self._places(batch))
        except (pa.ArrowInvalid, OSError) as error:
            cause = (
                "is missing"
                if isinstance(error, FileNotFoundError)
                else f"is unreadable: {' '.join(str(error).split())}"
            )
            self._found.findings.append(f"file {file.path} {cause}; restore a copy")
            return []
        self._found.files += 1
        self._found.rows += rows
        if file.rows not in (-1, rows):
            said = f"file {file.path} has {rows} rows, its log says {file.rows}; restore a copy"
            self._found.findings.append(said)
        return parts

    def _places(self, batch: pa.RecordBatch) -> NDArray[np.void]:
        """Those rows that are records of Kafka; what people decided has no place."""
        table = pa.table({name: batch[name] for name in _COLUMNS}).drop_null()
        places = np.empty(table.num_rows, _PLACE)
        topics = table["topic_id"].combine_chunks().dictionary_encode()
        if isinstance(topics, pa.ChunkedArray):
            topics = topics.combine_chunks()
        known = self._topics
        numbers = [known.setdefault(name, len(known)) for name in topics.dictionary.to_pylist()]
        places["topic"] = np.array(numbers, np.int32)[topics.indices.to_numpy()]
        places["partition"], places["offset"] = table["partition"], table["offset"]
        return places


def _doubled(places: NDArray[np.void], topics: Sequence[str]) -> Iterator[str]:
    again = places[1:][places[1:] == places[:-1]]
    if len(again):
        shown = [f"{topics[each['topic']]}/{each['partition']}/{each['offset']}" for each in again]
        more = "" if len(again) <= _SHOWN else " ..."
        yield f"{len(again)} records are stored twice: {', '.join(shown[:_SHOWN])}{more}"


def _beyond(
    places: NDArray[np.void], topics: Sequence[str], positions: dict[str, int]
) -> Iterator[str]:
    """Rows that no position covers: they would be stored once more."""
    ends = np.flatnonzero(
        (np.diff(places["topic"], append=-1) != 0) | (np.diff(places["partition"], append=-1) != 0)
    )
    for last in places[ends]:
        name = f"{topics[last['topic']]}/{last['partition']}"
        told = [each for app, each in positions.items() if app.partition("/")[2] == name]
        position = max(told, default=0)
        if last["offset"] >= position:
            yield f"partition {name} has a row at {last['offset']}, its position is {position}"
