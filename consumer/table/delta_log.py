"""The Delta log of the interaction store, read without the Delta library.

Words used here:
    table: the folder of the store.
    entry: one file ``_delta_log/<version>.json``, one commit; a JSON object (action) per line.
    torn: an entry that a power cut left without its end. It was never acknowledged as stored.
    position: the next offset to read of a partition, a ``txn`` action keyed by its app id.
    format: the number of the store's layout, in the table's configuration; 1 where it is absent.

Reading it ourselves costs 0.1 ms where a table's handle costs 15, lists the app ids (a handle only
answers for ids that it is asked for) and cannot abort the process at its exit.
"""

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from consumer.errors import StoreDamaged, StoreNewer
from consumer.table import durable

FOLDER = "_delta_log"
ACTIONS = "actions"
"""Key in ``commitInfo`` of the number of actions after it: a torn entry may end at a line's end."""

FORMAT = 2
"""The newest format, which this version writes. 2: columns ``raw_headers`` and ``replay_of``."""
FORMAT_KEY = "gigstream.format"

_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
TORN = "_torn"
"""Folder of files that were moved aside, in the table's folder."""

_ATTEMPTS = 5


class TornEntry(ValueError):
    """The entry has no end: torn by a power cut, or still being written."""


@dataclass(frozen=True)
class File:
    """One Parquet file of the table; ``size`` in bytes."""

    path: str
    kind: str
    rows: int
    size: int


@dataclass(frozen=True)
class Table:
    """Properties of the table as a whole, from its ``metaData``.

    Attributes:
        id: random, from its creation; another store has another one.
        format: of the store's layout.
    """

    id: str = ""
    format: int = 1


@dataclass(frozen=True)
class Entry:
    """One commit.

    Attributes:
        added: files with new rows, without those that compaction rewrote.
        rewrites: whether rows were removed, so that what was read before is void.
        positions: app id to next offset, of the partitions that this commit moved.
        adds: all files it added, by path.
        removes: all files it removed, by path, and when, in epoch seconds.
        digest: of the entry's bytes.
        table: new properties of the table; None: unchanged.
    """

    version: int
    added: list[File]
    rewrites: bool
    positions: dict[str, int]
    adds: dict[str, File]
    removes: dict[str, float]
    digest: bytes
    table: Table | None


class Span(NamedTuple):
    """The offsets of a partition that a batch covers.

    Attributes:
        start: the position that the store holds before it; None or 0: nothing is stored yet.
        end: the position that it will hold after it.
    """

    start: int | None
    end: int


@dataclass
class Snapshot:
    """The table at one version."""

    version: int
    digest: bytes
    files: dict[str, File] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    table: Table = Table()

    def apply(self, entry: Entry) -> None:
        """Advance to the next version."""
        # Removals first: an entry may replace a file by one of the same name.
        for path in entry.removes:
            self.files.pop(path, None)
        self.files.update(entry.adds)
        self.positions.update(entry.positions)
        self.table = entry.table or self.table
        self.version, self.digest = entry.version, entry.digest


def entry_path(table: Path, version: int) -> Path:
    """The path of a version's entry."""
    return table / FOLDER / f"{version:020}.json"


def versions(table: Path) -> list[int]:
    """Versions whose entries exist, ascending; none where there is no table."""
    return _numbers(table, _ENTRY)


def checkpoints(table: Path) -> list[int]:
    """Versions that have a checkpoint, ascending."""
    return _numbers(table, _CHECKPOINT)


def checkpoint_path(table: Path, version: int) -> Path:
    """The path of a version's checkpoint."""
    return table / FOLDER / f"{version:020}.checkpoint.parquet"


def pointer_path(table: Path) -> Path:
    """The path of Delta's pointer to the last checkpoint."""
    return table / FOLDER / "_last_checkpoint"


