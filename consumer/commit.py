"""A commit of ours that replaces files of the store by others that hold the same rows.

Words used here:
    replaced: the files that go; their rows are in the new ones.
    overtaken: another commit took one of them first; then nothing of ours is committed.

Delta's own commit is no use here: through a handle that has not seen the other one it commits a
second replacement of the same files, and every row is there twice (deltalake 1.6.6, seen). So the
entry is ours.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from consumer import entry, log
from consumer.parts import Part


@dataclass(frozen=True)
class Replacement:
    """Files that stand for others.

    Attributes:
        replaced: those that go.
        added: those that come, on the disk already.
        operation: for people who look at the log.
    """

    replaced: Collection[log.File]
    added: Collection[Part]
    operation: str

    def is_overtaken(self, other: log.Entry) -> bool:
        """Whether a commit took one of the files, or made another table of it."""
        gone = any(file.path in other.removes for file in self.replaced)
        return gone or other.table is not None

    def content(self, now_ms: int) -> bytes:
        """Of the log entry."""
        changes = [entry.remove(file, now_ms, data_change=False) for file in self.replaced]
        changes += [entry.add(part, data_change=False) for part in self.added]
        return entry.content(self.operation, changes, now_ms)


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
    with entry.draft(path, replacement.content(time.time_ns() // 1_000_000)) as draft:
        while True:
            if not _caught_up(path, seen, replacement):
                return None
            if entry.named(draft, log.entry_path(path, seen.version + 1)):
                break
    log.sync_entries(path, seen.version + 1)
    return seen.version + 1


def _caught_up(path: Path, seen: log.Snapshot, replacement: Replacement) -> bool:
    while log.entry_path(path, seen.version + 1).exists():
        other = log.read_entry(path, seen.version + 1)
        if replacement.is_overtaken(other):
            return False
        seen.apply(other)
    # Where the log was cleaned up past us, the next version's name would be free again.
    return log.is_history(path, seen)
