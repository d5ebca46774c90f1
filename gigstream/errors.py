"""Errors of the command line, by exit code.

GigstreamError        1  failed while working
├── WrongUse          2  an argument or a setting is invalid
│   └── BadSettings   2  one line for each invalid setting
├── PartDied          1  a process of the local stack ended unexpectedly
├── StillHeld         1  models or lists still hold an erased id after the timeout
├── MostlyDead        4  most of what a source sends breaks the event contract
├── GroupShared       4  consumers of another store are in the same group
└── NotPublished      4  the newest generation was refused, or is held until a person has looked
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


class MostlyDead(GigstreamError):
    """Most of what a source sends breaks the event contract; it is kept as dead letters."""

    exit_code = 4


class GroupShared(GigstreamError):
    """Consumers of another store are in the same group, so each store lacks what the other gets."""

    exit_code = 4


class NotPublished(GigstreamError):
    """The newest generation was refused, or is held until a person has looked."""

    exit_code = 4
