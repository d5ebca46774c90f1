"""What can go wrong between us and Redis, grouped by what the caller does about it.

    ServingError                  1
    ├── NotPublished              1  nothing to read yet
    ├── Unreadable                1  what is there was not written by this version
    ├── RedisUnfit                2  wrong server, wrong setting, missing right
    ├── LoginRefused              3  wrong user or password
    ├── RedisUnreachable          3  passing: wait and try again
    │   └── RedisFull             3
    └── Refused                   4  nothing was written
        ├── Fenced                4  another writer owns the prefix: stop
        ├── ShrinkRefused         4  far fewer lists than before: a person decides
        ├── Incomplete            4  staging is not whole: stage again
        ├── SeqMoved              4  the live lists are not at the expected fold-in: look
        └── Superseded            4  another generation is live

The number is the exit code of a process that ends with it; ``str()`` is one line with the remedy.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .owner import Owner


class ServingError(Exception):
    """Base of all errors raised by this package."""

    exit_code: int = 1


class NotPublished(ServingError):
    """No generation is live under this prefix."""


class Unreadable(ServingError):
    """A value in Redis does not follow the contract."""


class RedisUnfit(ServingError):
    """This server, or our rights on it, will not do."""

    exit_code = 2


class LoginRefused(ServingError):
    """The server wants another user or password."""

    exit_code = 3


class RedisUnreachable(ServingError):
    """The server does not answer now, or cannot take writes now."""

    exit_code = 3


class RedisFull(RedisUnreachable):
    """The server is out of memory and, rightly, evicts nothing."""


class Refused(ServingError):
    """A check before the first write failed; Redis is as it was."""

    exit_code = 4


class Fenced(Refused):
    """Another writer owns the prefix."""

    @classmethod
    def outrun(cls, token: int, seen: int, owner: "Owner | None" = None) -> "Fenced":
        """A newer writer of our own registry was here.

        Args:
            token: ours.
            seen: the highest one.
            owner: the process that has it, if that is known.
        """
        known = f"{owner}; " if owner else ""
        return cls(
            f"a newer trainer ({known}token {seen}, ours is {token}) publishes here: "
            "this one stops; start it again with --takeover if it is the one to keep"
        )

    @classmethod
    def foreign(cls, prefix: str, registry: str, owner: "Owner | None" = None) -> "Fenced":
        """The prefix belongs to another registry.

        Args:
            prefix: of the keys.
            registry: whose they are.
            owner: the process that publishes, if that is known.
        """
        known = f" ({owner})" if owner else ""
        return cls(
            f"the lists under prefix {prefix!r} belong to registry {registry}{known}: publish "
            "under another GIGSTREAM_REDIS_PREFIX, or take them over with --takeover"
        )


class ShrinkRefused(Refused):
    """A view would lose more than half of its lists."""

    def __init__(self, view: str, before: int, now: int) -> None:
        super().__init__(
            f"the {view} lists would shrink from {before} to {now}: look for what is missing in "
            "the store, or publish with --force"
        )


class Incomplete(Refused):
    """A staged hash does not hold what was staged into it."""

    def __init__(self, key: str, expected: int | None = None, found: int | None = None) -> None:
        holds = "is gone or was begun again" if found is None else f"holds {found} of {expected}"
        super().__init__(f"staging {key} {holds}: stage this generation again")


class SeqMoved(Refused):
    """The live lists are at another fold-in or store version than the caller expects."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        super().__init__(f"the live lists are at fold-in {seq}: look and publish what differs")


class Superseded(Refused):
    """Another generation is live than the caller thinks."""

    def __init__(self, generation: int, live: int | None) -> None:
        self.live = live
        state = "no whole generation" if live is None else f"generation {live}"
        super().__init__(
            f"{state} is live, not {generation} or an older one: look and publish again"
        )
