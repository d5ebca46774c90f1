"""The interaction store: a Delta table that takes rows and Kafka positions in one commit.

Words used here:
    position: the next offset to read of a partition; the store holds one per app id.
    span: what a batch covers of a partition, from the position it starts at to the one after it.
    guard 1: Delta refuses a commit through a handle that has not seen the last one of the app id.
    guard 2: right before the commit, on the same handle, each position equals its span's start.
    handle: ``DeltaTable``; one thread owns it, nothing refreshes it between guard 2 and commit.

A batch is acknowledged when ``append`` returns: its Parquet files, their folders and the log
entry are on the disk by then.
"""

import logging
import os
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from consumer.deadline import Deadline
from consumer.errors import LostPartition, StoreBusy, StoreUnusable, StoreUnwritten
from consumer.ids import erasures, merges, quarantines, redactor, visibility
from consumer.ids.decisions import CurrentDecisions
from consumer.ids.erasures import Erasures
from consumer.table import delta_log, durable, parquet, write_lock
from consumer.table.delta import NO_HOOKS, check_path, open_handle, upgrade
from consumer.table.delta_log import Span
from consumer.table.parquet import Part
from consumer.table.schema import SCHEMA
from consumer.table.write_lock import WritersPaused

logger = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""How long an append retries against other writers."""

_STALE_S = 600.0
_JITTER_S = 0.05
_CREATION_ACTIONS = 2  # in the first entry: the protocol and the table
_KINDS = ("event", "dead", merges.KIND, erasures.KIND, quarantines.KIND, visibility.KIND)
_CONFIGURATION: dict[str, str | None] = {
    # Statistics stay in the log after a row is erased: so there are none of ids and names.
    "delta.dataSkippingStatsColumns": ",".join(parquet.STATISTICS),
    # Maintenance decides when, so that a reader that is behind finds the log it needs.
    "delta.enableExpiredLogCleanup": "false",
    # Longer than maintenance keeps a replaced file; all of them are in every checkpoint.
    "delta.deletedFileRetentionDuration": "interval 15 minutes",
    delta_log.FORMAT_KEY: str(delta_log.FORMAT),
}


class Store:
    """The table, opened for appending. One thread uses it; a second process opens its own."""

    def __init__(
        self, *, path: Path, table: DeltaTable, on_step: Callable[[str], None] = lambda _step: None
    ) -> None:
        self._path = path
        self._table = table
        self._pointer = _pointer(path)
        self._seen = delta_log.follow(path, delta_log.Snapshot(-1, b""), table.version())
        self._on_step = on_step
        self._decisions = CurrentDecisions(path)

    @classmethod
    def open(cls, path: Path, *, on_step: Callable[[str], None] = lambda _step: None) -> Self:
        """Open the store: create it where it is missing, repair it after a power cut.

        A store of an older format is upgraded; consumers that have it open continue.

        Args:
            path: the table's folder.
            on_step: called at each step of an append, for tests that stop there.

        Raises:
            StoreUnusable: the folder cannot be written, or holds another table.
            StoreDamaged: the table cannot be read.
            StoreNewer: a newer gigstream has written it.
            StoreBusy: it is of an older format, and other writers won for too long.
        """
        path = path.absolute()
        check_path(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            with durable.lock_file(path / ".lock") as lock:
                durable.lock(lock)
                # Repair, create, upgrade, in this order, under one lock: two consumers may start at
                # once, and Delta refuses to open a table whose newest entry is torn.
                delta_log.repair(path)
                if not delta_log.versions(path):
                    _create(path)
                upgrade(path, patience_s=PATIENCE_S)
                # Also those made by a process that died before it flushed them: rows rely on them.
                durable.sync(_folders(path))
        except OSError as error:
            raise StoreUnusable(path, error) from None
        table = open_handle(path)
        delta_log.sync_entries(path, table.version())
        return cls(path=path, table=table, on_step=on_step)

    def positions(self, app_ids: Iterable[str]) -> dict[str, int | None]:
        """Position of each partition as of the last refresh; None: nothing of it is stored."""
        # Not from the handle: it reads its log for each id, 1 to 10 ms.
        return {name: self._seen.positions.get(name) for name in app_ids}

    @property
    def app_ids(self) -> frozenset[str]:
        """All partitions that it holds a position of, as of the last refresh."""
        return frozenset(self._seen.positions)

    @property
    def file_sizes(self) -> list[int]:
        """Sizes of its files in bytes, as of the last commit or refresh."""
        return [each.size for each in self._seen.files.values()]

    def refresh(self) -> None:
        """Open a new handle, which sees what others have committed."""
        self._open()
        self._catch_up()

    def append(
        self, table: pa.Table, spans: Mapping[str, Span], *, patience_s: float = PATIENCE_S
    ) -> int:
        """Commit rows and positions together, durably, once.

        Args:
            table: rows of ``schema.SCHEMA``; may be empty where only positions move.
            spans: by app id, what the rows cover.
            patience_s: how long to try again when other writers win.

        Returns:
            The version of the commit.

        Raises:
            LostPartition: guard 2 failed; nothing was committed.
            StoreBusy: other writers won for too long; nothing was committed.
            StoreUnwritten: the disk is full or fails.
        """
        deadline = Deadline(patience_s)
        files = _Files(self._path, table)
        while True:
            try:
                # From the first file on: an erasure deletes files that are not committed by then.
                with write_lock.shared(self._path, patience_s=deadline.left_s):
                    return self._commit(files.fresh(self._decisions.erasures()), spans)
            except WritersPaused as error:
                raise StoreBusy(self._path, error) from None
            except DeltaError as error:
                if deadline.is_over:
                    raise StoreBusy(self._path, error) from None
                logger.debug("Commit lost to another writer: %s", error)
            except OSError as error:
                raise StoreUnwritten(self._path, error) from None
            # Random, so that writers that lost the same race do not meet again.
            time.sleep(random.uniform(0, _JITTER_S))
            self.refresh()

    def _commit(self, adds: list[AddAction], spans: Mapping[str, Span]) -> int:
        self._on_step("parquet_written")
        before, mark = self._table.version(), uuid.uuid4().hex
        # Guard 2, on the handle that commits. Between here and the commit nothing refreshes it, so
        # guard 1 refuses the commit if another consumer was faster.
        self._check_positions(spans)
        self._table.create_write_transaction(
            [*adds],
            mode="append",
            schema=self._table.schema(),
            partition_by=["kind"],
            commit_properties=CommitProperties(
                custom_metadata={"batch": mark, delta_log.ACTIONS: len(adds) + len(spans)},
                app_transactions=[Transaction(name, span.end) for name, span in spans.items()],
            ),
            post_commithook_properties=NO_HOOKS,
        )
        version = self._synced(mark, before)
        if version is None or not delta_log.entry_path(self._path, before).exists():
            self._check_visible(adds, spans)
        self._on_step("after_commit")
        self._advance()
        return self._seen.version if version is None else version

    def _synced(self, mark: str, before: int) -> int | None:
        """The version of our entry, now on the disk; None: it was cleaned up before we looked."""
        version = before + 1
        try:
            while mark not in delta_log.entry_path(self._path, version).read_text():
                version += 1
            # The entries before ours too: a torn one among them would hide ours.
            between = range(before + 1, version + 1)
            durable.sync([delta_log.entry_path(self._path, number) for number in between])
        except FileNotFoundError:
            return None
        durable.sync([self._path / delta_log.FOLDER])
        return version

    def _check_positions(self, spans: Mapping[str, Span]) -> None:
        held = self.positions(spans)
        lost = [name for name, span in spans.items() if (held[name] or 0) != (span.start or 0)]
        if lost:
            raise LostPartition(lost)

    def _check_visible(self, adds: Iterable[AddAction], spans: Mapping[str, Span]) -> None:
        """Check that our entry is in the log that others read, after a clean-up of the log.

        If this process was stopped during its commit while others committed, clean-up may have
        freed the name of the version that we then took, before the first entry of the log.
        Clean-up deletes the oldest entries first: while the entry before ours exists, so does ours.

        Raises:
            DeltaError: it is not; the batch is to be committed again.
        """
        self.refresh()
        visible = all(
            (self._seen.positions.get(name) or 0) >= span.end for name, span in spans.items()
        )
        if not visible or not (spans or all(add.path in self._seen.files for add in adds)):
            raise DeltaError("the log was cleaned up past this commit")

    def _advance(self) -> None:
        # The commit did not advance its own handle. The batch is stored: a failure here must not
        # make the caller commit it again.
        if self._pointer == _pointer(self._path):
            try:
                self._table.update_incremental()
            except DeltaError:
                self._open()
        else:
            # At each commit a handle reads all entries since the checkpoint that it was opened at.
            self._open()
        self._catch_up()

    def _open(self) -> None:
        self._pointer = _pointer(self._path)
        self._table = open_handle(self._path)
        delta_log.sync_entries(self._path, self._table.version())

    def _catch_up(self) -> None:
        # To the version of the handle, never beyond: guard 2 checks what the handle has seen.
        self._seen = delta_log.follow(self._path, self._seen, self._table.version())


class _Files:
    """A batch's Parquet files: written, on the disk, and young enough to be committed."""

    def __init__(self, path: Path, table: pa.Table) -> None:
        self._path = path
        self._table = table
        self._parts: list[Part] = []
        self._written_at: float | None = None
        self._erased = 0

    def fresh(self, erased: Erasures = erasures.NONE) -> list[AddAction]:
        """The files, written again where clean-up may have deleted them as orphans.

        Files that are not committed stay as orphans: a commit that was reported as failed may
        have succeeded, and then the files hold rows.

        Args:
            erased: ids whose rows are left out.
        """
        # Clean-up deletes orphans after an hour, an erasure deletes them at once.
        now = time.monotonic()
        is_old = (
            self._written_at is None
            or now - self._written_at > _STALE_S
            or (not all((self._path / part.path).exists() for part in self._parts))
        )
        if is_old or len(erased) > self._erased:
            self._leave_out(erased)
            self._parts = [part for kind in _KINDS if (part := self._write(kind))]
            self._written_at = now
        return [
            AddAction(
                path=part.path,
                size=part.size,
                partition_values={"kind": part.kind},
                modification_time=part.modified_ms,
                data_change=True,
                stats=part.stats,
            )
            for part in self._parts
        ]

    def _leave_out(self, erased: Erasures) -> None:
        kept = redactor.redacted(self._table, erased)
        left_out = self._table.num_rows - kept.num_rows
        if left_out:
            logger.info("Left out %d rows of erased artists or venues", left_out)
        self._table, self._erased = kept, len(erased)

    def _write(self, kind: str) -> Part | None:
        rows = _of_kind(self._table, kind).drop_columns(["kind"])
        return parquet.write(self._path, kind, [rows]) if rows.num_rows else None


