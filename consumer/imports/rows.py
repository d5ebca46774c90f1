"""Checks rows of files: ids, dates, statuses and names, each against what an event may hold."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.events import MAX_ID_BYTES
from consumer.imports import status_column
from consumer.imports.dates import DateReader
from consumer.imports.formats.source import RowNumbers
from consumer.imports.problems import BadFile, Problem, Problems, shown
from consumer.imports.reading import Reading

_TEXT_OR_WHOLE = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_integer,
    pa.types.is_null,
)
# A quote that is not closed swallows the rows below.
_OTHER_ROWS = r"[\r\n](?:.|\s)*[,;\t|]"
_TOTALS = r"(?i)^\s*(?:grand\s+|sub-?)?(?:totals?|sum|summe|gesamt\w*)\b[\s:.\d]*$"
Mask = NDArray[np.bool_]


class RowChecker:
    """Makes tables of our columns from those of a file; bad rows are left out.

    Args:
        path: The file, for errors.
        names: Its headings.
        wanted: The position of each of our columns.
        assume_date: The date of rows that have none.
        reading: What words of statuses and forms of dates mean.
        column: Reads the column of dates again.
        problems: Takes bad rows.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        wanted: Mapping[str, int],
        *,
        assume_date: dt.date | None,
        reading: Reading,
        column: Callable[[], Iterable[pa.Array]],
        problems: Problems,
    ) -> None:
        self._path, self._names, self._wanted = path, names, wanted
        self._assume_date, self._reading, self._problems = assume_date, reading, problems
        self._dates = DateReader(reading.date_format, reading.timezone, column)

    def check(self, numbers: RowNumbers, table: pa.Table) -> tuple[RowNumbers, pa.Table]:
        """The good rows, and their numbers."""
        batch = _Batch(self._path, numbers, self._problems)
        # First, so that a line of totals is not reported for an empty id.
        self._leave_out_totals(batch, table)
        out = {ours: self._column(batch, ours, table) for ours in self._wanted}
        if "date" not in out and self._assume_date:
            out["date"] = pa.repeat(pa.scalar(self._assume_date, pa.date32()), len(numbers))
        checked = pa.table(out)
        if not batch.bad.any():
            return numbers, checked
        return numbers[~batch.bad], checked.filter(pa.array(~batch.bad))

    def _leave_out_totals(self, batch: "_Batch", table: pa.Table) -> None:
        """Rows without artist and venue, or with a total and no venue, are no gigs."""
        ids = [table[str(self._wanted[ours])] for ours in ("artist_id", "venue_id")]
        if all(pa.types.is_string(each.type) for each in ids):
            empty = [_mask(pc.equal(pc.utf8_trim_whitespace(each), "")) for each in ids]
            totals = _mask(pc.match_substring_regex(ids[0], _TOTALS))
            batch.leave_out((empty[0] | totals) & empty[1])

    def _column(self, batch: "_Batch", ours: str, table: pa.Table) -> pa.Array:
        at = self._wanted[ours]
        name, column = self._names[at], table[str(at)].combine_chunks()
        if ours.endswith("_id"):
            return self._ids(batch, name, column)
        if ours == "date":
            return self._days(batch, name, column)
        return (
            self._statuses(batch, name, column)
            if ours == "status"
            else self._texts(batch, name, column)
        )

    def _ids(self, batch: "_Batch", name: str, column: pa.Array) -> pa.Array:
        """Non-empty, at most 256 bytes, no control characters (the event contract)."""
        ids = self._as_text(name, column)
        blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(pc.fill_null(ids, ""))), 0)
        batch.refuse(blank, name, ids, "is empty; every row needs an id")
        length = pc.fill_null(pc.binary_length(ids), 0)
        remedy = f"is longer than {MAX_ID_BYTES} bytes; use a shorter id"
        batch.refuse(pc.greater(length, MAX_ID_BYTES), name, ids, remedy)
        # The same limits as the event contract: otherwise an import would produce dead letters.
        control = pc.match_substring_regex(ids, r"\p{Cc}")
        batch.refuse(control, name, ids, "holds a control character; remove it")
        return ids

    def _texts(self, batch: "_Batch", name: str, column: pa.Array) -> pa.Array:
        """Display names; an empty one is null."""
        names = self._as_text(name, column)
        swallowed = pc.match_substring_regex(names, _OTHER_ROWS)
        remedy = "holds the rows below it; close its quotes, or remove the line break"
        batch.refuse(swallowed, name, names, remedy)
        return pc.if_else(pc.equal(names, ""), None, names)

    def _statuses(self, batch: "_Batch", name: str, column: pa.Array) -> pa.Array:
        texts = self._as_text(name, column)
        found, unknown = status_column.read(texts, self._reading.statuses)
        batch.refuse_each(name, texts, unknown)
        return found

    def _days(self, batch: "_Batch", name: str, column: pa.Array) -> pa.Array:
        """Calendar days, of text or of a date or time type."""
        if pa.types.is_temporal(column.type):
            return self._typed_days(batch, name, column)
        texts = self._as_text(name, column)
        days, refused = self._dates.read(texts)
        # Words such as TBA are as good as an empty cell; a wrong date is not.
        if self._assume_date:
            stands_in = [text for text, why in refused.items() if why.empty]
            missing = pc.is_in(texts, pa.array(stands_in, pa.string()))
            days = pc.if_else(missing, pa.scalar(self._assume_date, pa.date32()), days)
            refused = {text: why for text, why in refused.items() if not why.empty}
        batch.refuse_each(name, texts, {text: why.remedy for text, why in refused.items()})
        return days

    def _typed_days(self, batch: "_Batch", name: str, column: pa.Array) -> pa.Array:
        zone = self._reading.timezone
        # Without a zone of its own a time is local already.
        if zone and pa.types.is_timestamp(column.type) and column.type.tz:
            moved = column.cast(pa.timestamp(column.type.unit, str(zone)))
            days = pc.local_timestamp(moved).cast(pa.date32(), safe=False)
        else:
            days = column.cast(pa.date32(), safe=False)
        if self._assume_date:
            days = pc.fill_null(days, pa.scalar(self._assume_date, pa.date32()))
        remedy = "is no date; fill it in or give --assume-date"
        batch.refuse(pc.is_null(days), name, column, remedy)
        return days

    def _as_text(self, name: str, column: pa.Array) -> pa.Array:
        """The column as strings; floating-point numbers are refused as ids."""
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if not any(is_kind(column.type) for is_kind in _TEXT_OR_WHOLE):
            raise BadFile(
                f"{self._path}, column {name!r}: is {column.type}; "
                "write it as text or whole numbers"
            )
        return column.cast(pa.string())


