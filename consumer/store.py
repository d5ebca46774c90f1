"""The interaction store: a Delta table that takes rows and Kafka positions in one commit.

Words used here:
    position: the next offset to read of a partition; the store holds one per app id.
    span: what a batch covers of a partition, from the position it starts at to the one after it.
    guard 1: Delta refuses a commit through a handle that has not seen the app id's last one.
    guard 2: on that same handle, right before the commit, each position equals its span's start.
    handle: ``DeltaTable``; one thread owns it, nothing refreshes it between guard 2 and commit.

A batch is acknowledged when ``append`` returns: its Parquet files, their folders and the log
entry are on the disk by then.
"""

import fcntl
import logging
import os
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from consumer import erasures, log, merges, parts, sieve, writers
from consumer.decisions import Current
from consumer.erasures import Erasures
from consumer.errors import LostPartition, StoreBusy, StoreUnusable, StoreUnwritten
from consumer.handle import NO_HOOKS, open_handle
from consumer.parts import Part
from consumer.rows import SCHEMA
from consumer.upgrade import upgrade
from consumer.writers import WritersPaused

logger = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""How long an append tries again against other writers."""

_STALE_S = 600.0
_JITTER_S = 0.05
_OF_CREATION = 2  # actions of the first entry: the protocol and the table
_KINDS = ("event", "dead", merges.KIND, erasures.KIND)
_CONFIGURATION: dict[str, str | None] = {
    # Statistics live on in the log after a row is erased: none of ids and names.
    "delta.dataSkippingStatsColumns": ",".join(parts.STATISTICS),
    # Upkeep decides when, so that a reader that is behind finds the log it needs.
    "delta.enableExpiredLogCleanup": "false",
    # Longer than upkeep leaves a replaced file; all of them are in every checkpoint.
    "delta.deletedFileRetentionDuration": "interval 15 minutes",
    log.FORMAT_KEY: str(log.FORMAT),
}


class Span(NamedTuple):
    """What a batch covers of a partition.

    Attributes:
        start: the position that the store holds before it; None or 0: nothing is stored yet.
        end: the position that it will hold.
    """

    start: int | None
    end: int


def app_id(cluster_id: str, topic_id: str, partition: int) -> str:
    """The store's name of a partition."""
    return f"{cluster_id}/{topic_id}/{partition}"


def _nothing(_step: str) -> None:
    pass


