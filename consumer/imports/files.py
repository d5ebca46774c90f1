"""Event files of any kind, read as a stream of checked Arrow batches.

Words used here:
    column: a name in the file's row of headings. Without such a row (`header=False`) columns go by
        number from 1: artist 1, venue 2 and, where the file has a third, date 3.
    row: counted as a spreadsheet shows it, the headings being row 1 and blank lines left out;
        in Parquet the first row of data is row 1, in JSON Lines each line
        is a row, and the rows of a workbook have the numbers that its sheet shows.

What a file is, its encoding, delimiter and quoting are found by themselves (`formats`).
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from consumer.imports.columns import Columns
from consumer.imports.formats.open import source
from consumer.imports.formats.source import RowNumbers, Source
from consumer.imports.problems import BadFile, Ignored, Problems, Strict
from consumer.imports.reading import Reading
from consumer.imports.rows import RowChecker

__all__ = ["BadFile", "Columns", "Reading", "batches", "read"]

Progress = Callable[[float], None]


def batches(
    path: Path | str,
    columns: Columns | None = None,
    *,
    reading: Reading | None = None,
    assume_date: dt.date | None = None,
    progress: Progress | None = None,
) -> Iterator[pa.Table]:
    """The file's rows in file order, some ten thousand at a time.

    Args:
        path: The file.
        columns: Which column is what; the defaults where None.
        reading: How it is read; found out where None.
        assume_date: The date of rows that have none.
        progress: Called after each batch with the share of the file read, 0 to 1.

    Yields:
        Tables with `artist_id`, `venue_id` (string), `date` (date32) unless it is None and none
        is assumed, and where the file has them `event_id`, `artist_name`, `venue_name`, `status`
        (string; names may be null).

    Raises:
        BadFile: The file, a column or a row is invalid.
    """
    opened = open_file(path, columns, reading)
    for _, table in read(opened, assume_date=assume_date, progress=progress):
        yield table


@dataclass(frozen=True)
class OpenFile:
    """A file whose columns are found, to be read once."""

    path: Path
    columns: Columns
    reading: Reading
    source: Source


def open_file(
    path: Path | str, columns: Columns | None = None, reading: Reading | None = None
) -> OpenFile:
    """Open a file and find its headings.

    Args:
        path: The file.
        columns: Which column is what; the defaults where None.
        reading: How it is read; found out where None.

    Raises:
        BadFile: It cannot be read.
    """
    path, columns, reading = Path(path), columns or Columns(), reading or Reading()
    opened = source(path, columns, encoded=reading.encoding, delimiter=reading.delimiter)
    return OpenFile(path, columns, reading, opened)


def read(
    file: OpenFile,
    *,
    assume_date: dt.date | None = None,
    progress: Progress | None = None,
    problems: Problems | None = None,
) -> Iterator[tuple[RowNumbers, pa.Table]]:
    """As `batches`, with the numbers of the rows.

    Args:
        file: The file.
        assume_date: The date of rows that have none.
        progress: Called after each batch with the share of the file read, 0 to 1.
        problems: Takes bad rows, which are then left out; the first one is raised where None.

    Raises:
        BadFile: The file or a column is invalid, or a row and `problems` is None.
    """
    problems, progress = problems or Strict(), progress or (lambda _share: None)
    wanted = file.columns.find(file.path, file.source.names, dated=assume_date is None)
    positions = sorted(set(wanted.values()))
    checker = RowChecker(
        file.path,
        file.source.names,
        wanted,
        assume_date=assume_date,
        reading=file.reading,
        column=lambda: _column(file, wanted["date"]),
        problems=problems,
    )
    for numbers, table in file.source.read(positions, problems):
        yield checker.check(numbers, table)
        progress(file.source.share())
    progress(1.0)


def _column(file: OpenFile, at: int) -> Iterator[pa.Array]:
    """One column of the file, read once more."""
    again = open_file(file.path, file.columns, file.reading).source
    for _, table in again.read([at], Ignored()):
        yield table.column(0).combine_chunks()