def read_entry(table: Path, version: int) -> Entry:
    """Read one commit.

    Raises:
        FileNotFoundError: there is no such entry.
        TornEntry: it has no end.
        StoreDamaged: it uses a Delta feature that we do not read.
        StoreNewer: the store has a format that we do not know.
    """
    # Read once: digest and actions must be of the same bytes.
    data = entry_path(table, version).read_bytes()
    try:
        actions = [msgspec.json.decode(line) for line in data.splitlines()]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TornEntry(f"log entry {version}: {error}") from None
    _check_end(actions, version)
    return _entry(table, version, actions, hashlib.sha256(data).digest())


def _check_end(actions: list[Any], version: int) -> None:
    if not actions or not all(isinstance(action, dict) for action in actions):
        raise TornEntry(f"log entry {version} holds no actions")
    info = actions[0].get("commitInfo", {})
    if len(actions) - 1 < info.get(ACTIONS, 0):
        raise TornEntry(f"log entry {version} has {len(actions) - 1} of {info[ACTIONS]} actions")


def _entry(table: Path, version: int, actions: list[Any], digest: bytes) -> Entry:
    # Paths are percent-encoded in the log.
    adds = [action["add"] for action in actions if "add" in action]
    removes = [action["remove"] for action in actions if "remove" in action]
    txns = [action["txn"] for action in actions if "txn" in action]
    metadata = [action["metaData"] for action in actions if "metaData" in action]
    files = {file.path: file for file in (_file(table, add) for add in adds)}
    return Entry(
        version=version,
        added=[files[unquote(add["path"])] for add in adds if add["dataChange"]],
        rewrites=any(remove.get("dataChange", True) for remove in removes),
        positions={txn["appId"]: txn["version"] for txn in txns},
        adds=files,
        removes=dict(map(_removal, removes)),
        digest=digest,
        table=_table(table, metadata[-1]) if metadata else None,
    )


def _table(table: Path, metadata: Mapping[str, Any]) -> Table:
    # A checkpoint gives the configuration as a list of pairs, an entry as an object.
    number = format_of(table, dict(metadata.get("configuration") or {}))
    return Table(id=str(metadata["id"]), format=number)


def format_of(table: Path, configuration: Mapping[str, str]) -> int:
    """The store's format by the table's configuration.

    Raises:
        StoreNewer: it is one that we do not know.
    """
    number = configuration.get(FORMAT_KEY, "1")
    if not number.isdecimal() or int(number) > FORMAT:
        raise StoreNewer(table, number, FORMAT)
    return int(number)


def _file(table: Path, add: Mapping[str, Any]) -> File:
    if add.get("deletionVector") is not None:
        raise StoreDamaged(table, "a deletion vector was written into it; rewrite without them")
    stats = msgspec.json.decode(add["stats"]) if add.get("stats") else {}
    # A checkpoint gives the values as a list of pairs, an entry as an object.
    kind = str(dict(add["partitionValues"])["kind"])
    rows = int(stats.get("numRecords", -1))
    return File(path=unquote(add["path"]), kind=kind, rows=rows, size=int(add["size"]))


def _removal(remove: Mapping[str, Any]) -> tuple[str, float]:
    return unquote(remove["path"]), (remove.get("deletionTimestamp") or 0) / 1000


def removed(table: Path, version: int) -> dict[str, float]:
    """Files that were removed from the table before a version, and when, in epoch seconds.

    As far back as the log and Delta's checkpoints reach.

    Raises:
        StoreDamaged: the last checkpoint, or an entry after it, cannot be read.
    """
    marked = [number for number in checkpoints(table) if number <= version]
    found: dict[str, float] = {}
    try:
        if marked:
            rows = pq.ParquetFile(checkpoint_path(table, marked[-1])).read(columns=["remove"])
            found.update(map(_removal, _present(rows.column("remove"))))
        for number in range(marked[-1] + 1 if marked else 0, version + 1):
            found.update(read_entry(table, number).removes)
    except (pa.ArrowInvalid, OSError, TornEntry) as error:
        raise StoreDamaged(table, error) from None
    return found


def begin(table: Path) -> int:
    """The oldest version that the table can be read at; -1 where there is no table."""
    there = versions(table)
    if not there or there[0] == 0:
        return 0 if there else -1
    return next((n for n in checkpoints(table) if entry_path(table, n).exists()), there[-1])


