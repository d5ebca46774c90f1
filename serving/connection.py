"""A client of the Redis that the settings name."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from serving.errors import RedisUnreachable
from serving.options import typed
from serving.settings import ServingSettings

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 1.0
REPLY_TIMEOUT_S = 2.0
"""With the one retry, a call to a server that hangs ends within 5 s: a process can still stop."""
HEALTH_CHECK_S = 30
"""A connection idle for longer is tried before it is used: firewalls drop them silently."""
RETRIES = 1
"""Enough for a connection that broke while idle; a server that is away is the caller's matter."""

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0

Result = TypeVar("Result")


def connect(settings: ServingSettings) -> redis.Redis:
    """A client with bounded waits; the first command opens the connection. Replies are bytes."""
    options = {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": REPLY_TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_S,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), RETRIES),
    }
    options |= typed(settings.redis)
    return redis.Redis.from_url(settings.redis_url.get_secret_value(), **options)


def patiently(step: Callable[[], Result], *, within_s: float) -> Result:
    """Take a step, again and again while Redis is away.

    Raises:
        RedisUnreachable: it still was after `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return step()
        except RedisUnreachable as error:
            if time.monotonic() + pause_s > deadline:
                raise
            logger.info("%s; trying again for %.0f s.", error, deadline - time.monotonic())
        time.sleep(pause_s * random.uniform(0.5, 1))
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
