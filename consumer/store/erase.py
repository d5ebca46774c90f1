"""An erasure, from its record to the last old file: what `gigstream erase` does to the store.

    recorded      the erasure is a row of the store: from here on appends leave the id out, and
                  readers skip it
    rewritten     replacements of all files that hold the id are written, beside running writers
    committed     one commit puts them in place; positions stay. Writers are paused from here on
    checkpointed  a checkpoint of that commit: nothing older is needed any more
    cleaned       older files, log entries and checkpoints are deleted, torn ones too

A power cut or a kill between any two steps leaves a store that opens, and the next erasure of the
same id continues from there. No step after the commit needs the id itself.

Files are rewritten one by one, in runs of rows, and replaced in one Delta commit. Delta's own
delete would read every file into one plan and leave the old files for time travel.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from consumer.errors import StoreBusy
from consumer.ids import decisions, erasures, merges
from consumer.ids.decisions import Decisions
from consumer.ids.erasures import ASKED, COMPLETE, REWRITTEN, Record
from consumer.ids.mentions import PlainIdMatcher
from consumer.ids.redactor import READ_BY_KIND, Redactor
from consumer.maintenance import clear
from consumer.store.survey import merged_into, names_of
from consumer.store.writer import Store
from consumer.table import commit, delta, delta_log, parquet, schema, write_lock
from consumer.table.schema import Side
from consumer.table.write_lock import WritersPaused

logger = logging.getLogger(__name__)

_ROWS_AT_ONCE = 50_000

Facts = dict[str, Any]


@dataclass(frozen=True)
class Erased:
    """What an erasure did to the store, now or when it was first requested.

    Attributes:
        recorded_at: epoch seconds.
        version: the store's version from which on readers skip the id.
        ids: the id and those that were merged into it, as far as they are still known.
        facts: what the caller passed to `run`, and `rows`, `dead`, `scrubbed`, `files`.
        complete: what the caller passed to `complete`; None before.
    """

    recorded_at: float
    version: int
    ids: list[str]
    facts: Facts
    complete: Facts | None


@dataclass(frozen=True)
class Rewritten:
    """A file that holds rows to erase.

    Attributes:
        file: which one.
        part: what comes in its place; None: no row is left of it.
        dropped: how many rows are not in `part`.
        scrubbed: how many rows lost a part of ``extra``.
    """

    file: delta_log.File
    part: parquet.Part | None
    dropped: int
    scrubbed: int


@dataclass
class _Found:
    """What comes in the place of each file, and the names that rows of the ids gave."""

    replacements: dict[str, Rewritten | None] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class Erasing:
    """One erasure of one id.

    Args:
        path: the table's folder.
        side: whether it is the id of an artist or of a venue.
        identity: the id.
        on_step: called at each step, for tests that stop there.
    """

    def __init__(
        self,
        *,
        path: Path,
        side: Side,
        identity: str,
        on_step: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self._path = path
        self._side: Side = side
        self._on_step = on_step
        self._store = Store.open(path)
        self._key = erasures.make_key(path)
        self._hash = erasures.hashed(self._key, side, identity)
        # Rows keep the ids that were sent. So ids that were merged into this one name the same
        # artist or venue, and are erased with it.
        self.ids = [identity, *merged_into(decisions.read(path), side, identity)]

    def run(self, facts: Mapping[str, Any]) -> Erased:
        """Do all steps that are not done yet.

        Args:
            facts: recorded with the request, for the caller to find again after a crash.

        Raises:
            StoreBusy: a writer did not end; run it again.
        """
        known = decisions.read(self._path)
        if not self._records(known, ASKED):
            self._record(self.ids, ASKED, dict(facts), uuid.uuid4().hex)
        self._on_step("recorded")
        # The long work, done while consumers append: files that come later are found under the
        # lock.
        found = _Found()
        self._prepare(found)
        self._on_step("rewritten")
        try:
            self._put_in_place(found)
        except WritersPaused as error:
            raise StoreBusy(self._path, error) from None
        self._on_step("cleaned")
        return self._outcome()

    def _put_in_place(self, found: _Found) -> None:
        with write_lock.exclusive(self._path):
            # Order matters. The commit first: until then the old files are the table. A checkpoint
            # next: without it the log entries that name the old files would be needed to open the
            # store. Only then may anything old be deleted.
            self._replace(found)
            self._on_step("committed")
            version = delta.write_checkpoint(self._path)
            self._on_step("checkpointed")
            clear.clear(self._path, version)

    def complete(self, facts: Mapping[str, Any]) -> Erased:
        """Record that the caller is done as well, with what it did."""
        known = decisions.read(self._path)
        if not self._records(known, COMPLETE):
            request = self._records(known, ASKED)[0].request
            self._record(self.ids[:1], COMPLETE, dict(facts), request)
        return self._outcome()

    # -- records -----------------------------------------------------------------------------

    def _records(self, known: Decisions, status: str) -> list[Record]:
        """The rows of this id with this status, in the order of time."""
        ours = (self._side, self._hash, status)
        return [each for each in known.records if (each.side, each.hash, each.status) == ours]

    def _record(self, ids: Iterable[str], status: str, facts: Facts, request: str) -> None:
        self._store.refresh()
        self._store.append(self._rows(ids, status, facts, request), {})

    def _rows(self, ids: Iterable[str], status: str, facts: Facts, request: str) -> pa.Table:
        # Later than what was recorded before, also where this machine's clock was set back.
        after_us = max(
            (each.recorded_us + 1 for each in decisions.read(self._path).records), default=0
        )
        now_us, text = max(time.time_ns() // 1000, after_us), msgspec.json.encode(facts).decode()
        hashes = [erasures.hashed(self._key, self._side, identity) for identity in ids]
        return erasures.table(
            Record(now_us, self._side, each, request, status, text) for each in hashes
        )

    def _outcome(self) -> Erased:
        known = decisions.read(self._path)
        asked = self._records(known, ASKED)[0]
        done = self._records(known, COMPLETE)
        facts = msgspec.json.decode(asked.facts)
        for record in self._records(known, REWRITTEN)[:1]:
            facts |= msgspec.json.decode(record.facts)
        return Erased(
            recorded_at=asked.recorded_us / 1_000_000,
            version=delta_log.versions(self._path)[-1],
            ids=self.ids,
            facts=facts,
            complete=msgspec.json.decode(done[0].facts) if done else None,
        )

    # -- files -------------------------------------------------------------------------------

    def _prepare(self, found: _Found) -> None:
        """Write replacements beside running writers."""
        files = list(delta_log.present(self._path).files.values())
        while True:
            try:
                self._rewrite(found, files)
            except FileNotFoundError as error:  # compacted meanwhile
                logger.debug("A file was compacted while it was rewritten: %s", error)
                files = list(delta_log.present(self._path).files.values())
            else:
                return

    def _rewrite(self, found: _Found, files: Iterable[delta_log.File]) -> None:
        new = [file for file in files if file.path not in found.replacements]
        known = (names_of(self._path, file, self._side, self.ids) for file in new)
        names = set().union(*known)
        if not names <= found.names:
            found.names |= names
            # A file judged before a name was known may mention it: judge all files again.
            found.replacements.clear()  # dead rows and others may mention these names too
            new = list(files)
        redactor = Redactor(self._gone, PlainIdMatcher(self.ids, found.names))
        for file in new:
            found.replacements[file.path] = rewritten(self._path, file, redactor)

    def _gone(self, side: Side, identity: str) -> bool:
        return side == self._side and identity in self.ids

    def _replace(self, found: _Found) -> None:
        while True:
            snapshot = delta_log.present(self._path)
            self._rewrite(found, list(snapshot.files.values()))
            due = [each for path in snapshot.files if (each := found.replacements[path])]
            known = self._records(decisions.read(self._path), REWRITTEN)
            # A run after a kill: the commit is there, and nothing was stored since.
            if known and not due:
                return
            parts = [*(each.part for each in due), None if known else self._note(due)]
            replaced, added = [each.file for each in due], [part for part in parts if part]
            replacement = commit.Replacement(replaced, added, "DELETE", data_change=True)
            if commit.replace_at(self._path, snapshot.version + 1, replacement):
                return

    def _note(self, due: Sequence[Rewritten]) -> parquet.Part | None:
        facts = {
            "rows": sum(each.dropped for each in due if each.file.kind == "event"),
            "dead": sum(each.dropped for each in due if each.file.kind == "dead"),
            "merges": sum(each.dropped for each in due if each.file.kind == merges.KIND),
            "scrubbed": sum(each.scrubbed for each in due),
            "files": len(due),
        }
        request = self._records(decisions.read(self._path), ASKED)[0].request
        rows = self._rows(self.ids[:1], REWRITTEN, facts, request)
        return parquet.write(self._path, erasures.KIND, [rows.drop_columns(["kind"])])


def rewritten(path: Path, file: delta_log.File, redactor: Redactor) -> Rewritten | None:
    """Write a file again where the redactor takes anything out of it; else None.

    Args:
        path: the table's folder.
        file: of the table.
        redactor: knows the ids.

    Raises:
        FileNotFoundError: the file was compacted away meanwhile.
        StoreDamaged: it cannot be read.
    """
    # Other kinds (erasures) hold no ids.
    if file.kind not in READ_BY_KIND:
        return None
    columns = schema.columns(READ_BY_KIND[file.kind])
    dropped = scrubbed = 0
    # Most files hold nothing to erase: a first pass over few columns finds out.
    for rows in parquet.stream(path, file, columns, _ROWS_AT_ONCE):
        redacted = redactor.redact(file.kind, rows)
        dropped, scrubbed = dropped + redacted.dropped, scrubbed + redacted.scrubbed
    if not dropped and not scrubbed:
        return None
    part = parquet.write(path, file.kind, _redacted(path, file, redactor))
    return Rewritten(file, part, dropped, scrubbed)


def _redacted(path: Path, file: delta_log.File, redactor: Redactor) -> Iterator[pa.Table]:
    for rows in parquet.stream(path, file, schema.STORED, _ROWS_AT_ONCE):
        yield redactor.redact(file.kind, rows).rows
