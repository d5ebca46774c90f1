"""A publisher and a client, on a prefix of the test's own."""

import pytest
import redis

from serving.publisher.publish import Publisher
from support.servers.redis import RedisServer


@pytest.fixture
def client(redis_server: RedisServer):
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def publisher(client, prefix):
    """Token 1 of registry `ours`, having claimed the prefix."""
    publisher = Publisher(client, prefix=prefix, registry="ours", token=1)
    publisher.claim()
    return publisher
