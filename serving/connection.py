"""A client of the Redis that the settings name."""

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from serving.options import typed
from serving.settings import ServingSettings

CONNECT_TIMEOUT_S = 1.0
REPLY_TIMEOUT_S = 2.0
"""With the one retry, a call to a server that hangs ends within 5 s: a process can still stop."""
HEALTH_CHECK_S = 30
"""A connection idle for longer is tried before it is used: firewalls drop them silently."""
RETRIES = 1
"""Enough for a connection that broke while idle; a server that is away is the caller's matter."""


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
