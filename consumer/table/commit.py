"""Log entries that we write ourselves: files of the table replaced by other files.

Delta's own commit is no use here: through a handle that has not seen a concurrent replacement of
the same files it commits a second one, and every row is stored twice (deltalake 1.6.6, seen).

An entry is whole and on the disk before it gets its name, and a name is given only once: a commit
is there or not, and never in the place of another one.
"""

import os
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from consumer.table import delta_log, durable, store_clock
from consumer.table.parquet import Part

Action = dict[str, Any]

_PATH = "/=-_."


@dataclass(frozen=True)
class Replacement:
    """Files that take the place of others.

    Attributes:
        replaced: the files that go.
        added: the files that come, on the disk already.
        operation: for readers of the log.
        data_change: whether their rows are others, so that readers must forget the old ones.
    """

    replaced: Collection[delta_log.File]
    added: Collection[Part]
    operation: str
    data_change: bool = False

    def is_overtaken(self, other: delta_log.Entry) -> bool:
        """Whether a commit removed one of the files, or changed the table as a whole."""
        # Rows of a file that another commit removed must not come back with our file.
        gone = any(file.path in other.removes for file in self.replaced)
        return gone or other.table is not None

    def content(self, now_ms: int) -> bytes:
        """The bytes of the log entry, one action per line."""
        changes = [_remove(file, now_ms, data_change=self.data_change) for file in self.replaced]
        changes += [_add(part, data_change=self.data_change) for part in self.added]
        info = {"timestamp": now_ms, "operation": self.operation, "operationParameters": {}}
        # The number of actions tells a torn entry, even where the tear is at the end of a line.
        info[delta_log.ACTIONS] = len(changes)
        lines = [{"commitInfo": info}, *changes]
        return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def replace(path: Path, seen: delta_log.Snapshot, replacement: Replacement) -> int | None:
    """Commit it after whatever others commit meanwhile; appends do not conflict with it.

    Args:
        path: the table's folder.
        seen: where the replaced files were found; advanced to the version before ours.
        replacement: what to commit.

    Returns:
        The version, durable; None: another commit removed one of the files first.

    Raises:
        TornEntry: the newest entry is torn.
    """
    # The files are on the disk already (`parquet.write`): the entry may name them.
    with _draft(path, replacement) as file:
        while True:
            if not _catch_up(path, seen, replacement):
                return None
            if _publish(file, delta_log.entry_path(path, seen.version + 1)):
                break
    delta_log.sync_entries(path, seen.version + 1)
    return seen.version + 1


def _catch_up(path: Path, seen: delta_log.Snapshot, replacement: Replacement) -> bool:
    while delta_log.entry_path(path, seen.version + 1).exists():
        other = delta_log.read_entry(path, seen.version + 1)
        if replacement.is_overtaken(other):
            return False
        seen.apply(other)
    # If the log was cleaned up beyond us, the next version's name is free although it was used.
    return delta_log.is_history(path, seen)


def replace_at(path: Path, version: int, replacement: Replacement) -> bool:
    """Commit it as this version; false where another commit has that.

    Args:
        path: the table's folder, which the caller has alone (`write_lock.exclusive`).
        version: the next one.
        replacement: what to commit.
    """
    with _draft(path, replacement) as file:
        if not _publish(file, delta_log.entry_path(path, version)):
            return False
    durable.sync([path / delta_log.FOLDER])
    return True


def _add(part: Part, *, data_change: bool) -> Action:
    return {
        "add": {
            "path": quote(part.path, safe=_PATH),
            "partitionValues": {"kind": part.kind},
            "size": part.size,
            "modificationTime": part.modified_ms,
            "dataChange": data_change,
            "stats": part.stats,
        }
    }


def _remove(file: delta_log.File, now_ms: int, *, data_change: bool) -> Action:
    return {
        "remove": {
            "path": quote(file.path, safe=_PATH),
            "deletionTimestamp": now_ms,
            "dataChange": data_change,
            "extendedFileMetadata": True,
            "partitionValues": {"kind": file.kind},
            "size": file.size,
        }
    }


@contextmanager
def _draft(path: Path, replacement: Replacement) -> Iterator[Path]:
    """The entry without a name yet, on the disk; deleted at the end."""
    file = path / delta_log.FOLDER / f"_commit_{uuid.uuid4()}.json.tmp"
    try:
        file.write_bytes(replacement.content(store_clock.now_ms(path)))
        durable.sync([file])
        yield file
    finally:
        file.unlink(missing_ok=True)


def _publish(file: Path, entry: Path) -> bool:
    """Give a draft its name; false where another entry has it."""
    try:
        # A link fails where the name exists; a rename would replace another writer's commit.
        os.link(file, entry)
    except FileExistsError:
        return False
    return True
