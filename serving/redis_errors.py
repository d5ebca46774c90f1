"""redis-py's errors in our words, each one line with its remedy."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import redis
from redis import exceptions

from .errors import LoginRefused, RedisFull, RedisUnfit, RedisUnreachable, ServingError

if TYPE_CHECKING:
    from redis.asyncio import Redis as AsyncRedis

# redis-py names the address again, and a pipeline's whole command, before the cause.
_PREAMBLE = re.compile(r"Error -?\d+ connecting to \S+\. |Command # .* of pipeline caused error: ")
_PASSING = ("MISCONF", "NOREPLICAS", "BUSY ", "LOADING", "UNKILLABLE")
"""Refusals that redis-py has no class for and that end by themselves or by an operator."""


_REMEDIES = {
    r"hello|NOPROTO": "it does not know the greeting of newer clients; set "
    "GIGSTREAM_REDIS__PROTOCOL=2",
    r"DB index|SELECT": "correct the number of the database at the end of GIGSTREAM_REDIS_URL",
    r"protected mode": "it takes no connections from other machines; set a password there "
    "(requirepass) and in GIGSTREAM_REDIS_URL",
    r"un(known|supported) (redis )?command": "gigstream needs this command; use Redis 6.2 or "
    "newer, or Valkey, where it is neither renamed nor forbidden",
}
_NO_REMEDY = "see its log; `gigstream check redis` looks at this server alone"
_ARGUMENTS = re.compile(r",? with args beginning with.*")
_LONGEST = 300


AnyClient: TypeAlias = "redis.Redis | AsyncRedis"


@contextmanager
def translated(client: AnyClient, prefix: str) -> Iterator[None]:
    """Raise what redis-py raises inside as a `ServingError` of one line.

    Raises:
        RedisUnreachable, RedisFull, LoginRefused, RedisUnfit, ServingError: see `serving.errors`.
    """
    try:
        yield
    except exceptions.RedisError as error:
        raise translate(error, client, prefix) from error


def address(client: AnyClient) -> str:
    """Where a client connects to, for messages: no user, no password."""
    pool = getattr(client, "connection_pool", None)
    options = pool.connection_kwargs if pool else {}
    if "path" in options:
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def translate(error: exceptions.RedisError, client: AnyClient, prefix: str) -> ServingError:
    """An error of redis-py in our words.

    Args:
        error: that a call raised.
        client: that was called.
        prefix: of the keys.
    """
    where = address(client)
    # Order matters: to redis-py a wrong password and a missing server are both ConnectionErrors.
    match error:
        case exceptions.AuthenticationError() | exceptions.AuthorizationError():
            return LoginRefused(
                f"Redis at {where} refuses the login: set user and password in "
                "GIGSTREAM_REDIS_URL (redis://user:password@host:port/0)"
            )
        case exceptions.ConnectionError() | exceptions.TimeoutError():
            return RedisUnreachable(
                f"Redis at {where} cannot be reached ({_brief(error)}): start it, or set "
                "GIGSTREAM_REDIS_URL"
            )
        case exceptions.ResponseError():
            return _refusal(error, where, prefix)
        case exceptions.InvalidResponse():
            return RedisUnfit(
                f"what answers at {where} is no Redis ({_brief(error)}): correct "
                "GIGSTREAM_REDIS_URL"
            )
    return ServingError(f"Redis at {where}: {_brief(error)}: see its log")


def _refusal(error: exceptions.ResponseError, where: str, prefix: str) -> ServingError:
    said = _brief(error)
    match error:
        case exceptions.OutOfMemoryError():
            return _full(where)
        case exceptions.NoPermissionError():
            return RedisUnfit(
                f"Redis at {where}: {said}: grant it to this user with ACL SETUSER; "
                f"keys begin with {prefix!r}"
            )
        case (
            exceptions.ClusterDownError() | exceptions.TryAgainError() | exceptions.ReadOnlyError()
        ):
            return RedisUnreachable(f"Redis at {where} cannot serve now ({said}): wait for it")
        case exceptions.AskError() | exceptions.ClusterCrossSlotError():
            return RedisUnfit(
                f"this node of the Redis cluster, {where}, does not hold the keys of prefix "
                f"{prefix!r} ({said}): set GIGSTREAM_REDIS_URL to the one that does"
            )
    return _unnamed_refusal(said, where, prefix)


def _unnamed_refusal(said: str, where: str, prefix: str) -> ServingError:
    if "WRONGTYPE" in said:
        return RedisUnfit(
            f"a key of prefix {prefix!r} at {where} holds something else than our lists: delete "
            "it, or set another GIGSTREAM_REDIS_PREFIX"
        )
    if "OOM command" in said:  # as 6.2 words it inside a script
        return _full(where)
    if any(code in said for code in _PASSING):
        return RedisUnreachable(f"Redis at {where} takes no writes now ({said}): see its log")
    return RedisUnfit(f"Redis at {where}: {said}: {_remedy(said)}")


def _remedy(said: str) -> str:
    """What helps against a refusal that redis-py has no class for, by Redis's own words."""
    found = (remedy for sign, remedy in _REMEDIES.items() if re.search(sign, said, re.IGNORECASE))
    return next(found, _NO_REMEDY)


def _full(where: str) -> RedisFull:
    return RedisFull(f"Redis at {where} is out of memory: raise maxmemory; the lists stay as is")


def _brief(error: exceptions.RedisError) -> str:
    # A refused greeting repeats its arguments, the password among them.
    text = _ARGUMENTS.sub("", " ".join(str(error).split())).rstrip(".")
    return _PREAMBLE.sub("", text)[:_LONGEST]