def replay(table: Path, version: int | None = None) -> Snapshot | None:
    """The table at a version, the newest whole one by default; None where there is no table.

    Raises:
        StoreDamaged: an entry on the way is missing or torn.
        StoreNewer: a newer gigstream has written it.
    """
    for _ in range(_ATTEMPTS):
        marked = checkpoints(table)
        try:
            return _replay(table, version)
        except StoreDamaged:
            # Clean-up ran meanwhile: what is missing now is in a later checkpoint.
            if checkpoints(table) == marked:
                raise
    return _replay(table, version)


def _replay(table: Path, version: int | None) -> Snapshot | None:
    there = versions(table)
    wanted = there[-1] if version is None and there else version
    if wanted is None:
        return None
    snapshot = _start(table, wanted)
    # Every entry after the checkpoint, without a gap: a missing one is a loss, not an end.
    for number in range(snapshot.version + 1, wanted + 1):
        try:
            snapshot.apply(read_entry(table, number))
        except TornEntry as error:
            if version is None and number == wanted:
                break  # it is still being written
            raise StoreDamaged(table, error) from None
        except FileNotFoundError:
            raise StoreDamaged(table, f"log entry {number} is missing") from None
    return snapshot if snapshot.version >= 0 else None


def _start(table: Path, wanted: int) -> Snapshot:
    """The last checkpoint at or before a version; torn ones are skipped."""
    damage: StoreDamaged | None = None
    for number in reversed([each for each in checkpoints(table) if each <= wanted]):
        try:
            return from_checkpoint(table, number)
        except StoreDamaged as error:
            damage = damage or error
    if damage and not entry_path(table, 0).exists():
        raise damage
    return Snapshot(-1, b"")


def present(table: Path, version: int | None = None) -> Snapshot:
    """The table at a version, which must be there; see ``replay``."""
    snapshot = replay(table, version)
    if snapshot is None:
        raise StoreDamaged(table, "its log is gone")
    return snapshot


def follow(table: Path, snapshot: Snapshot, version: int) -> Snapshot:
    """The table at a version, continued from an earlier snapshot where that is still history.

    Args:
        table: its folder.
        snapshot: advanced in place where it can be.
        version: which one.

    Raises:
        StoreDamaged, StoreNewer: as ``replay`` does.
    """
    if snapshot.version <= version and is_history(table, snapshot):
        with suppress(FileNotFoundError, TornEntry):
            for number in range(snapshot.version + 1, version + 1):
                snapshot.apply(read_entry(table, number))
            return snapshot
    return present(table, version)


def following(table: Path, version: int) -> Iterator[Entry]:
    """The entries after a version, up to the first that is missing or torn."""
    while True:
        version += 1
        try:
            yield read_entry(table, version)
        except (FileNotFoundError, TornEntry):
            return  # not yet


def newest(table: Path, snapshot: Snapshot | None = None) -> Snapshot | None:
    """The newest whole state, continued from an earlier one where that is still history.

    Returns:
        The snapshot given, advanced, or another one; None where there is no table.

    Raises:
        StoreDamaged, StoreNewer: as ``replay`` does.
    """
    # Restored from a copy, or replaced by another store: the old snapshot is of no use.
    if snapshot is None or not is_history(table, snapshot):
        return replay(table)
    for entry in following(table, snapshot.version):
        snapshot.apply(entry)
    return replay(table) if has_hole(table, snapshot.version) else snapshot


def has_hole(table: Path, version: int) -> bool:
    """Whether the entry after a version is missing while a later one exists: start again then."""
    # In this order: two entries may have been written since the caller looked for the next one.
    after, due = (entry_path(table, version + ahead) for ahead in (2, 1))
    return after.exists() and not due.exists()


def is_history(table: Path, snapshot: Snapshot) -> bool:
    """Whether the table still has the commit of this snapshot, to the byte."""
    with suppress(FileNotFoundError):
        return digest_of(table, snapshot.version) == snapshot.digest
    return False


