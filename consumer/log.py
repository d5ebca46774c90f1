"""The Delta log of the interaction store, read without the Delta library.

Words used here:
    table: the folder of the store.
    entry: one file ``_delta_log/<version>.json``, one commit; a JSON object (action) per line.
    torn: an entry that a power cut left without its end. Nobody was told that it is stored.
    position: the next offset to read of a partition, a ``txn`` action keyed by its app id.
    format: the number of the store's layout, in the table's configuration; absent, it is 1.

Reading it ourselves costs 0.1 ms where a table's handle costs 15, knows the app ids (a handle
only answers for ids that it is asked for) and cannot bring the process down at its exit.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from consumer.errors import StoreDamaged, StoreNewer

FOLDER = "_delta_log"
ACTIONS = "actions"
"""Key in ``commitInfo`` of the number of actions after it: a torn entry may end with a line."""

FORMAT = 2
"""The newest format, which this version writes. 2: columns ``raw_headers`` and ``replay_of``."""
FORMAT_KEY = "gigstream.format"

_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
TORN = "_torn"
"""Folder of what was set aside, in the table's."""

_ATTEMPTS = 5


class TornEntry(ValueError):
    """The entry has no end: torn by a power cut, or its writer is still at it."""


@dataclass(frozen=True)
class File:
    """One Parquet file of the table; ``size`` in bytes."""

    path: str
    kind: str
    rows: int
    size: int


@dataclass(frozen=True)
class Table:
    """What the log says of the table as a whole, its ``metaData``.

    Attributes:
        id: drawn at its creation; another store has another one.
        format: of the store's layout.
    """

    id: str = ""
    format: int = 1


@dataclass(frozen=True)
class Entry:
    """What one commit did to the rows.

    Attributes:
        added: files with new rows; rewritten ones (compaction) are not among them.
        rewrites: whether rows were taken out, so that what was read before is void.
        positions: app id to next offset, as far as this commit moved them.
        adds: all files it added, by path.
        removes: all files it removed, by path, and when, in epoch seconds.
        digest: of the entry's bytes.
        table: what it says of the table as a whole; None: nothing new.
    """

    version: int
    added: list[File]
    rewrites: bool
    positions: dict[str, int]
    adds: dict[str, File]
    removes: dict[str, float]
    digest: bytes
    table: Table | None


@dataclass
class Snapshot:
    """The table at one version."""

    version: int
    digest: bytes
    files: dict[str, File] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    table: Table = Table()

    def apply(self, entry: Entry) -> None:
        """Go on to the next version."""
        for path in entry.removes:
            self.files.pop(path, None)
        self.files.update(entry.adds)
        self.positions.update(entry.positions)
        self.table = entry.table or self.table
        self.version, self.digest = entry.version, entry.digest


def entry_path(table: Path, version: int) -> Path:
    """Where the entry of a version lies."""
    return table / FOLDER / f"{version:020}.json"


def versions(table: Path) -> list[int]:
    """Versions whose entries are there, ascending; none where there is no table."""
    return _numbers(table, _ENTRY)


def checkpoints(table: Path) -> list[int]:
    """Versions that have a checkpoint, ascending."""
    return _numbers(table, _CHECKPOINT)


def checkpoint_path(table: Path, version: int) -> Path:
    """Where the checkpoint of a version lies."""
    return table / FOLDER / f"{version:020}.checkpoint.parquet"


def pointer_path(table: Path) -> Path:
    """Where Delta notes which checkpoint is the last one."""
    return table / FOLDER / "_last_checkpoint"