class Store:
    """The table, opened for appending. One thread uses it; a second process opens its own."""

    def __init__(
        self, *, path: Path, table: DeltaTable, on_step: Callable[[str], None] = _nothing
    ) -> None:
        self._path = path
        self._table = table
        self._pointer = _pointer(path)
        self._seen = log.follow(path, log.Snapshot(-1, b""), table.version())
        self._on_step = on_step
        self._decisions = Current(path)

    @classmethod
    def open(cls, path: Path, *, on_step: Callable[[str], None] = _nothing) -> Self:
        """Open the store: made where it is missing, mended where a power cut tore its end.

        One of an older format is upgraded; consumers that have it open go on.

        Args:
            path: the table's folder.
            on_step: told of each step of an append, for tests that stop there.

        Raises:
            StoreUnusable: the folder cannot be written, or holds another table.
            StoreDamaged: the table cannot be read.
            StoreNewer: a newer gigstream has written it.
            StoreBusy: it is of an older format, and other writers kept us from upgrading it.
        """
        path = path.absolute()
        try:
            with _locked(path):
                log.mend(path)
                if not log.versions(path):
                    _create(path)
                upgrade(path, patience_s=PATIENCE_S)
                # Of a process that died before it did so, too: what is stored here relies on them.
                log.sync(_on_the_way(path))
        except OSError as error:
            raise StoreUnusable(path, error) from None
        table = open_handle(path)
        log.sync_entries(path, table.version())
        return cls(path=path, table=table, on_step=on_step)

    def positions(self, app_ids: Iterable[str]) -> dict[str, int | None]:
        """Position of each partition as of the last refresh; None: nothing of it is stored."""
        # Asking the handle costs 1 to 10 ms for each id: it reads its log every time.
        return {name: self._seen.positions.get(name) for name in app_ids}

    @property
    def app_ids(self) -> frozenset[str]:
        """All partitions that it holds a position of, as of the last refresh."""
        return frozenset(self._seen.positions)

    def refresh(self) -> None:
        """See what others have committed: a new handle."""
        self._open()
        self._catch_up()

    def append(
        self, table: pa.Table, spans: Mapping[str, Span], *, patience_s: float = PATIENCE_S
    ) -> int:
        """Commit rows and positions together, durably, once.

        Args:
            table: rows of ``rows.SCHEMA``; may be empty where only positions move.
            spans: by app id, what the rows cover.
            patience_s: how long to try again when other writers win.

        Returns:
            The version of the commit.

        Raises:
            LostPartition: guard 2 failed; nothing was committed.
            StoreBusy: other writers won for too long; nothing was committed.
            StoreUnwritten: the disk is full or fails.
        """
        give_up_at = time.monotonic() + patience_s
        files = _Files(self._path, table)
        while True:
            try:
                # From the first file on: what is not committed by then is an erasure's to remove.
                with writers.shared(self._path, patience_s=give_up_at - time.monotonic()):
                    return self._commit(files.fresh(self._decisions.erasures()), spans)
            except WritersPaused as error:
                raise StoreBusy(self._path, error) from None
            except DeltaError as error:
                if time.monotonic() > give_up_at:
                    raise StoreBusy(self._path, error) from None
                logger.debug("Commit lost to another writer: %s", error)
            except OSError as error:
                raise StoreUnwritten(self._path, error) from None
            time.sleep(random.uniform(0, _JITTER_S))
            self.refresh()

    def _commit(self, adds: list[AddAction], spans: Mapping[str, Span]) -> int:
        self._on_step("parquet_written")
        before, mark = self._table.version(), uuid.uuid4().hex
        self._check_positions(spans)
        self._table.create_write_transaction(
            [*adds],
            mode="append",
            schema=self._table.schema(),
            partition_by=["kind"],
            commit_properties=CommitProperties(
                custom_metadata={"batch": mark, log.ACTIONS: len(adds) + len(spans)},
                app_transactions=[Transaction(name, span.end) for name, span in spans.items()],
            ),
            post_commithook_properties=NO_HOOKS,
        )
        version = self._synced(mark, before)
        if version is None or not log.entry_path(self._path, before).exists():
            self._check_told(adds, spans)
        self._on_step("after_commit")
        self._advance()
        return self._seen.version if version is None else version

    def _synced(self, mark: str, before: int) -> int | None:
        """The version of our entry, on the disk now; None: cleaned up before we looked."""
        try:
            version = self._version_of(mark, before)
            # Those before ours too: a torn one in the middle would hide ours behind it.
            between = range(before + 1, version + 1)
            log.sync([log.entry_path(self._path, number) for number in between])
        except FileNotFoundError:
            return None
        log.sync([self._path / log.FOLDER])
        return version

    def _check_positions(self, spans: Mapping[str, Span]) -> None:
        held = self.positions(spans)
        lost = [name for name, span in spans.items() if (held[name] or 0) != (span.start or 0)]
        if lost:
            raise LostPartition(lost)

    def _check_told(self, adds: Iterable[AddAction], spans: Mapping[str, Span]) -> None:
        """Whether our entry is in the log that others read, now that it was cleaned up.

        Where we were held up in the midst of a commit while others stored on, the version after
        ours was free again, in front of the log's beginning. (Clean-up takes the oldest first: as
        long as the entry before ours is there, so is ours.)
        """
        self.refresh()
        told = all(
            (self._seen.positions.get(name) or 0) >= span.end for name, span in spans.items()
        )
        if not told or not (spans or all(add.path in self._seen.files for add in adds)):
            raise DeltaError("the log was cleaned up past this commit")

    def _version_of(self, mark: str, before: int) -> int:
        version = before + 1
        while mark not in log.entry_path(self._path, version).read_text():
            version += 1
        return version

    def _advance(self) -> None:
        # The commit did not advance its own handle. What is stored is stored: a failure here is
        # no reason to try again.
        if self._pointer == _pointer(self._path):
            try:
                self._table.update_incremental()
            except DeltaError:
                self._open()
        else:
            # A handle reads all entries since the checkpoint that it was opened at, at each commit.
            self._open()
        self._catch_up()

    def _open(self) -> None:
        self._pointer = _pointer(self._path)
        self._table = open_handle(self._path)
        log.sync_entries(self._path, self._table.version())

    def _catch_up(self) -> None:
        # To the version of the handle, never beyond: guard 2 speaks of what the handle has seen.
        self._seen = log.follow(self._path, self._seen, self._table.version())