def _of_kind(table: pa.Table, kind: str) -> pa.Table:
    """The rows of a kind; a chunk that holds no other is not copied."""
    chunks = []
    for chunk in table.to_batches():
        wanted = pc.equal(chunk["kind"], kind)
        # Batches of the loop are mostly of one kind: no copy then.
        chunks.append(chunk if pc.all(wanted).as_py() else chunk.filter(wanted))
    return pa.Table.from_batches(chunks, table.schema)


def _pointer(path: Path) -> int:
    """The time of the pointer to the last checkpoint; it changes with the checkpoint."""
    try:
        return delta_log.pointer_path(path).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _create(path: Path) -> None:
    try:
        DeltaTable.create(
            path,
            SCHEMA,
            partition_by=["kind"],
            configuration=_CONFIGURATION,
            commit_properties=CommitProperties(
                custom_metadata={delta_log.ACTIONS: _CREATION_ACTIONS}
            ),
            raise_if_key_not_exists=False,
        )
    except DeltaError:
        if not delta_log.versions(path):
            raise
        return  # another machine was first; it does not see our lock
    durable.sync([delta_log.entry_path(path, 0), path / delta_log.FOLDER])


def _folders(path: Path) -> Iterator[Path]:
    """The table's folder and those above it in which it, or one on the way, may have been made."""
    yield path
    yield from takewhile(lambda folder: os.access(folder, os.R_OK | os.W_OK), path.parents)