def read_entry(table: Path, version: int) -> Entry:
    """Read one commit.

    Raises:
        FileNotFoundError: there is no such entry.
        TornEntry: it has no end.
        StoreDamaged: it uses a Delta feature that we do not read.
        StoreNewer: from here on the store has a format that we do not know.
    """
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
    said = configuration.get(FORMAT_KEY, "1")
    if not said.isdecimal() or int(said) > FORMAT:
        raise StoreNewer(table, said, FORMAT)
    return int(said)


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
    """Files that were taken out of the table not long before a version, and when, epoch seconds.

    That is as long as the log and Delta's checkpoints remember.

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
    kept = [number for number in checkpoints(table) if entry_path(table, number).exists()]
    return kept[0] if kept else there[-1]


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
            # Cleaned up under our eyes: what is missing now is in a later checkpoint.
            if checkpoints(table) == marked:
                raise
    return _replay(table, version)


def _replay(table: Path, version: int | None) -> Snapshot | None:
    there = versions(table)
    wanted = there[-1] if version is None and there else version
    if wanted is None:
        return None
    snapshot = _start(table, wanted)
    for number in range(snapshot.version + 1, wanted + 1):
        try:
            snapshot.apply(read_entry(table, number))
        except TornEntry as error:
            if version is None and number == wanted:
                break  # its writer is still at it
            raise StoreDamaged(table, error) from None
        except FileNotFoundError:
            raise StoreDamaged(table, f"log entry {number} is missing") from None
    return snapshot if snapshot.version >= 0 else None


def _start(table: Path, wanted: int) -> Snapshot:
    """The last checkpoint at or before a version; a torn one is passed over."""
    damage: StoreDamaged | None = None
    for number in reversed([each for each in checkpoints(table) if each <= wanted]):
        try:
            return from_checkpoint(table, number)
        except StoreDamaged as error:
            damage = damage or error
    if damage and not entry_path(table, 0).exists():
        raise damage
    return Snapshot(-1, b"")


def follow(table: Path, snapshot: Snapshot, version: int) -> Snapshot:
    """The table at a version, going on from an earlier snapshot where that is still history.

    Raises:
        StoreDamaged, StoreNewer: as ``replay`` does.
    """
    if snapshot.version <= version and is_history(table, snapshot):
        with suppress(FileNotFoundError, TornEntry):
            for number in range(snapshot.version + 1, version + 1):
                snapshot.apply(read_entry(table, number))
            return snapshot
    found = replay(table, version)
    if found is None:
        raise StoreDamaged(table, "its log is gone")
    return found


def following(table: Path, version: int) -> Iterator[Entry]:
    """The entries after a version, as far as they are there and whole."""
    while True:
        version += 1
        try:
            yield read_entry(table, version)
        except (FileNotFoundError, TornEntry):
            return  # not yet


def newest(table: Path, snapshot: Snapshot | None = None) -> Snapshot | None:
    """The newest whole state, going on from an earlier one where that is still history.

    Returns:
        The snapshot given, moved on, or another one; None where there is no table.

    Raises:
        StoreDamaged, StoreNewer: as ``replay`` does.
    """
    if snapshot is None or not is_history(table, snapshot):
        return replay(table)
    for entry in following(table, snapshot.version):
        snapshot.apply(entry)
    after, due = (entry_path(table, snapshot.version + ahead) for ahead in (2, 1))
    return replay(table) if after.exists() and not due.exists() else snapshot


def is_history(table: Path, snapshot: Snapshot) -> bool:
    """Whether the table still has the commit of this snapshot, to the byte."""
    try:
        return digest_of(table, snapshot.version) == snapshot.digest
    except FileNotFoundError:
        return False


def digest_of(table: Path, version: int) -> bytes:
    """Hash of a log entry."""
    return hashlib.sha256(entry_path(table, version).read_bytes()).digest()


def from_checkpoint(table: Path, version: int) -> Snapshot:
    """The table as a checkpoint has it; its version's entry must still be there.

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


def mend(table: Path) -> None:
    """Move a torn last entry, and torn checkpoints, aside; the caller holds the lock.

    Raises:
        StoreDamaged: the entry before a torn one is torn as well: that was no power cut.
    """
    there = versions(table)
    if there and _is_torn(table, there[-1]):
        if list((table / TORN).glob(f"{there[-1] + 1:020}.*")):
            raise StoreDamaged(table, f"log entries {there[-1]} and {there[-1] + 1} are torn")
        _set_aside(table, entry_path(table, there[-1]))
    for number in reversed(checkpoints(table)):
        if _is_parquet(checkpoint_path(table, number)):
            break
        _set_aside(table, checkpoint_path(table, number))
    if not _is_pointer(table):
        _set_aside(table, pointer_path(table))


def _is_torn(table: Path, version: int) -> bool:
    try:
        read_entry(table, version)
    except TornEntry:
        return True
    return False


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
        said = msgspec.json.decode(pointer_path(table).read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return True
    except msgspec.DecodeError:
        return False
    return said.get("version") in checkpoints(table)


def _set_aside(table: Path, path: Path) -> None:
    if path.exists():
        (table / TORN).mkdir(exist_ok=True)
        path.rename(table / TORN / f"{path.name}.{time.time_ns()}")
        sync([table / TORN, table / FOLDER])


def sync(paths: Iterable[Path]) -> None:
    """Have the disk hold these files and folders before anybody is told of them."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_pointer(table: Path) -> None:
    """Have the disk hold the pointer to the last checkpoint.

    There may be none: where a power cut tore it, Delta lists the log, and does not write it again
    with a checkpoint that is there already.
    """
    with suppress(FileNotFoundError):
        sync([pointer_path(table)])


def sync_entries(table: Path, version: int) -> None:
    """Have the disk hold all commits up to a version, whoever made them.

    What is built upon a commit must not outlive it: a torn entry before a whole one is a loss.
    """
    marked = [number for number in checkpoints(table) if number < version]
    since = marked[-1] if marked else -1
    for number in range(since + 1, version + 1):
        with suppress(FileNotFoundError):  # cleaned up: then it is in a later checkpoint
            sync([entry_path(table, number)])
    sync([table / FOLDER])


def _numbers(table: Path, pattern: re.Pattern[str]) -> list[int]:
    try:
        names = [path.name for path in (table / FOLDER).iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for name in names if (match := pattern.fullmatch(name)))
