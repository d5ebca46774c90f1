"""Workbooks: Excel's (.xlsx, .xlsb, .xls) and OpenDocument's (.ods).

A workbook is in memory while it is read: its parts may not be larger than 256 MiB when unpacked.
"""

import datetime as dt
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NoReturn

import python_calamine as calamine

from consumer.imports.columns import Columns
from consumer.imports.formats.source import Line, Rows, tables
from consumer.imports.problems import BadFile, Problems

_MAX_BYTES = 256 << 20
_TOP_ROWS = 50
_ERRORS = (
    calamine.CalamineError,
    calamine.PasswordError,
    calamine.XmlError,
    calamine.ZipError,
    OSError,
    ValueError,
)


class Workbook:
    """The first sheet of a workbook that holds the headings; numbers of rows are the sheet's.

    Args:
        path: The file.
        columns: What the headings are.

    Raises:
        BadFile: It cannot be read, or has no row.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._done = path, 0
        name, sheet, first = _best_sheet(path, columns)
        top = _top(first, columns)
        cells = first[top].cells
        self.names = [cell.strip() for cell in cells]
        if not columns.header:
            self.names = [str(number + 1) for number in range(len(cells))]
        self._above, self._sheet = first[top].number - (not columns.header), sheet
        self.about = f"sheet {name!r}"

    def read(self, wanted: Sequence[int], problems: Problems) -> Iterator[Rows]:  # noqa: ARG002
        """See `Source`."""
        below = (line for line in _lines(self._sheet) if line.number > self._above)
        for numbers, table in tables(below, wanted):
            self._done = int(numbers[-1])
            yield numbers, table

    def share(self) -> float:
        """Part of the rows read so far, 0 to 1."""
        return min(1.0, self._done / max(1, self._sheet.total_height))


def _sheets(path: Path) -> Iterator[tuple[str, calamine.CalamineSheet]]:
    try:
        _check_size(path)
        # All of it is in memory after this.
        with path.open("rb") as raw:
            book = calamine.CalamineWorkbook.from_filelike(raw)
            for name in book.sheet_names:
                yield name, book.get_sheet_by_name(name)
    except (*_ERRORS, zipfile.BadZipFile) as error:
        _refuse(path, error)


def _check_size(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as packed:
        names = packed.namelist()
        if not any(name.startswith(("xl/", "content.xml")) for name in names):
            raise BadFile(f"{path} is a zip archive ({_some(names)}); unpack it and give its files")
        # Before it is unpacked: a small file may hold gigabytes of zeros.
        if sum(part.file_size for part in packed.infolist()) > _MAX_BYTES:
            raise BadFile(f"{path} is a workbook of more than 256 MiB; save its sheet as CSV")


def _some(names: list[str]) -> str:
    return ", ".join(names)[:80]


def _refuse(path: Path, error: Exception) -> NoReturn:
    reason = " ".join(str(error).split())[:120]
    if isinstance(error, calamine.PasswordError):
        raise BadFile(f"{path} is a workbook with a password; save it without one") from None
    raise BadFile(
        f"{path} is a workbook (Excel, OpenDocument) that cannot be read ({reason}); "
        "save its sheet as CSV"
    ) from None


def _lines(sheet: calamine.CalamineSheet) -> Iterator[Line]:
    """The rows that are not empty."""
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_text(cell) for cell in row]
        if any(cell.strip() for cell in cells):
            yield Line(number, cells)


def _text(cell: object) -> str:
    """A cell as text: whole numbers without a point, days and times as ISO 8601 writes them."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, dt.datetime):
        # A day without a time is a midnight in a workbook.
        midnight = cell.time() == dt.time()
        return cell.date().isoformat() if midnight else cell.isoformat(timespec="seconds")
    return "" if cell is None else str(cell)


def _best_sheet(path: Path, columns: Columns) -> tuple[str, calamine.CalamineSheet, list[Line]]:
    """The first sheet with the headings, else the first that has rows; its first rows."""
    found = None
    for name, sheet in _sheets(path):
        first = list(islice(_lines(sheet), _TOP_ROWS))
        if any(columns.fits(_headings(line)) for line in first):
            return name, sheet, first
        found = found or ((name, sheet, first) if first else None)
    if found is None:
        raise BadFile(f"{path} is empty; give a file with at least one row")
    return found


def _top(lines: list[Line], columns: Columns) -> int:
    """The position of the row with the headings; titles may stand above it."""
    fitting = (at for at, line in enumerate(lines) if columns.fits(_headings(line)))
    return next(fitting, 0) if columns.header else 0


def _headings(line: Line) -> list[str]:
    return [cell.strip() for cell in line.cells]
