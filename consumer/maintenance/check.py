"""Whether a store is whole: its log, its checkpoints, its files, and each record in it once.

Words used here:
    finding: one line on one fault.
    address: topic id, partition and offset of a record; unique.
    orphan: a Parquet file that no commit names; its writer died, or has not committed yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from consumer.errors import StoreDamaged
from consumer.table import delta_log
from consumer.table.reader_marks import Mark

_COLUMNS = ("topic_id", "partition", "offset")
_ADDRESS = np.dtype([("topic", np.int32), ("partition", np.int32), ("offset", np.int64)])
_SHOWN = 5
_NO_TOPIC_ID = "-"
"""Once the topic id of every embedded broker, each of which begins at 0: their addresses are
not those of one topic."""
_ROWS = 65_536


@dataclass
class Inspection:
    """The result of an inspection.

    Attributes:
        findings: the faults.
        orphans: paths; harmless, maintenance deletes them after an hour.
        torn: names of files that were moved aside after a power cut.
        version: the newest one inspected; None: there is no store.
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
    """Inspect all of a store as it is at the start; consumers may run meanwhile.

    Raises:
        StoreNewer: a newer gigstream has written it.
    """
    found = Inspection()
    there = delta_log.versions(path)
    if not there:
        return found
    mark = Mark(path, there[-1])  # keeps the files that are live now until they are read
    snapshot, named = _read_log(path, range(delta_log.begin(path), there[-1] + 1), found)
    if snapshot is not None:
        found.version = snapshot.version
        _Rows(path, snapshot, found).check()
    # Files on the disk before the later log entries: a commit in between names a file that is then
    # not an orphan.
    on_disk = {str(file.relative_to(path)) for file in path.glob("kind=*/*")}
    later = {
        name
        for n in delta_log.versions(path)
        if n > there[-1]
        for name in list(delta_log.read_entry(path, n).adds)
    }
    found.orphans = sorted(on_disk - named - later)
    found.torn = sorted(file.name for file in path.glob("_torn/*"))
    mark.close()
    return found


def _read_log(
    path: Path, numbers: range, found: Inspection
) -> tuple[delta_log.Snapshot | None, set[str]]:
    """The newest snapshot, built entry by entry, and all files that the log names."""
    marked = set(delta_log.checkpoints(path))
    snapshot, named = delta_log.Snapshot(-1, b""), set[str]()
    try:
        if numbers.start in marked:
            snapshot = delta_log.from_checkpoint(path, numbers.start)
            named |= {*snapshot.files, *delta_log.removed(path, numbers.start)}
        for number in range(snapshot.version + 1, numbers.stop):
            entry = delta_log.read_entry(path, number)
            found.entries += 1
            named |= {*entry.adds, *entry.removes}
            found.findings += _backwards(snapshot, entry)
            snapshot.apply(entry)
            # A checkpoint must equal the entries that it sums up, or readers disagree.
            if number in marked:
                found.findings += _differing(path, snapshot)
    except FileNotFoundError:
        found.findings.append(f"log entry {snapshot.version + 1} is missing; restore a copy")
    except delta_log.TornEntry as error:
        remedy = "a consumer moves it aside at its start" if number == numbers[-1] else "restore"
        found.findings.append(f"{error}; {remedy}")
    except StoreDamaged as error:
        found.findings.append(str(error))
    return (snapshot if snapshot.version >= 0 else None), named


def _backwards(before: delta_log.Snapshot, entry: delta_log.Entry) -> Iterator[str]:
    for name, position in entry.positions.items():
        held = before.positions.get(name, 0)
        if position < held:
            yield f"log entry {entry.version} takes {name} back from {held} to {position}"


def _differing(path: Path, snapshot: delta_log.Snapshot) -> Iterator[str]:
    try:
        written = delta_log.from_checkpoint(path, snapshot.version)
    except StoreDamaged as error:
        yield str(error)
        return
    for what in ("files", "positions", "table"):
        if getattr(written, what) != getattr(snapshot, what):
            yield f"checkpoint {snapshot.version} has other {what} than the log; delete it"


class _Rows:
    """The rows of a snapshot's files."""

    def __init__(self, path: Path, snapshot: delta_log.Snapshot, found: Inspection) -> None:
        self._path, self._snapshot, self._found = path, snapshot, found
        self._topics: dict[str, int] = {}

    def check(self) -> None:
        """Read every file, then check that each address is there once, before its position."""
        parts = [part for file in self._snapshot.files.values() for part in self._file(file)]
        addresses = np.sort(np.concatenate([np.empty(0, _ADDRESS), *parts]))
        names = list(self._topics)
        addresses = addresses[addresses["topic"] != self._topics.get(_NO_TOPIC_ID, -1)]
        self._found.findings += _doubled(addresses, names)
        self._found.findings += _beyond(addresses, names, self._snapshot.positions)

    def _file(self, file: delta_log.File) -> list[NDArray[np.void]]:
        rows, parts = 0, []
        try:
            for batch in pq.ParquetFile(self._path / file.path).iter_batches(_ROWS):
                rows += batch.num_rows
                parts.append(self._addresses(batch))
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
            finding = f"file {file.path} has {rows} rows, its log says {file.rows}; restore a copy"
            self._found.findings.append(finding)
        return parts

    def _addresses(self, batch: pa.RecordBatch) -> NDArray[np.void]:
        """The addresses of rows that are records of Kafka; decisions of operators have none."""
        table = pa.table({name: batch[name] for name in _COLUMNS}).drop_null()
        addresses = np.empty(table.num_rows, _ADDRESS)
        topics = table["topic_id"].combine_chunks().dictionary_encode()
        if isinstance(topics, pa.ChunkedArray):
            topics = topics.combine_chunks()
        known = self._topics
        numbers = [known.setdefault(name, len(known)) for name in topics.dictionary.to_pylist()]
        addresses["topic"] = np.array(numbers, np.int32)[topics.indices.to_numpy()]
        addresses["partition"], addresses["offset"] = table["partition"], table["offset"]
        return addresses


def _doubled(addresses: NDArray[np.void], topics: Sequence[str]) -> Iterator[str]:
    again = addresses[1:][addresses[1:] == addresses[:-1]]
    if len(again):
        shown = [f"{topics[each['topic']]}/{each['partition']}/{each['offset']}" for each in again]
        more = "" if len(again) <= _SHOWN else " ..."
        yield f"{len(again)} records are stored twice: {', '.join(shown[:_SHOWN])}{more}"


def _beyond(
    addresses: NDArray[np.void], topics: Sequence[str], positions: dict[str, int]
) -> Iterator[str]:
    """Rows at or beyond their partition's position: they would be stored a second time."""
    ends = np.flatnonzero(
        (np.diff(addresses["topic"], append=-1) != 0)
        | (np.diff(addresses["partition"], append=-1) != 0)
    )
    for last in addresses[ends]:
        name = f"{topics[last['topic']]}/{last['partition']}"
        known = [each for app, each in positions.items() if app.partition("/")[2] == name]
        position = max(known, default=0)
        # A consumer would start at the position, and store this row again.
        if last["offset"] >= position:
            yield f"partition {name} has a row at {last['offset']}, its position is {position}"
