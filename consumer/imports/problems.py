"""Rows that cannot be imported: where each is, what is wrong with it, what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from consumer.errors import ConsumerError

_SHOWN = 80


class BadFile(ConsumerError):
    """An event file that cannot be read; the text names file, row, column and remedy.

    Attributes:
        lines: What is printed before the text: one line for each bad row.
    """

    exit_code = 2

    def __init__(self, text: str, *, lines: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.lines = tuple(lines)


@dataclass(frozen=True)
class Problem:
    """A bad row.

    Attributes:
        path: Its file.
        row: Its number in the file.
        column: The heading of the wrong value; None where the whole row is wrong.
        value: The wrong value; empty where the whole row is wrong.
        text: What is wrong and the remedy, as in "is empty; every row needs an id".
    """

    path: Path
    row: int
    column: str | None
    value: str
    text: str

    def __str__(self) -> str:
        if self.column is None:
            return f"{self.path} row {self.row}: {self.text}"
        return f"{self.path} row {self.row}, column {self.column!r}: {self.value} {self.text}"


class Problems(Protocol):
    """Takes bad rows, in the order of the file within each check."""

    def add(self, problem: Problem) -> None:
        """Take a row that cannot be read."""

    def leave_out(self, problem: Problem) -> None:
        """Take a row that is no gig, such as one with totals."""


class Strict:
    """Raises BadFile for the first bad row."""

    def add(self, problem: Problem) -> None:
        """Raise it."""
        raise BadFile(str(problem))

    def leave_out(self, problem: Problem) -> None:
        """Ignore it."""


class Ignored:
    """Leaves bad rows out: they were listed before."""

    def add(self, problem: Problem) -> None:
        """Ignore it."""

    def leave_out(self, problem: Problem) -> None:
        """Ignore it."""


def shown(value: object) -> str:
    """A value in quotes, what cannot be printed in it escaped, cut to 80 characters."""
    return repr(value)[:_SHOWN]


def unreadable(path: Path, error: Exception) -> NoReturn:
    """Raise the reason why a file cannot be read, in one line.

    Raises:
        BadFile: Always.
    """
    if isinstance(error, FileNotFoundError):
        raise BadFile(f"{path}: no such file; check the path") from None
    reason = str(getattr(error, "strerror", None) or error).split("\n")[0]
    remedy = "check that it is whole, and TSV, CSV, Excel, JSON Lines or Parquet"
    raise BadFile(f"{path} cannot be read: {reason}; {remedy}") from None
