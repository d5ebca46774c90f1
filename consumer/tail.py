"""The reader of the store: what was committed since the last look, commit by commit.

Words used here:
    chunk: the rows of some commits, in no order that means anything.
    anew: the store was rewritten, is older than it was or is another one, or was cleaned up while
        we were away: forget all that was read, the chunk holds everything.
    mark: tells clean-up how far we have read, so that it leaves what we still need.

It reads the log and the Parquet files by themselves. Delta's own ``to_pyarrow_*`` must not be
used: with it the process aborts at its exit (deltalake 1.6.6, 9 runs of 12).
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import pyarrow as pa

from consumer import log
from consumer.chunk import Chunk, Pieces, events_of, gathered, rows_of
from consumer.decisions import Decisions
from consumer.errors import StoreDamaged, VersionGone
from consumer.marks import Mark
from consumer.rows import SCHEMA

logger = logging.getLogger(__name__)

Made = TypeVar("Made")

_OF_DEAD = {"raw", "raw_key", "raw_headers", "reason", "field"}
EVENT_SCHEMA = pa.schema([field for field in SCHEMA if field.name not in {"kind", *_OF_DEAD}])
"""Columns of a chunk's events."""

CODES = pa.dictionary(pa.int32(), pa.string())
"""The type of a column that comes as codes."""

_ATTEMPTS = 5


class Known(NamedTuple):
    """What a reader has of a store, so that another one can go on from there; see `known`.

    Attributes:
        version: read up to here, and nothing was taken out of the store until then.
        digest: of that version's log entry.
        files: Parquet files that are read.
        rows: events in them.
        erasures: ids that were erased by then.
    """

    version: int
    digest: bytes
    files: frozenset[str]
    rows: int
    erasures: int


class Resumed(NamedTuple, Generic[Made]):
    """What a reader lacked.

    Attributes:
        made: of its events; some that are known may be among them, as files were compacted since.
        rows: how many events came since.
    """

    made: Made
    rows: int


class Tail:
    """Follows a store that others append to.

    Args:
        path: the store's folder; it need not be there yet.
        columns: which columns of the events to read; all by default.
        coded: those of them that come as codes and dictionaries, as they lie in the files.
    """

    def __init__(
        self, path: Path, *, columns: Sequence[str] | None = None, coded: Sequence[str] = ()
    ) -> None:
        self._path = path
        self._schema = _schema(columns, coded)
        self._seen: log.Snapshot | None = None
        self._decisions = Decisions(path)
        self._mark: Mark | None = None

    def read(self) -> Chunk | None:
        """What is new since the last call; None: nothing, or no store yet. Cheap: poll it.

        Raises:
            StoreDamaged: the log has a hole, or a file of it is missing or unreadable.
            StoreNewer: a newer gigstream has written it.
        """
        return self.take(gathered)

    def take(self, taker: Callable[[Pieces], Made]) -> Made | None:
        """What `taker` makes of what is new, which it need not hold in memory all at once.

        It is called again, with all there is, where files go while it reads. What it raises ends
        the call, and the next one is anew.

        Raises:
            StoreDamaged, StoreNewer: see `read`.
        """
        seen = self._seen
        if seen is None or not log.is_history(self._path, seen):
            return self._anew(taker)
        entries = list(log.following(self._path, seen.version))
        if any(entry.rewrites for entry in entries) or self._has_hole(seen.version + len(entries)):
            return self._anew(taker)
        if not entries:
            return None
        self._seen = None  # until all of it is taken
        try:
            return self._more(seen, entries, taker)
        except FileNotFoundError:
            return self._anew(taker)  # compacted and cleaned up while we were behind

    def resume(self, known: Known, taker: Callable[[Pieces], Made]) -> Resumed[Made] | None:
        """Go on where another reader ended; None: one must begin anew, by `take`.

        It may be None after `taker` was called: where files went while it read.

        Raises:
            StoreDamaged, StoreNewer: see `read`.
        """
        there = log.versions(self._path)
        mark = Mark(self._path, there[-1]) if there else None
        snapshot, decisions = log.replay(self._path), Decisions(self._path)
        if snapshot is None:
            return None
        try:
            if not _goes_on(self._path, snapshot, decisions, known):
                return None
            files = [file for name, file in snapshot.files.items() if name not in known.files]
            lacked = _pieces(self._path, snapshot, files, self._schema, decisions, anew=False)
            rows = rows_of(snapshot.files.values()) - known.rows
            made = taker(lacked._replace(rows=max(rows, 0)))
        except FileNotFoundError:
            return None  # compacted and cleaned up meanwhile
        self._hold(snapshot, decisions, mark)
        return Resumed(made, rows)

    @property
    def place(self) -> tuple[int, bytes] | None:
        """The version that was read last, and the digest of its log entry."""
        return (self._seen.version, self._seen.digest) if self._seen else None

    def _has_hole(self, version: int) -> bool:
        # Two writers may have come between our look at the next entry and this one: look again.
        after, following = (log.entry_path(self._path, version + ahead) for ahead in (2, 1))
        return after.exists() and not following.exists()

    def _more(
        self, seen: log.Snapshot, entries: Sequence[log.Entry], taker: Callable[[Pieces], Made]
    ) -> Made | None:
        added = [file for entry in entries for file in entry.added]
        erased = len(self._decisions.erasures)
        self._decisions.see(added)
        if len(self._decisions.erasures) > erased:
            return self._anew(taker)
        for entry in entries:
            seen.apply(entry)
        made = taker(_pieces(self._path, seen, added, self._schema, self._decisions, anew=False))
        self._hold(seen, self._decisions, self._mark)
        return made

    def _anew(self, taker: Callable[[Pieces], Made]) -> Made | None:
        for _ in range(_ATTEMPTS):
            there = log.versions(self._path)
            # Before the log is read: what is in the table from here on stays until we have it.
            mark = Mark(self._path, there[-1]) if there else None
            snapshot = log.replay(self._path)
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

    def _hold(self, seen: log.Snapshot, decisions: Decisions, mark: Mark | None) -> None:
        self._seen, self._decisions, self._mark = seen, decisions, mark
        if mark is not None:
            mark.move(seen.version)