class _Files:
    """A batch's Parquet files: written, on the disk, and young enough to be committed."""

    def __init__(self, path: Path, table: pa.Table) -> None:
        self._path = path
        self._table = table
        self._parts: list[Part] = []
        self._written_at: float | None = None
        self._erased = 0

    def fresh(self, erased: Erasures = erasures.NONE) -> list[AddAction]:
        """The files, written again where a clean-up may have taken them for orphans.

        What is not committed in the end stays as an orphan: a commit that was reported as
        failed may have got through, and then its files are rows.

        Args:
            erased: ids whose rows are left out.
        """
        now = time.monotonic()
        old = self._written_at is None or now - self._written_at > _STALE_S or self._cleared()
        if old or len(erased) > self._erased:
            self._leave_out(erased)
            self._parts = [part for kind in _KINDS if (part := self._write(kind))]
            self._written_at = now
        return [_action(part) for part in self._parts]

    def _leave_out(self, erased: Erasures) -> None:
        kept = sieve.sifted(self._table, erased)
        left_out = self._table.num_rows - kept.num_rows
        if left_out:
            logger.info("Left out %d rows of erased artists or venues", left_out)
        self._table, self._erased = kept, len(erased)

    def _cleared(self) -> bool:
        return not all((self._path / part.path).exists() for part in self._parts)

    def _write(self, kind: str) -> Part | None:
        rows = _of_kind(self._table, kind).drop_columns(["kind"])
        return parts.write(self._path, kind, [rows]) if rows.num_rows else None


def _action(part: Part) -> AddAction:
    return AddAction(
        path=part.path,
        size=part.size,
        partition_values={"kind": part.kind},
        modification_time=part.modified_ms,
        data_change=True,
        stats=part.stats,
    )


def _of_kind(table: pa.Table, kind: str) -> pa.Table:
    """The rows of a kind; a chunk that holds no other is not copied."""
    chunks = []
    for chunk in table.to_batches():
        wanted = pc.equal(chunk["kind"], kind)
        chunks.append(chunk if pc.all(wanted).as_py() else chunk.filter(wanted))
    return pa.Table.from_batches(chunks, table.schema)


def _pointer(path: Path) -> int:
    """Tells one last checkpoint from another."""
    try:
        return log.pointer_path(path).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _create(path: Path) -> None:
    try:
        DeltaTable.create(
            path,
            SCHEMA,
            partition_by=["kind"],
            configuration=_CONFIGURATION,
            commit_properties=CommitProperties(custom_metadata={log.ACTIONS: _OF_CREATION}),
            raise_if_key_not_exists=False,
        )
    except DeltaError:
        if not log.versions(path):
            raise
        return  # another machine, whose lock is not ours, was first
    log.sync([log.entry_path(path, 0), path / log.FOLDER])


def _on_the_way(path: Path) -> Iterator[Path]:
    """The table's folder and those above it in which it, or one on the way, may have been made."""
    yield path
    yield from takewhile(lambda folder: os.access(folder, os.R_OK | os.W_OK), path.parents)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
