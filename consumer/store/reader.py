"""The reader of the store: what was committed since the last call, commit by commit.

Words used here:
    chunk: the rows of some commits, in no defined order.
    reset: the store was rewritten, is older than it was or is another one, was cleaned up while the
        reader was behind, or other sources are quarantined: forget all that was read, the chunk
        holds everything.
    mark: tells clean-up how far a reader has read, so that it keeps what the reader still needs.

It reads the log and the Parquet files by itself. Delta's own ``to_pyarrow_*`` must not be used:
with it the process aborts at its exit (deltalake 1.6.6, 9 runs of 12).
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

import pyarrow as pa

from consumer.errors import StoreDamaged, VersionGone
from consumer.ids.decisions import Decisions
from consumer.ids.quarantines import Quarantines
from consumer.store.chunk import Chunk, Pieces, count_events, load, stream_events
from consumer.table import delta_log
from consumer.table.extent import Extent, extent_of
from consumer.table.reader_marks import Mark
from consumer.table.schema import CODES, EVENT_SCHEMA

logger = logging.getLogger(__name__)

Made = TypeVar("Made")

_ATTEMPTS = 5


class ReaderState(NamedTuple):
    """State from which another reader can resume after a version; see `reader_state`.

    Attributes:
        version: the last version read.
        digest: of that version's log entry.
        files: the table's Parquet files at that version.
        rows: events in them.
        erasures: how many ids were erased by then.
        quarantines: which sources were quarantined then.
    """

    version: int
    digest: bytes
    files: frozenset[str]
    rows: int
    erasures: int
    quarantines: Quarantines = MappingProxyType({})


class Resumed(NamedTuple, Generic[Made]):
    """What was stored after a `ReaderState`.

    Attributes:
        result: of the call-back; some events may have been read before, as files were compacted.
        rows: how many events were added since.
    """

    result: Made
    rows: int


class StoreReader:
    """Follows a store that others append to.

    Args:
        path: the store's folder; it need not be there yet.
        columns: which columns of the events to read; all by default.
        coded: those of them to read as codes and dictionaries, as the files hold them.
    """

    def __init__(
        self, path: Path, *, columns: Sequence[str] | None = None, coded: Sequence[str] = ()
    ) -> None:
        self._path = path
        self._schema = _schema(columns, coded)
        self._seen: delta_log.Snapshot | None = None
        self._decisions = Decisions(path)
        self._mark: Mark | None = None

    def read(self) -> Chunk | None:
        """What was committed since the last call; None: nothing, or no store yet. Cheap to poll.

        Raises:
            StoreDamaged: the log has a hole, or a file of it is missing or unreadable.
            StoreNewer: a newer gigstream has written it.
        """
        return self.take(load)

    def take(self, taker: Callable[[Pieces], Made]) -> Made | None:
        """Pass what was committed since the last call to `taker`, piece by piece.

        `taker` is called a second time, with the whole store, where files are deleted while it
        reads. If it raises, the next call starts with the whole store.

        Returns:
            The result of `taker`; None: nothing was committed, or there is no store yet.

        Raises:
            StoreDamaged, StoreNewer: see `read`.
        """
        seen = self._seen
        # The last entry read must still be there to the byte: otherwise this is another store, or
        # an older copy of it.
        if seen is None or not delta_log.is_history(self._path, seen):
            return self._read_all(taker)
        entries = list(delta_log.following(self._path, seen.version))
        # After an erasure or a hole in the log the new entries alone do not describe the change.
        has_hole = delta_log.has_hole(self._path, seen.version + len(entries))
        if has_hole or any(entry.rewrites for entry in entries):
            return self._read_all(taker)
        if not entries:
            return None
        self._seen = None  # until `taker` has read all of it
        try:
            return self._read_more(seen, entries, taker)
        except FileNotFoundError:
            return self._read_all(taker)  # compacted and cleaned up while we were behind

    def resume(self, known: ReaderState, taker: Callable[[Pieces], Made]) -> Resumed[Made] | None:
        """Continue where another reader ended.

        Args:
            known: the state of that reader.
            taker: called with what was stored since, as by `take`.

        Returns:
            None where the state does not fit the store, or files were deleted while `taker` read:
            begin with `take`.

        Raises:
            StoreDamaged, StoreNewer: see `read`.
        """
        there = delta_log.versions(self._path)
        mark = Mark(self._path, there[-1]) if there else None
        snapshot, decisions = delta_log.replay(self._path), Decisions(self._path)
        if snapshot is None:
            return None
        try:
            if not _fits(self._path, snapshot, decisions, known):
                return None
            files = [file for name, file in snapshot.files.items() if name not in known.files]
            added = _pieces(self._path, snapshot, files, self._schema, decisions, reset=False)
            rows = count_events(snapshot.files.values()) - known.rows
            result = taker(added._replace(rows=max(rows, 0)))
        except FileNotFoundError:
            return None  # compacted and cleaned up meanwhile
        self._hold(snapshot, decisions, mark)
        return Resumed(result, rows)

    @property
    def last_read(self) -> tuple[int, bytes] | None:
        """The version that was read last, and the digest of its log entry."""
        return (self._seen.version, self._seen.digest) if self._seen else None

    @property
    def extent(self) -> Extent | None:
        """How much the store held when it was read last."""
        return extent_of(self._seen) if self._seen else None

    def _read_more(
        self,
        seen: delta_log.Snapshot,
        entries: Sequence[delta_log.Entry],
        taker: Callable[[Pieces], Made],
    ) -> Made | None:
        added = [file for entry in entries for file in entry.added]
        before = _narrowed(self._decisions)
        self._decisions.see(added)
        # Rows of the erased id, or of the source, were passed on before: only a reset makes the
        # caller forget them.
        if _narrowed(self._decisions) != before:
            return self._read_all(taker)
        # Applied only now: a failure above leaves the snapshot where it was.
        for entry in entries:
            seen.apply(entry)
        made = taker(_pieces(self._path, seen, added, self._schema, self._decisions, reset=False))
        self._hold(seen, self._decisions, self._mark)
        return made

    def _read_all(self, taker: Callable[[Pieces], Made]) -> Made | None:
        for _ in range(_ATTEMPTS):
            there = delta_log.versions(self._path)
            # The mark first: from here on clean-up keeps what the log, read next, names.
            mark = Mark(self._path, there[-1]) if there else None
            snapshot = delta_log.replay(self._path)
            if snapshot is None:
                return None
            decisions = Decisions(self._path)
            try:
                made = taker(_whole(self._path, snapshot, self._schema, decisions))
            except FileNotFoundError as error:
                logger.debug("The store was compacted while it was read: %s", error)
                continue
            self._hold(snapshot, decisions, mark)
            return made
        raise StoreDamaged(self._path, "files that its log names are missing")

    def _hold(self, seen: delta_log.Snapshot, decisions: Decisions, mark: Mark | None) -> None:
        self._seen, self._decisions, self._mark = seen, decisions, mark
        if mark is not None:
            mark.move(seen.version)


def read_at(
    path: Path, version: int, *, columns: Sequence[str] | None = None, coded: Sequence[str] = ()
) -> Chunk:
    """The whole store as it was at one version.

    Args:
        path: the table's folder.
        version: which one.
        columns: see `StoreReader`.
        coded: see `StoreReader`.

    Raises:
        VersionGone, StoreDamaged, StoreNewer: see `take_at`.
    """
    return take_at(path, version, load, columns=columns, coded=coded)


def take_at(
    path: Path,
    version: int,
    taker: Callable[[Pieces], Made],
    *,
    columns: Sequence[str] | None = None,
    coded: Sequence[str] = (),
) -> Made:
    """Pass the store as it was at one version to `taker`, piece by piece.

    Args:
        path: the table's folder.
        version: which one.
        taker: called once; its result is returned.
        columns: see `StoreReader`.
        coded: see `StoreReader`.

    Raises:
        VersionGone: there is no such version, or not any more.
        StoreDamaged: it cannot be read.
        StoreNewer: a newer gigstream had written it.
    """
    try:
        snapshot = delta_log.replay(path, version)
        if snapshot is not None:
            return taker(_whole(path, snapshot, _schema(columns, coded), Decisions(path)))
    except FileNotFoundError as error:
        raise VersionGone(path, f"version {version}: {error}") from None
    except StoreDamaged:
        if version in delta_log.versions(path):
            raise
    raise VersionGone(path, f"there is no version {version}")


def reader_state(path: Path, version: int) -> ReaderState:
    """State from which another reader can resume after this version.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    snapshot, decisions = delta_log.present(path, version), Decisions(path)
    decisions.see(snapshot.files.values())
    files, rows = frozenset(snapshot.files), count_events(snapshot.files.values())
    return ReaderState(snapshot.version, snapshot.digest, files, rows, *_narrowed(decisions))


