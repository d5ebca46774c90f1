"""The decisions that the store holds: merges, erasures and visibility of ids, and quarantines."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from consumer.ids import erasures, merges, quarantines, visibility
from consumer.ids.erasures import Erasures, Record
from consumer.ids.merges import Merge
from consumer.ids.quarantines import Quarantine, Quarantines
from consumer.ids.visibility import Visibility
from consumer.table import delta_log, parquet, schema
from consumer.table.schema import Side

Row = TypeVar("Row")


class Decisions:
    """Those of the files read so far.

    Attributes:
        merges: those of ids that are not erased, in the order in which they apply.
        all_merges: also those of erased ids, until their files are rewritten.
        records: all rows of erasures, in the order of time.
        erasures: which ids are erased.
        all_quarantines: all decisions about sources, in the order in which they apply.
        quarantines: which sources are quarantined.
        visibility: decisions about ids that are not erased, in the order in which they apply.
        all_visibility: also those of erased ids, until their files are rewritten.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.merges: tuple[Merge, ...] = ()
        self.all_merges: tuple[Merge, ...] = ()
        self.records: tuple[Record, ...] = ()
        self.erasures: Erasures = erasures.NONE
        self.all_quarantines: tuple[Quarantine, ...] = ()
        self.quarantines: Quarantines = {}
        self.visibility: tuple[Visibility, ...] = ()
        self.all_visibility: tuple[Visibility, ...] = ()

    def see(self, files: Iterable[delta_log.File]) -> None:
        """Read what these files add; files of other kinds are skipped.

        Raises:
            FileNotFoundError: one is gone.
            StoreDamaged: one cannot be read.
            StoreUnusable: there are erasures, and their key is missing.
        """
        files = list(files)
        # Erasures first: they decide which merges apply.
        new = self._read(files, erasures.KIND, erasures.COLUMNS, erasures.read)
        if new:
            self.records = tuple(sorted({*self.records, *new}))
            hashes = {(record.side, record.hash) for record in self.records}
            # A new status of a known erasure adds no hash: the object, and its cache, stay.
            if len(hashes) != len(self.erasures):
                self.erasures = Erasures(erasures.load_key(self._path), hashes)
        self._see_ids(files, is_erasing=bool(new))
        decided = self._read(files, quarantines.KIND, quarantines.COLUMNS, quarantines.read)
        if decided:
            self.all_quarantines = tuple(sorted({*self.all_quarantines, *decided}))
            self.quarantines = quarantines.resolve(self.all_quarantines)

    def _see_ids(self, files: Iterable[delta_log.File], *, is_erasing: bool) -> None:
        merged = self._read(files, merges.KIND, merges.COLUMNS, merges.read)
        decided = self._read(files, visibility.KIND, visibility.COLUMNS, visibility.read)
        if not (merged or decided or is_erasing):
            return
        self.all_merges = tuple(sorted({*self.all_merges, *merged}))
        self.merges = tuple(
            each for each in self.all_merges if not self._is_erased(each.side, each.gone, each.kept)
        )
        self.all_visibility = tuple(sorted({*self.all_visibility, *decided}))
        self.visibility = tuple(
            each for each in self.all_visibility if not self._is_erased(each.side, each.identity)
        )

    def _is_erased(self, side: Side, *ids: str) -> bool:
        return any(self.erasures.gone(side, identity) for identity in ids)

    def _read(
        self,
        files: Iterable[delta_log.File],
        kind: str,
        columns: Iterable[str],
        parse: Callable[[pa.Table], list[Row]],
    ) -> list[Row]:
        wanted = schema.columns(columns)
        tables = (parquet.read(self._path, file, wanted) for file in files if file.kind == kind)
        return [each for table in tables for each in parse(table)]


class CurrentDecisions:
    """The decisions as of now; each call reads only what was committed since the last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: delta_log.Snapshot | None = None
        self._decisions = Decisions(path)

    def erasures(self) -> Erasures:
        """Which ids are erased; costs one look at a file's name where nothing was ever erased.

        Raises:
            StoreDamaged, StoreUnusable: see `Decisions.see`.
        """
        if erasures.has_key(self._path):
            try:
                self._catch_up()
            # Once more, from the newest snapshot.
            except FileNotFoundError:  # files were compacted away after the log was read
                self._seen = None
                self._catch_up()
        return self._decisions.erasures

    def _catch_up(self) -> None:
        seen = self._seen
        if seen is None or not delta_log.is_history(self._path, seen):
            self._seen = delta_log.replay(self._path)
            self._decisions = Decisions(self._path)
            self._decisions.see(self._seen.files.values() if self._seen else ())
            return
        for entry in delta_log.following(self._path, seen.version):
            self._decisions.see(entry.added)
            seen.apply(entry)


def read(path: Path) -> Decisions:
    """The decisions in the store as it is now; none where there is no store."""
    decisions, snapshot = Decisions(path), delta_log.replay(path)
    if snapshot is not None:
        decisions.see(snapshot.files.values())
    return decisions