def digest_of(table: Path, version: int) -> bytes:
    """Hash of a log entry."""
    return hashlib.sha256(entry_path(table, version).read_bytes()).digest()


def from_checkpoint(table: Path, version: int) -> Snapshot:
    """The table as a checkpoint holds it; its version's entry must still exist.

    Raises:
        StoreDamaged: one of both is missing or torn.
    """
    path = checkpoint_path(table, version)
    try:
        rows = pq.ParquetFile(path).read(columns=["add", "txn", "metaData"])
        digest = read_entry(table, version).digest
    except (pa.ArrowInvalid, OSError, TornEntry) as error:
        raise StoreDamaged(table, f"checkpoint {version}: {error}") from None
    snapshot = Snapshot(version, digest)
    for add in _present(rows.column("add")):
        file = _file(table, add)
        snapshot.files[file.path] = file
    for txn in _present(rows.column("txn")):
        snapshot.positions[txn["appId"]] = txn["version"]
    for metadata in _present(rows.column("metaData")):
        snapshot.table = _table(table, metadata)
    return snapshot


def _present(column: pa.ChunkedArray) -> Iterator[dict[str, Any]]:
    return (row for row in column.drop_null().to_pylist() if row is not None)


def repair(table: Path) -> None:
    """Move a torn last entry and torn checkpoints aside; the caller holds the store's lock.

    Raises:
        StoreDamaged: the entry before a torn one is torn as well: that was no power cut.
    """
    there = versions(table)
    if there and _is_torn(table, there[-1]):
        # Two torn entries in a row were not one interrupted write: repairing would hide a loss.
        if list((table / TORN).glob(f"{there[-1] + 1:020}.*")):
            raise StoreDamaged(table, f"log entries {there[-1]} and {there[-1] + 1} are torn")
        _set_aside(table, entry_path(table, there[-1]))
    # Newest first: a whole one ends the search, as older ones are not read after it.
    for number in reversed(checkpoints(table)):
        if _is_parquet(checkpoint_path(table, number)):
            break
        _set_aside(table, checkpoint_path(table, number))
    if not _is_pointer(table):
        _set_aside(table, pointer_path(table))


def _is_torn(table: Path, version: int) -> bool:
    with suppress(TornEntry):
        read_entry(table, version)
        return False
    return True


def _is_parquet(path: Path) -> bool:
    try:
        pq.ParquetFile(path).read()
    except PermissionError:
        raise
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def _is_pointer(table: Path) -> bool:
    """Whether the pointer to the last checkpoint, where there is one, leads to one."""
    try:
        pointer = msgspec.json.decode(pointer_path(table).read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return True
    except msgspec.DecodeError:
        return False
    return pointer.get("version") in checkpoints(table)


def _set_aside(table: Path, path: Path) -> None:
    if path.exists():
        (table / TORN).mkdir(exist_ok=True)
        path.rename(table / TORN / f"{path.name}.{time.time_ns()}")
        durable.sync([table / TORN, table / FOLDER])


def sync_pointer(table: Path) -> None:
    """Flush the pointer to the last checkpoint to the disk.

    There may be none: after a power cut tore it, Delta lists the log instead, and does not write
    the pointer again for a checkpoint that exists already.
    """
    with suppress(FileNotFoundError):
        durable.sync([pointer_path(table)])


def sync_entries(table: Path, version: int) -> None:
    """Flush all commits up to a version to the disk, including those of other processes.

    A later commit must not survive without the ones before it: a torn entry before a whole one
    would be a loss.
    """
    marked = [number for number in checkpoints(table) if number < version]
    # Entries up to the last checkpoint are in it, and it was flushed before anything relied on it.
    since = marked[-1] if marked else -1
    for number in range(since + 1, version + 1):
        with suppress(FileNotFoundError):  # cleaned up: then a later checkpoint holds it
            durable.sync([entry_path(table, number)])
    durable.sync([table / FOLDER])


def _numbers(table: Path, pattern: re.Pattern[str]) -> list[int]:
    try:
        names = [path.name for path in (table / FOLDER).iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for name in names if (match := pattern.fullmatch(name)))
