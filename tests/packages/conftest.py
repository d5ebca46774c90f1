"""A publisher on a prefix of the test's own."""

import pytest

from serving.publisher.publish import Publisher


@pytest.fixture
def publisher(redis_server, prefix):
    """Token 1 of registry `ours`, having claimed the prefix."""
    publisher = Publisher(redis_server.client(), prefix=prefix, registry="ours", token=1)
    publisher.claim()
    return publisher