def _fits(
    path: Path, snapshot: delta_log.Snapshot, decisions: Decisions, known: ReaderState
) -> bool:
    """Whether the table only grew, or was compacted, since that state."""
    versions = range(known.version, snapshot.version + 1)
    if not versions or delta_log.digest_of(path, known.version) != known.digest:
        return False
    # Compaction replaces files and keeps rows; an erasure removes rows, and voids the state.
    if any(delta_log.read_entry(path, version).rewrites for version in versions[1:]):
        return False
    decisions.see(snapshot.files.values())
    return _narrowed(decisions) == (known.erasures, known.quarantines)


def _narrowed(decisions: Decisions) -> tuple[int, Quarantines]:
    """What decides which of the stored events a reader uses."""
    return len(decisions.erasures), decisions.quarantines


def _whole(path: Path, seen: delta_log.Snapshot, schema: pa.Schema, known: Decisions) -> Pieces:
    files = list(seen.files.values())
    # Before the events are streamed: they are filtered by these erasures.
    known.see(files)
    return _pieces(path, seen, files, schema, known, reset=True)


def _pieces(
    path: Path,
    snapshot: delta_log.Snapshot,
    files: Sequence[delta_log.File],
    schema: pa.Schema,
    decisions: Decisions,
    *,
    reset: bool,
) -> Pieces:
    chunk = Chunk(
        version=snapshot.version,
        reset=reset,
        events=schema.empty_table(),
        dead=sum(file.rows for file in files if file.kind == "dead"),
        positions=dict(snapshot.positions),
        merges=decisions.merges,
        erasures=decisions.erasures,
        quarantines=decisions.quarantines,
        visibility=decisions.visibility,
    )
    return Pieces(
        chunk, count_events(files), stream_events(path, files, schema, decisions.erasures)
    )


def _schema(columns: Sequence[str] | None, coded: Sequence[str] = ()) -> pa.Schema:
    fields = [EVENT_SCHEMA.field(name) for name in columns or EVENT_SCHEMA.names]
    return pa.schema([f.with_type(CODES) if f.name in coded else f for f in fields])
