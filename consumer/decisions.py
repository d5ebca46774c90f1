"""What people decided about ids, as far as the store's files tell: merges and erasures."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from consumer import erasures, log, merges, parts
from consumer.erasures import Erasures, Record
from consumer.merges import Merge
from consumer.rows import SCHEMA

Said = TypeVar("Said")


class Decisions:
    """Grows with the files that it sees; each is read once.

    Attributes:
        merges: all of ids that are not erased, in the order in which they apply.
        all_merges: those of erased ids too, until their files are rewritten.
        records: all rows of erasures, in the order of time.
        erasures: which ids are erased.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.merges: tuple[Merge, ...] = ()
        self.all_merges: tuple[Merge, ...] = ()
        self.records: tuple[Record, ...] = ()
        self.erasures: Erasures = erasures.NONE

    def see(self, files: Iterable[log.File]) -> None:
        """Take in what these files add; those of other kinds are passed over.

        Raises:
            FileNotFoundError: one is gone.
            StoreDamaged: one cannot be read.
            StoreUnusable: there are erasures, and their key is not there.
        """
        files = list(files)
        new = self._read(files, erasures.KIND, erasures.COLUMNS, erasures.read)
        if new:
            self.records = tuple(sorted({*self.records, *new}))
            hashes = {(record.side, record.hash) for record in self.records}
            if len(hashes) != len(self.erasures):
                self.erasures = Erasures(erasures.load_key(self._path), hashes)
        said = self._read(files, merges.KIND, merges.COLUMNS, merges.read)
        if said or new:
            self.all_merges = tuple(sorted({*self.all_merges, *said}))
            concern = self.erasures.concern
            self.merges = tuple(merge for merge in self.all_merges if not concern(merge))

    def _read(
        self,
        files: Iterable[log.File],
        kind: str,
        columns: Iterable[str],
        of_rows: Callable[[pa.Table], list[Said]],
    ) -> list[Said]:
        schema = pa.schema([SCHEMA.field(name) for name in columns])
        tables = (parts.read(self._path, file, schema) for file in files if file.kind == kind)
        return [each for table in tables for each in of_rows(table)]


class Current:
    """The decisions as of now, read on from where the last look ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: log.Snapshot | None = None
        self._decisions = Decisions(path)

    def erasures(self) -> Erasures:
        """Which ids are erased; one look at a file's name where nothing ever was.

        Raises:
            StoreDamaged, StoreUnusable: see `Decisions.see`.
        """
        if erasures.has_key(self._path):
            try:
                self._read_on()
            except FileNotFoundError:  # files were compacted away between log and look
                self._seen = None
                self._read_on()
        return self._decisions.erasures

    def _read_on(self) -> None:
        seen = self._seen
        if seen is None or not log.is_history(self._path, seen):
            self._seen = log.replay(self._path)
            self._decisions = Decisions(self._path)
            self._decisions.see(self._seen.files.values() if self._seen else ())
            return
        for entry in log.following(self._path, seen.version):
            self._decisions.see(entry.added)
            seen.apply(entry)


def of(path: Path) -> Decisions:
    """Those of the store as it is now; none where there is no store."""
    decisions, snapshot = Decisions(path), log.replay(path)
    if snapshot is not None:
        decisions.see(snapshot.files.values())
    return decisions
