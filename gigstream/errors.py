"""Errors of the command line, by exit code.

GigstreamError        1  failed while working
├── WrongUse          2  an argument or a setting is invalid
│   └── BadSettings   2  one line for each invalid setting
└── PartDied          1  a process of the local stack ended unexpectedly
"""

from collections.abc import Sequence


class GigstreamError(Exception):
    """Base of this package's errors: `str` is one line with cause and remedy."""

    exit_code: int = 1


class WrongUse(GigstreamError):
    """An argument or a setting is invalid."""

    exit_code = 2


class PartDied(GigstreamError):
    """A process of the local stack ended unexpectedly; `lines` are its last log lines but one."""

    def __init__(self, message: str, *, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.lines = lines
