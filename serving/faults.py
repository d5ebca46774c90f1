"""redis-py's errors in our words, each one line with its remedy."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterCrossSlotError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis-py's own, on purpose
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004
    TryAgainError,
)

from serving.errors import (
    LoginRefused,
    RedisFull,
    RedisUnfit,
    RedisUnreachable,
    ServingError,
)

# redis-py names the address again, and a pipeline's whole command, before the cause.
_PREAMBLE = re.compile(r"Error -?\d+ connecting to \S+\. |Command # .* of pipeline caused error: ")
_PASSING = ("MISCONF", "NOREPLICAS", "BUSY ", "LOADING", "UNKILLABLE")
"""Refusals that redis-py has no class for and that end by themselves or by an operator."""


@contextmanager
def translated(client: redis.Redis, prefix: str) -> Iterator[None]:
    """Raise what redis-py raises inside as one of ours; errors that we do not know pass.

    Raises:
        RedisUnreachable, RedisFull, LoginRefused, RedisUnfit: see `serving.errors`.
    """
    try:
        yield
    except RedisError as error:
        ours = _translate(error, address(client), prefix)
        if ours is None:
            raise
        raise ours from error


def address(client: redis.Redis) -> str:
    """Where a client connects to, for messages: no user, no password."""
    pool = getattr(client, "connection_pool", None)
    options = pool.connection_kwargs if pool else {}
    if "path" in options:
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def _translate(error: RedisError, where: str, prefix: str) -> ServingError | None:
    # Order matters: to redis-py a wrong password and a missing server are both ConnectionErrors.
    match error:
        case AuthenticationError() | AuthorizationError():
            return LoginRefused(
                f"Redis at {where} refuses the login: set user and password in "
                "GIGSTREAM_REDIS_URL (redis://user:password@host:port/0)"
            )
        case ConnectionError() | TimeoutError():
            return RedisUnreachable(
                f"Redis at {where} cannot be reached ({_brief(error)}): start it, or set "
                "GIGSTREAM_REDIS_URL"
            )
        case ResponseError():
            return _refusal(error, where, prefix)
    return None


def _refusal(error: ResponseError, where: str, prefix: str) -> ServingError | None:
    said = _brief(error)
    match error:
        case OutOfMemoryError():
            return _full(where)
        case NoPermissionError():
            return RedisUnfit(
                f"Redis at {where}: {said}: grant it (docs/contract/redis.md has the ACL lines)"
            )
        case ClusterDownError() | TryAgainError() | ReadOnlyError():
            return RedisUnreachable(f"Redis at {where} cannot serve now ({said}): wait for it")
        case AskError() | ClusterCrossSlotError():
            return RedisUnfit(
                f"this node of the Redis cluster, {where}, does not hold the keys of prefix "
                f"{prefix!r} ({said}): set GIGSTREAM_REDIS_URL to the one that does"
            )
    return _unnamed_refusal(said, where, prefix)


def _unnamed_refusal(said: str, where: str, prefix: str) -> ServingError | None:
    if "WRONGTYPE" in said:
        return RedisUnfit(
            f"a key of prefix {prefix!r} at {where} holds something else than our lists: delete "
            "it, or set another GIGSTREAM_REDIS_PREFIX"
        )
    if "OOM command" in said:  # as 6.2 words it inside a script
        return _full(where)
    if any(code in said for code in _PASSING):
        return RedisUnreachable(f"Redis at {where} takes no writes now ({said}): see its log")
    return None


def _full(where: str) -> RedisFull:
    return RedisFull(f"Redis at {where} is out of memory: raise maxmemory; the lists stay as is")


def _brief(error: RedisError) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return _PREAMBLE.sub("", text)
