"""An erasure, from the record to the last old file: what `gigstream erase` does to the store.

    recorded      the erasure is a row of the store: from here on appends leave the id out, and
                  readers pass over it
    rewritten     replacements of all files that hold it are written, beside running writers
    committed     one commit puts them in place; positions stay. Writers are paused from here on
    checkpointed  a checkpoint of that commit: what is older is not needed any more
    cleaned       older files, log entries and checkpoints are gone, torn ones too

A power cut or a kill between any two leaves a store that opens, and the next erasure of the same
id goes on from there. No step after the commit needs the id itself.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from consumer import (
    checkpoint,
    clearing,
    decisions,
    erasures,
    log,
    merges,
    parts,
    rewriting,
    writers,
)
from consumer.decisions import Decisions
from consumer.erasures import ASKED, COMPLETE, REWRITTEN, Record
from consumer.errors import StoreBusy, StoreDamaged
from consumer.mentions import Spelled
from consumer.merges import Side
from consumer.rewriting import Replacement
from consumer.sieve import Sieve
from consumer.store import Store
from consumer.writers import WritersPaused

logger = logging.getLogger(__name__)

_RUN = 200_000

Facts = dict[str, Any]


@dataclass(frozen=True)
class Erased:
    """What an erasure did to the store, now or when it was first asked for.

    Attributes:
        recorded_at: epoch seconds.
        version: the store's version from which on readers pass over the id.
        ids: the id and those that were merged into it, as far as still known.
        facts: what the caller found before, and `rows`, `dead`, `scrubbed`, `files`.
        complete: what `complete` was told, None before.
    """

    recorded_at: float
    version: int
    ids: list[str]
    facts: Facts
    complete: Facts | None


@dataclass
class _Found:
    """Replacements by the file that they replace, and the names that the rows gave."""

    replacements: dict[str, Replacement | None] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class Erasing:
    """One erasure of one id.

    Args:
        path: the table's folder.
        side: what the id is of.
        identity: which.
        on_step: told of each step, for tests that stop there.
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
        self.ids = [identity, *self._merged_into(identity)]

    def run(self, facts: Mapping[str, Any]) -> Erased:
        """All of it, as far as it is not done yet.

        Args:
            facts: what the caller wants to find again if this is cut short.

        Raises:
            StoreBusy: a writer holds on to the store; say it again.
        """
        known = decisions.of(self._path)
        if not self._records(known, ASKED):
            self._record(self.ids, ASKED, dict(facts), uuid.uuid4().hex)
        self._on_step("recorded")
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
        with writers.exclusive(self._path):
            self._replace(found)
            self._on_step("committed")
            version = checkpoint.write(self._path)
            self._on_step("checkpointed")
            clearing.clear(self._path, version)

    def complete(self, facts: Mapping[str, Any]) -> Erased:
        """Record that the caller, too, is done."""
        known = decisions.of(self._path)
        if not self._records(known, COMPLETE):
            request = self._records(known, ASKED)[0].request
            self._record(self.ids[:1], COMPLETE, dict(facts), request)
        return self._outcome()

    # -- records -----------------------------------------------------------------------------

    def _merged_into(self, identity: str) -> list[str]:
        links = merges.links(decisions.of(self._path).all_merges, self._side)
        return sorted(each for each in links if merges.leads_to(links, links[each], identity))

    def _records(self, known: Decisions, status: str) -> list[Record]:
        """Of this id: the row that says so, in the order of time."""
        ours = (self._side, self._hash, status)
        return [each for each in known.records if (each.side, each.hash, each.status) == ours]

    def _record(self, ids: Iterable[str], status: str, facts: Facts, request: str) -> None:
        self._store.refresh()
        self._store.append(self._rows(ids, status, facts, request), {})

    def _rows(self, ids: Iterable[str], status: str, facts: Facts, request: str) -> pa.Table:
        now_us, text = time.time_ns() // 1000, msgspec.json.encode(facts).decode()
        hashes = [erasures.hashed(self._key, self._side, identity) for identity in ids]
        return erasures.table(
            Record(now_us, self._side, each, request, status, text) for each in hashes
        )

    def _outcome(self) -> Erased:
        known = decisions.of(self._path)
        asked = self._records(known, ASKED)[0]
        done = self._records(known, COMPLETE)
        facts = msgspec.json.decode(asked.facts)
        for record in self._records(known, REWRITTEN)[:1]:
            facts |= msgspec.json.decode(record.facts)
        return Erased(
            recorded_at=asked.recorded_us / 1_000_000,
            version=log.versions(self._path)[-1],
            ids=self.ids,
            facts=facts,
            complete=msgspec.json.decode(done[0].facts) if done else None,
        )

    # -- files -------------------------------------------------------------------------------

    def _prepare(self, found: _Found) -> None:
        """Write what can be written without keeping anybody waiting."""
        files = list(self._snapshot().files.values())
        while True:
            try:
                self._look(found, files)
            except FileNotFoundError as error:  # compacted meanwhile
                logger.debug("A file went while it was looked at: %s", error)
                files = list(self._snapshot().files.values())
            else:
                return

    def _look(self, found: _Found, files: Iterable[log.File]) -> None:
        new = [file for file in files if file.path not in found.replacements]
        names = set().union(*(self._names(file) for file in new if file.kind == "event"))
        if not names <= found.names:
            found.names |= names
            found.replacements.clear()  # dead rows and others may speak of those too
            new = list(files)
        sieve = Sieve(self._gone, Spelled(self.ids, found.names))
        for file in new:
            found.replacements[file.path] = rewriting.replacement(self._path, file, sieve)

    def _gone(self, side: Side, identity: str) -> bool:
        return side == self._side and identity in self.ids

    def _names(self, file: log.File) -> set[str]:
        """What the rows of the ids call them."""
        columns = [f"{self._side}_id", f"{self._side}_name"]
        schema = pa.schema([parts.STORED.field(name) for name in columns])
        ids = pa.array(self.ids, pa.string())
        found: set[str] = set()
        for rows in parts.stream(self._path, file, schema, _RUN):
            ours = rows.filter(pc.is_in(rows[columns[0]], ids))
            found |= {name for name in pc.unique(ours[columns[1]]).to_pylist() if name}
        return found

    def _replace(self, found: _Found) -> None:
        while True:
            snapshot = self._snapshot()
            self._look(found, list(snapshot.files.values()))
            due = [each for path in snapshot.files if (each := found.replacements[path])]
            known = self._records(decisions.of(self._path), REWRITTEN)
            if known and not due:
                return
            note = None if known else self._note(due)
            if rewriting.commit(self._path, snapshot.version + 1, due, [note]):
                return

    def _note(self, due: Iterable[Replacement]) -> parts.Part | None:
        due = list(due)
        facts = {
            "rows": sum(each.dropped for each in due if each.file.kind == "event"),
            "dead": sum(each.dropped for each in due if each.file.kind == "dead"),
            "merges": sum(each.dropped for each in due if each.file.kind == merges.KIND),
            "scrubbed": sum(each.scrubbed for each in due),
            "files": len(due),
        }
        request = self._records(decisions.of(self._path), ASKED)[0].request
        rows = self._rows(self.ids[:1], REWRITTEN, facts, request)
        return parts.write(self._path, erasures.KIND, [rows.drop_columns(["kind"])])

    def _snapshot(self) -> log.Snapshot:
        snapshot = log.replay(self._path)
        if snapshot is None:
            raise StoreDamaged(self._path, "its log is gone")
        return snapshot
