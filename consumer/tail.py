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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from consumer import log, parts
from consumer.decisions import Decisions
from consumer.erasures import NONE, Erasures
from consumer.errors import StoreDamaged, VersionGone
from consumer.marks import Mark
from consumer.merges import Merge
from consumer.rows import SCHEMA

logger = logging.getLogger(__name__)

_OF_DEAD = {"raw", "raw_key", "raw_headers", "reason", "field"}
EVENT_SCHEMA = pa.schema([field for field in SCHEMA if field.name not in {"kind", *_OF_DEAD}])
"""Columns of a chunk's events."""

CODES = pa.dictionary(pa.int32(), pa.string())
"""The type of a column that comes as codes."""

_IDS = [SCHEMA.field("artist_id"), SCHEMA.field("venue_id")]
_ATTEMPTS = 5


@dataclass(frozen=True)
class Chunk:
    """Rows of one or more commits, or of the whole store where ``anew``.

    Attributes:
        version: the store's version after them.
        anew: forget everything read before.
        events: rows of kind ``event``, columns of ``EVENT_SCHEMA`` (or those asked for).
        dead: how many rows of kind ``dead`` there are beside them.
        positions: app id to next offset, of all partitions, at this version.
        merges: all that there are at this version, earlier ones included.
        erasures: likewise; the events are without what is of an erased id.
    """

    version: int
    anew: bool
    events: pa.Table
    dead: int
    positions: dict[str, int]
    merges: tuple[Merge, ...] = ()
    erasures: Erasures = NONE

    def without_events(self) -> "Chunk":
        """What is worth keeping when its events, which may be the whole store, are taken in."""
        return replace(self, events=self.events.schema.empty_table())


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


class Resumed(NamedTuple):
    """What a reader lacks.

    Attributes:
        chunk: its events; some that are known may be among them, as files were compacted since.
        rows: how many events came since.
    """

    chunk: Chunk
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
        seen = self._seen
        if seen is None or not log.is_history(self._path, seen):
            return self._anew()
        entries = list(log.following(self._path, seen.version))
        if any(entry.rewrites for entry in entries) or self._has_hole(seen.version + len(entries)):
            return self._anew()
        if not entries:
            return None
        added = [file for entry in entries for file in entry.added]
        try:
            erased = len(self._decisions.erasures)
            self._decisions.see(added)
            if len(self._decisions.erasures) > erased:
                return self._anew()
            events = _events(self._path, added, self._schema, self._decisions)
        except FileNotFoundError:
            return self._anew()  # compacted and cleaned up while we were behind
        for entry in entries:
            seen.apply(entry)
        self._move_mark(seen.version)
        return _chunk(seen, added, events, self._decisions, anew=False)

    def resume(self, known: Known) -> Resumed | None:
        """Go on where another reader ended; None: one must begin anew, by `read`.

        Raises:
            StoreDamaged, StoreNewer: see `read`.
        """
        there = log.versions(self._path)
        mark = Mark(self._path, there[-1]) if there else None
        snapshot, decisions = log.replay(self._path), Decisions(self._path)
        if snapshot is None:
            return None
        resumed = _resumed(self._path, snapshot, self._schema, decisions, known)
        if resumed is not None:
            self._seen, self._decisions, self._mark = snapshot, decisions, mark
            self._move_mark(snapshot.version)
        return resumed

    @property
    def place(self) -> tuple[int, bytes] | None:
        """The version that was read last, and the digest of its log entry."""
        return (self._seen.version, self._seen.digest) if self._seen else None

    def _has_hole(self, version: int) -> bool:
        # Two writers may have come between our look at the next entry and this one: look again.
        after, following = (log.entry_path(self._path, version + ahead) for ahead in (2, 1))
        return after.exists() and not following.exists()

    def _anew(self) -> Chunk | None:
        for _ in range(_ATTEMPTS):
            there = log.versions(self._path)
            # Before the log is read: what is in the table from here on stays until we have it.
            mark = Mark(self._path, there[-1]) if there else None
            snapshot = log.replay(self._path)
            if snapshot is None:
                return None
            decisions = Decisions(self._path)
            try:
                chunk = _whole(self._path, snapshot, self._schema, decisions)
            except FileNotFoundError as error:
                logger.debug("The store was compacted while it was read: %s", error)
                continue
            self._seen, self._decisions, self._mark = snapshot, decisions, mark
            self._move_mark(snapshot.version)
            return chunk
        raise StoreDamaged(self._path, "files that its log names are missing")

    def _move_mark(self, version: int) -> None:
        if self._mark is not None:
            self._mark.move(version)


