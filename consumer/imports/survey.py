"""Looks at all files of an import before the first row is sent: what would count, what is doubtful.

Rows are doubtful where they repeat each other, where one outdoes another of the same id, where they
are no gigs, and where ids look alike or were spoilt by a spreadsheet. They are imported as they are
(rows that are no gigs are not), and listed.
"""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.events import Event
from consumer.imports.findings import Findings
from consumer.imports.formats.source import RowNumbers
from consumer.imports.ledger import Ledger, Numbers, Tally, hashed
from consumer.imports.look_alikes import LookAlikes
from consumer.imports.problems import Problem

_SEPARATOR = "\x1f"
_SAYS = ("artist_id", "venue_id", "date", "event_id", "artist_name", "venue_name", "status")
_SIDES = {"artist": "artist_id", "venue": "venue_id"}


@dataclass
class Seen:
    """Of one source.

    Attributes:
        rows: Good rows.
        plays: Gigs of these that would count.
        cancelled: Rows that cancel.
    """

    rows: int = 0
    plays: int = 0
    cancelled: int = 0


@dataclass
class _Source:
    """What is collected of one source: its rows' files and numbers beside its ledger."""

    ledger: Ledger
    files: list[tuple[Path, RowNumbers]] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)  # position of the first row of each part
    rows: int = 0

    def add(self, path: Path, numbers: RowNumbers) -> None:
        """Take the places of further rows."""
        if len(numbers):
            self.files.append((path, numbers))
            self.begins.append(self.rows)
            self.rows += len(numbers)

    def place(self, position: int) -> tuple[Path, int]:
        """File and row number of a row."""
        part = bisect_right(self.begins, position) - 1
        path, numbers = self.files[part]
        return path, int(numbers[position - self.begins[part]])


class Survey:
    """Collects what there is to say about the rows of an import.

    Args:
        findings: Takes doubtful rows.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._sources: dict[str, _Source] = {}
        self._own_ids: dict[str, list[Numbers]] = defaultdict(list)
        self._ids: dict[Path, dict[str, LookAlikes]] = defaultdict(
            lambda: {side: LookAlikes(side) for side in _SIDES}
        )

    def add(self, path: Path, source: str, numbers: RowNumbers, table: pa.Table) -> None:
        """Take rows of a file.

        Args:
            path: The file.
            source: Of the statements that they become.
            numbers: Numbers of the rows.
            table: The rows, checked.
        """
        own_ids = "event_id" in table.column_names
        known = self._sources.setdefault(source, _Source(Ledger(own_ids=own_ids)))
        known.add(path, numbers)
        if own_ids:
            self._own_ids[source].append(hashed(table["event_id"].to_pylist()))
        # Arrow joins the columns: a loop over rows would double the time of an import.
        says = [_texts(table[name]) for name in _SAYS if name in table.column_names]
        gigs = ("event_id", "artist_id") if own_ids else ("artist_id", "venue_id", "date")
        known.ledger.add(
            _joined([_texts(table[name]) for name in gigs]), _joined(says), _cancelled(table)
        )
        self._add_ids(path, numbers, table)

    def add_events(self, path: Path, events: list[tuple[int, Event]]) -> None:
        """Take statements in the contract's own fields: row numbers and what they state."""
        by_source: dict[str, list[tuple[int, Event]]] = defaultdict(list)
        for number, event in events:
            by_source[event.source].append((number, event))
        for source, of_source in by_source.items():
            self._add_events(path, source, of_source)

    def _add_events(self, path: Path, source: str, rows: list[tuple[int, Event]]) -> None:
        events = [event for _, event in rows]
        known = self._sources.setdefault(source, _Source(Ledger(own_ids=True)))
        numbers = np.array([number for number, _ in rows], np.int64)
        known.add(path, numbers)
        known.ledger.add(
            [_SEPARATOR.join((event.event_id, event.artist_id)) for event in events],
            [repr(event) for event in events],
            np.array([event.status == "cancelled" for event in events], bool),
            np.array(
                [event.time_ms if event.version is None else event.version for event in events]
            ),
        )
        ids = {name: [getattr(event, name) for event in events] for name in _SIDES.values()}
        self._add_ids(path, numbers, pa.table(ids))

    def _add_ids(self, path: Path, numbers: RowNumbers, table: pa.Table) -> None:
        for side, look_alikes in self._ids[path].items():
            look_alikes.add(pa.array(numbers), table[_SIDES[side]])

    def own_ids(self) -> dict[str, Numbers]:
        """Hashes of the ids that files have themselves, by source."""
        return {source: np.concatenate(each) for source, each in self._own_ids.items()}

    def finish(self) -> dict[str, Seen]:
        """Report what is doubtful. Returns what would count, by source."""
        found = {}
        for name, known in self._sources.items():
            tally = known.ledger.tally()
            found[name] = Seen(tally.rows, tally.plays, tally.cancelled)
            self._report_rows(known, tally)
        for path, sides in self._ids.items():
            for look_alikes in sides.values():
                for doubt in look_alikes.doubts():
                    self._take(
                        "look-alike id", path, doubt.row, f"{doubt.text} ({doubt.rows} rows)"
                    )
        return found

    def _report_rows(self, known: _Source, tally: Tally) -> None:
        repeats = (
            "repeats another row; counted once"
            if known.ledger.own_ids
            else ("repeats a row above; each counts, unless --id names a column of ids")
        )
        for position in tally.same.tolist():
            self._take("duplicate", *known.place(position), repeats)
        for position, last in tally.outdone.tolist():
            text = f"is outdone by row {known.place(last)[1]} of the same id"
            self._take("outdone", *known.place(position), text)

    def _take(self, kind: str, path: Path, row: int, text: str) -> None:
        self._findings.take(kind, Problem(path, row, None, "", text))


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column.cast(pa.string()), "")


def _joined(columns: list[pa.ChunkedArray]) -> list[str]:
    joined: list[str] = pc.binary_join_element_wise(*columns, _SEPARATOR).to_pylist()
    return joined


def _cancelled(table: pa.Table) -> np.ndarray:
    if "status" not in table.column_names:
        return np.zeros(table.num_rows, bool)
    return np.asarray(pc.equal(table["status"], "cancelled").to_numpy(), bool)
