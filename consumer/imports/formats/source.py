"""What every kind of file offers: headings, and rows in tables."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from consumer.imports.problems import Problem, Problems

RowNumbers = NDArray[np.int64]
Rows = tuple[RowNumbers, pa.Table]
"""Numbers of rows, as a spreadsheet shows them, and their values in columns named `0`, `1`, ..."""

_ROWS_AT_ONCE = 16_384


class Source(Protocol):
    """A file, read once.

    Attributes:
        names: Its headings.
        about: What was found out about it, for the report, such as its encoding.
    """

    names: list[str]
    about: str

    def read(self, wanted: Sequence[int], problems: Problems) -> Iterator[Rows]:
        """The wanted columns, some ten thousand rows at a time; rows that are no rows go astray.

        Args:
            wanted: Positions of columns.
            problems: Takes rows that cannot be read.
        """

    def share(self) -> float:
        """Part of the file read so far, 0 to 1."""


@dataclass(frozen=True)
class Line:
    """A row of a file that is read by Python: its number and its texts."""

    number: int
    cells: Sequence[str]


def tables(lines: Iterable[Line], wanted: Sequence[int]) -> Iterator[Rows]:
    """Rows that are read by Python, in tables of texts; cells that a row lacks are empty."""
    rest = iter(lines)
    while batch := list(islice(rest, _ROWS_AT_ONCE)):
        columns = {
            str(at): pa.array([_cell(line, at) for line in batch], pa.string()) for at in wanted
        }
        numbers = np.array([line.number for line in batch], np.int64)
        yield numbers, pa.table(columns or {"": pa.nulls(len(batch))})


def _cell(line: Line, at: int) -> str:
    return line.cells[at] if at < len(line.cells) else ""


def ragged(path: Path, row: int, found: int, expected: int) -> Problem:
    """A row with more or fewer columns than there are headings.

    Args:
        path: The file.
        row: Its number.
        found: How many columns it has.
        expected: How many headings there are.
    """
    text = f"has {found} columns where the first row has {expected}; correct or remove the row"
    return Problem(path, row, None, "", text)
