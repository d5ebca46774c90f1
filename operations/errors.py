"""What the requests of operators fail at.

OperationError         1  failed while working
├── Refused            2  cannot be done as it was asked
│   └── NotThere       2  what was named does not exist
├── StillHeld          1  models or lists still hold an erased id after the timeout
├── AuditUnwritable    1  the audit takes no line, so nothing is done
├── NoTrainer          3  no trainer works in this home
├── NotYet             3  the trainer has not done it in time
├── MostlyDead         4  most of what a source sends breaks the event contract
├── GroupShared        4  consumers of another store are in the same group
└── NotPublished       4  the newest generation was refused, or is held until a person has looked
"""


class OperationError(Exception):
    """Base of this package's errors: `str` is one line, the cause, a semicolon and the remedy."""

    exit_code: int = 1


class Refused(OperationError):
    """A request cannot be done as it was asked.

    Args:
        message: cause and remedy.
        field: the argument that is to blame, by its name in a request.
    """

    exit_code = 2

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotThere(Refused):
    """What a request names does not exist."""


class StillHeld(OperationError):
    """Models or lists still hold the id after the timeout; the store does not."""


class AuditUnwritable(OperationError):
    """The audit takes no line, so nothing is done."""


class NoTrainer(OperationError):
    """No trainer works in this home, so there is none to ask."""

    exit_code = 3


class NotYet(OperationError):
    """The trainer has not done it in time."""

    exit_code = 3


class MostlyDead(OperationError):
    """Most of what a source sends breaks the event contract; it is kept as dead letters."""

    exit_code = 4


class GroupShared(OperationError):
    """Consumers of another store are in the same group, so each store lacks what the other gets."""

    exit_code = 4


class NotPublished(OperationError):
    """The newest generation was refused, or is held until a person has looked."""

    exit_code = 4
