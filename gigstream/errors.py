"""What the command line refuses.

GigstreamError        1  failed while working
├── WrongUse          2  an argument or a setting cannot be
├── PartDied          1  a process of the local stack ended by itself
└── Unreachable       3  a server does not answer
"""

from collections.abc import Sequence


class GigstreamError(Exception):
    """Base of this package's errors: `str` is one line, cause and remedy."""

    exit_code: int = 1


class WrongUse(GigstreamError):
    """An argument or a setting cannot be."""

    exit_code = 2


class PartDied(GigstreamError):
    """A process of the local stack ended by itself; `lines` are its last but one."""

    def __init__(self, message: str, *, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.lines = lines


class Unreachable(GigstreamError):
    """A server does not answer."""

    exit_code = 3
