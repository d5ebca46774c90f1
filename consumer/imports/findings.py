"""What an import is to show: bad and doubtful rows, a few in full and all of them in a file."""

import csv
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from consumer.imports.problems import BadFile, Problem

SHOWN = 20
_MOST_VALUES = 10_000
_HEADINGS = ("kind", "file", "row", "column", "value", "text")


class Findings:
    """A list of rows with a kind each, of any length.

    Args:
        path: A CSV file for all of them; made with the first one after `spared`.
        spared: How many are only kept in memory.

    Attributes:
        counts: How many there are of each kind.
        first: The first 20 in full, each with its kind.
        written: Whether the file was made.
    """

    def __init__(self, path: Path | None = None, *, spared: int = 0) -> None:
        self.path, self._spared = path, spared
        self.counts: Counter[str] = Counter()
        self.first: list[tuple[str, Problem]] = []
        self.written = False
        self._values: Counter[tuple[str, str]] = Counter()
        self._waiting: list[tuple[str, Problem]] = []
        self._writer: Any = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, problem: Problem) -> None:
        """Take a bad row, see `consumer.imports.problems.Problems`."""
        self.take("bad", problem)

    def leave_out(self, problem: Problem) -> None:
        """Take a row that is no gig."""
        self.take("left out", problem)

    def shown(self) -> list[tuple[str, Problem]]:
        """The first ones, in the order of files and rows."""
        return sorted(self.first, key=lambda each: (str(each[1].path), each[1].row))

    def common_values(self) -> list[str]:
        """The most frequent values of bad rows, each with its column and its number of rows."""
        found = ((*value, count) for value, count in self._values.most_common(SHOWN) if value[1])
        return [f"{column} {value} ({count:,} rows)" for column, value, count in found]

    def take(self, kind: str, problem: Problem) -> None:
        """Take one.

        Raises:
            BadFile: The file cannot be written.
        """
        self.counts[kind] += 1
        # All others are on disk, or only counted: memory does not grow with them.
        if len(self.first) < SHOWN:
            self.first.append((kind, problem))
        value = problem.column or "", problem.value
        if kind == "bad" and (value in self._values or len(self._values) < _MOST_VALUES):
            self._values[value] += 1
        if self.path is None:
            return
        self._waiting.append((kind, problem))
        if self._writer is not None or len(self._waiting) > self._spared:
            self._write(self.path)

    def _write(self, path: Path) -> None:
        try:
            if self._writer is None:
                # Names of files may hold bytes that are not UTF-8.
                file = path.open("w", newline="", encoding="utf-8", errors="backslashreplace")
                self._writer = csv.writer(self._stack.enter_context(file))
                self._writer.writerow(_HEADINGS)
                self.written = True
            for kind, problem in self._waiting:
                place = problem.path, problem.row, problem.column or ""
                self._writer.writerow((kind, *place, problem.value, problem.text))
        except OSError as error:
            raise BadFile(
                f"{path} cannot be written: {error.strerror}; name another file"
            ) from None
        self._waiting.clear()