def read_at(
    path: Path, version: int, *, columns: Sequence[str] | None = None, coded: Sequence[str] = ()
) -> Chunk:
    """The whole store as it was at one version; `columns` and `coded` as of `Tail`.

    Raises:
        VersionGone: there is no such version, or not any more.
        StoreDamaged: it cannot be read.
        StoreNewer: a newer gigstream had written it.
    """
    try:
        snapshot = log.replay(path, version)
        if snapshot is not None:
            return _whole(path, snapshot, _schema(columns, coded), Decisions(path))
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
    files, rows = frozenset(snapshot.files), _rows(snapshot)
    return Known(snapshot.version, snapshot.digest, files, rows, len(decisions.erasures))


def _resumed(
    path: Path, snapshot: log.Snapshot, schema: pa.Schema, decisions: Decisions, known: Known
) -> Resumed | None:
    try:
        if not _goes_on(path, snapshot, known):
            return None
        decisions.see(snapshot.files.values())
        if len(decisions.erasures) != known.erasures:
            return None
        files = [file for name, file in snapshot.files.items() if name not in known.files]
        events = _events(path, files, schema, decisions)
    except FileNotFoundError:
        return None  # compacted and cleaned up meanwhile
    chunk = _chunk(snapshot, files, events, decisions, anew=False)
    return Resumed(chunk, _rows(snapshot) - known.rows)


def _goes_on(path: Path, snapshot: log.Snapshot, known: Known) -> bool:
    """Whether the table only grew, or was compacted, since it was known."""
    versions = range(known.version, snapshot.version + 1)
    if not versions or log.digest_of(path, known.version) != known.digest:
        return False
    return not any(log.read_entry(path, version).rewrites for version in versions[1:])


def _rows(snapshot: log.Snapshot) -> int:
    return sum(file.rows for file in snapshot.files.values() if file.kind == "event")


def _whole(path: Path, snapshot: log.Snapshot, schema: pa.Schema, decisions: Decisions) -> Chunk:
    files = list(snapshot.files.values())
    decisions.see(files)
    return _chunk(snapshot, files, _events(path, files, schema, decisions), decisions, anew=True)


def _chunk(
    snapshot: log.Snapshot,
    files: Sequence[log.File],
    events: pa.Table,
    decisions: Decisions,
    *,
    anew: bool,
) -> Chunk:
    return Chunk(
        version=snapshot.version,
        anew=anew,
        events=events,
        dead=sum(file.rows for file in files if file.kind == "dead"),
        positions=dict(snapshot.positions),
        merges=decisions.merges,
        erasures=decisions.erasures,
    )


def _events(
    path: Path, files: Iterable[log.File], schema: pa.Schema, decisions: Decisions
) -> pa.Table:
    erasures = decisions.erasures
    ids = [field for field in _IDS if erasures and field.name not in schema.names]
    wider = pa.schema([*schema, *ids])
    tables = [
        erasures.visible(parts.read(path, file, wider)).select(schema.names)
        for file in files
        if file.kind == "event"
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _schema(columns: Sequence[str] | None, coded: Sequence[str] = ()) -> pa.Schema:
    fields = [EVENT_SCHEMA.field(name) for name in columns or EVENT_SCHEMA.names]
    return pa.schema([f.with_type(CODES) if f.name in coded else f for f in fields])
