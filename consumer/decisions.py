"""What people decided about ids, as far as the store's files tell: merges."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from consumer import log, merges, parts
from consumer.merges import Merge
from consumer.rows import SCHEMA

_MERGES = pa.schema([SCHEMA.field(name) for name in merges.COLUMNS])


class Decisions:
    """Grows with the files that it sees; each is read once.

    Attributes:
        merges: all of them, in the order in which they apply.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.merges: tuple[Merge, ...] = ()

    def see(self, files: Iterable[log.File]) -> None:
        """Take in what these files add; those of other kinds are passed over.

        Raises:
            FileNotFoundError: one is gone.
            StoreDamaged: one cannot be read.
        """
        new = [
            merge
            for file in files
            if file.kind == merges.KIND
            for merge in merges.read(parts.read(self._path, file, _MERGES))
        ]
        if new:
            self.merges = tuple(sorted({*self.merges, *new}))


def of(path: Path) -> Decisions:
    """Those of the store as it is now; none where there is no store."""
    decisions, snapshot = Decisions(path), log.replay(path)
    if snapshot is not None:
        decisions.see(snapshot.files.values())
    return decisions