def read_at(
    path: Path, version: int, *, columns: Sequence[str] | None = None, coded: Sequence[str] = ()
) -> Chunk:
    """The whole store as it was at one version; `columns` and `coded` as of `Tail`.

    Raises:
        VersionGone, StoreDamaged, StoreNewer: see `take_at`.
    """
    return take_at(path, version, gathered, columns=columns, coded=coded)


def take_at(
    path: Path,
    version: int,
    taker: Callable[[Pieces], Made],
    *,
    columns: Sequence[str] | None = None,
    coded: Sequence[str] = (),
) -> Made:
    """What `taker` makes of it, which it need not hold in memory all at once.

    Raises:
        VersionGone: there is no such version, or not any more.
        StoreDamaged: it cannot be read.
        StoreNewer: a newer gigstream had written it.
    """
    try:
        snapshot = log.replay(path, version)
        if snapshot is not None:
            return taker(_whole(path, snapshot, _schema(columns, coded), Decisions(path)))
    except FileNotFoundError as error:
        raise VersionGone(path, f"version {version}: {error}") from None
    except StoreDamaged:
        if version in log.versions(path):
            raise
    raise VersionGone(path, f"there is no version {version}")


def known(path: Path, version: int) -> Known:
    """What one knows who has read the whole store at a version.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    snapshot, decisions = log.replay(path, version), Decisions(path)
    if snapshot is None:
        raise StoreDamaged(path, "its log is gone")
    decisions.see(snapshot.files.values())
    files, rows = frozenset(snapshot.files), rows_of(snapshot.files.values())
    return Known(snapshot.version, snapshot.digest, files, rows, len(decisions.erasures))


def _goes_on(path: Path, snapshot: log.Snapshot, decisions: Decisions, known: Known) -> bool:
    """Whether the table only grew, or was compacted, since it was known."""
    versions = range(known.version, snapshot.version + 1)
    if not versions or log.digest_of(path, known.version) != known.digest:
        return False
    if any(log.read_entry(path, version).rewrites for version in versions[1:]):
        return False
    decisions.see(snapshot.files.values())
    return len(decisions.erasures) == known.erasures


def _whole(path: Path, snapshot: log.Snapshot, schema: pa.Schema, decisions: Decisions) -> Pieces:
    files = list(snapshot.files.values())
    decisions.see(files)
    return _pieces(path, snapshot, files, schema, decisions, anew=True)


def _pieces(
    path: Path,
    snapshot: log.Snapshot,
    files: Sequence[log.File],
    schema: pa.Schema,
    decisions: Decisions,
    *,
    anew: bool,
) -> Pieces:
    chunk = Chunk(
        version=snapshot.version,
        anew=anew,
        events=schema.empty_table(),
        dead=sum(file.rows for file in files if file.kind == "dead"),
        positions=dict(snapshot.positions),
        merges=decisions.merges,
        erasures=decisions.erasures,
    )
    return Pieces(chunk, rows_of(files), events_of(path, files, schema, decisions.erasures))


def _schema(columns: Sequence[str] | None, coded: Sequence[str] = ()) -> pa.Schema:
    fields = [EVENT_SCHEMA.field(name) for name in columns or EVENT_SCHEMA.names]
    return pa.schema([f.with_type(CODES) if f.name in coded else f for f in fields])