class _Batch:
    """Rows that are checked together; `bad` marks those that are left out."""

    def __init__(self, path: Path, numbers: RowNumbers, problems: Problems) -> None:
        self._path, self._numbers, self._problems = path, numbers, problems
        self.bad: Mask = np.zeros(len(numbers), bool)

    def refuse(self, bad: pa.Array, column: str, values: pa.Array, remedy: str) -> None:
        """Report the rows where `bad` (a boolean column) is true, each with its value."""
        # A row is reported once, by its first wrong value.
        for at in np.flatnonzero(_mask(bad) & ~self.bad).tolist():
            self._refuse_row(at, column, values[at].as_py(), remedy)

    def refuse_each(
        self, column: str, values: pa.Array, remedies: Mapping[str | None, str]
    ) -> None:
        """Report the rows whose value has a remedy."""
        if not remedies:
            return
        found = pc.is_in(values, pa.array(list(remedies), pa.string()))
        for at in np.flatnonzero(_mask(found) & ~self.bad).tolist():
            value = values[at].as_py()
            self._refuse_row(at, column, value, remedies[value])

    def leave_out(self, empty: Mask) -> None:
        """Leave out rows that are no gigs."""
        for at in np.flatnonzero(empty & ~self.bad).tolist():
            text = "has no artist and no venue, or is a total; it is left out"
            self._problems.leave_out(Problem(self._path, int(self._numbers[at]), None, "", text))
        self.bad |= empty

    def _refuse_row(self, at: int, column: str, value: object, remedy: str) -> None:
        self.bad[at] = True
        number = int(self._numbers[at])
        self._problems.add(Problem(self._path, number, column, shown(value), remedy))


def _mask(values: pa.Array | pa.ChunkedArray) -> Mask:
    filled = pc.fill_null(values, fill_value=False)
    found: Mask = (
        np.asarray(filled.to_numpy(zero_copy_only=False), bool)
        if isinstance(filled, pa.Array)
        else np.asarray(filled.to_numpy(), bool)
    )
    return found
