"""A commit of ours that replaces files of the store by others that hold the same rows.

Words used here:
    replaced: the files that go; their rows are in the new ones.
    overtaken: another commit took one of them first; then nothing of ours is committed.

Delta's own commit is no use here: through a handle that has not seen the other one it commits a
second replacement of the same files, and every row is there twice (deltalake 1.6.6, seen). So the
entry is ours: whole and on the disk before it has a name, and the name is given once.
"""

import os
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec

from consumer import log

_PATH = "/=-_."


@dataclass(frozen=True)
class Replacement:
    """Files that stand for others.

    Attributes:
        replaced: those that go.
        added: those that come, on the disk already.
        operation: for people who look at the log.
    """

    replaced: Collection[log.File]
    added: Collection[log.File]
    operation: str

    def is_overtaken(self, entry: log.Entry) -> bool:
        """Whether a commit took one of the files, or made another table of it."""
        gone = any(file.path in entry.removes for file in self.replaced)
        return gone or entry.table is not None

    def actions(self, now_ms: int) -> bytes:
        """The log entry."""
        changes = [*(_remove(file, now_ms) for file in self.replaced)]
        changes += [_add(file, now_ms) for file in self.added]
        said = {"timestamp": now_ms, "operation": self.operation, log.ACTIONS: len(changes)}
        lines = [{"commitInfo": said | {"operationParameters": {}}}, *changes]
        return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def replace(path: Path, seen: log.Snapshot, replacement: Replacement) -> int | None:
    """Commit it after whatever others commit meanwhile; appends are no hindrance.

    Args:
        path: the table's folder.
        seen: where the replaced files were found; taken on to the version before ours.
        replacement: what to commit.

    Returns:
        The version, durable; None: it was overtaken.

    Raises:
        TornEntry: the newest entry is torn.
    """
    folder = path / log.FOLDER
    temporary = folder / f"_commit_{uuid.uuid4()}.json.tmp"
    try:
        temporary.write_bytes(replacement.actions(time.time_ns() // 1_000_000))
        log.sync([temporary])
        while True:
            if not _caught_up(path, seen, replacement):
                return None
            if _named(temporary, log.entry_path(path, seen.version + 1)):
                break
    finally:
        temporary.unlink(missing_ok=True)
    log.sync_entries(path, seen.version + 1)
    return seen.version + 1


def _caught_up(path: Path, seen: log.Snapshot, replacement: Replacement) -> bool:
    while log.entry_path(path, seen.version + 1).exists():
        entry = log.read_entry(path, seen.version + 1)
        if replacement.is_overtaken(entry):
            return False
        seen.apply(entry)
    # Where the log was cleaned up past us, the next version's name would be free again.
    return log.is_history(path, seen)


def _named(temporary: Path, entry: Path) -> bool:
    try:
        os.link(temporary, entry)
    except FileExistsError:
        return False
    return True


def _add(file: log.File, now_ms: int) -> dict[str, object]:
    statistics = msgspec.json.encode({"numRecords": file.rows}).decode()
    return {
        "add": {
            "path": quote(file.path, safe=_PATH),
            "partitionValues": {"kind": file.kind},
            "size": file.size,
            "modificationTime": now_ms,
            "dataChange": False,
            "stats": statistics,
        }
    }


def _remove(file: log.File, now_ms: int) -> dict[str, object]:
    return {
        "remove": {
            "path": quote(file.path, safe=_PATH),
            "deletionTimestamp": now_ms,
            "dataChange": False,
            "extendedFileMetadata": True,
            "partitionValues": {"kind": file.kind},
            "size": file.size,
        }
    }
