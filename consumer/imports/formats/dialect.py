"""How a text file separates and quotes its cells, and which of its rows holds the headings.

All of it is found in the file's first 64 KiB. A separator fits best where the headings are found
by it, else where most rows have the same number of columns, more than one.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from consumer.imports.columns import Columns
from consumer.imports.problems import BadFile

_DELIMITERS = (",", ";", "\t", "|")
_ROWS_SEEN = 50
_DECLARED = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
_WELL_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_BLANK = " \t\x00\x1a"


class _Unquoted(csv.excel):
    quoting = csv.QUOTE_NONE


@dataclass(frozen=True)
class Dialect:
    """Of one file.

    Attributes:
        delimiter: Between cells.
        quoted: Whether `"` quotes a cell; else it is part of the cell.
        spaced: Whether a blank follows each delimiter, and is no part of a cell.
        names: The headings; numbers from 1 where the file has none.
        first_row: The number of the first row below them.
        skipped: Characters of the text before that row.
    """

    delimiter: str
    quoted: bool
    spaced: bool
    names: tuple[str, ...]
    first_row: int
    skipped: int


@dataclass(frozen=True)
class _Row:
    """One row of the head that is not blank; `end`: characters up to the next one."""

    number: int
    cells: list[str]
    begin: int
    end: int


def find(path: Path, head: str, columns: Columns, given: str | None) -> Dialect:
    """The dialect of a file.

    Args:
        path: Its name is a hint.
        head: Its first characters.
        columns: What the headings are.
        given: The delimiter that the user names.

    Raises:
        BadFile: There is no row.
    """
    declared = _DECLARED.match(head)
    skipped = declared.end() if declared else 0
    delimiter = given or (declared and declared[1])
    candidates = [delimiter] if delimiter else _by_name(path)
    tried = [_tried(head, skipped, each) for each in candidates]
    if not any(rows for *_, rows in tried):
        raise BadFile(f"{path} is empty; give a file with at least one row")
    delimiter, quoted, rows = max(tried, key=lambda each: _score(each[2], columns))
    return _dialect(delimiter, quoted, rows, columns)


def _by_name(path: Path) -> list[str]:
    """The candidates, the one that the name promises first: of equals the first is taken."""
    # The name only decides where content does not.
    tabs = ".tsv" in (suffix.lower() for suffix in path.suffixes)
    return sorted(_DELIMITERS, key=lambda each: each != ("\t" if tabs else ","))


def _tried(head: str, skipped: int, delimiter: str) -> tuple[str, bool, list[_Row]]:
    quoted = delimiter != "\t" or _quotes_tabs(head)
    return delimiter, quoted, list(_rows(head, skipped, delimiter, quoted=quoted))


def _quotes_tabs(head: str) -> bool:
    """Whether a tab-separated file quotes: a name may begin with a quote in one that does not."""
    # The last line may be cut off.
    lines = head.splitlines()[: None if head.endswith(("\r", "\n")) else -1]
    starts = [cell for line in lines for cell in line.split("\t") if cell[:1] == '"']
    return (
        bool(starts)
        and all(_WELL_QUOTED.fullmatch(cell) for cell in starts)
        and (head.lstrip()[:1] == '"' or any('""' in cell[1:-1] for cell in starts))
    )


def _rows(head: str, skipped: int, delimiter: str, *, quoted: bool) -> Iterator[_Row]:
    lines = list(io.StringIO(head[skipped:], newline=""))
    ends, number = [skipped], 0
    for line in lines:
        ends.append(ends[-1] + len(line))
    reader = csv.reader(lines, "excel" if quoted else _Unquoted, delimiter=delimiter)
    begin = 0
    try:
        for cells in reader:
            filled = any(cell.strip(_BLANK) for cell in cells)
            # Only blank lines are not counted: a row of empty cells is one.
            number += filled or len(cells) > 1
            if filled:
                yield _Row(number, cells, ends[begin], ends[reader.line_num])
            begin = reader.line_num
            if number == _ROWS_SEEN:
                return
    except csv.Error:
        return  # a cell of more than 128 KiB: no table by this delimiter


def _score(rows: list[_Row], columns: Columns) -> tuple[bool, float, int]:
    if not rows:
        return False, 0.0, 0
    widths = Counter(len(row.cells) for row in rows)
    width, count = max(widths.items(), key=lambda each: (each[1], each[0]))
    fits = columns.header and any(columns.fits(_names(row.cells)) for row in rows)
    return fits, count / len(rows) * (width > 1), width


def _names(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _fitted(names: list[str], below: list[list[str]]) -> list[str]:
    """The headings, with as many empty ones at their end as the rows below have empty cells."""
    if not below:
        return names
    width = Counter(map(len, below)).most_common(1)[0][0]
    extra = [cell for cells in below for cell in cells[len(names) :]]
    if width > len(names) and not any(cell.strip() for cell in extra):
        return names + [""] * (width - len(names))
    return names if any(names[width:]) else names[:width]


def _dialect(delimiter: str, quoted: bool, rows: list[_Row], columns: Columns) -> Dialect:
    if columns.header:
        # Titles and notes may stand above the headings.
        top = next((row for row in rows if columns.fits(_names(row.cells))), rows[0])
        names = _fitted(_names(top.cells), [row.cells for row in rows if row.begin >= top.end])
        skipped, first_row = top.end, top.number + 1
    else:
        top, first_row = rows[0], 1
        names, skipped = [str(number + 1) for number in range(len(top.cells))], top.begin
    spaced = delimiter == "," and all(cell[:1] == " " for cell in top.cells[1:] or ["x"])
    return Dialect(delimiter, quoted, spaced, tuple(names), first_row, skipped)
