"""Real servers for every test: one Kafka broker and one Redis per test process."""

import itertools
import os
from collections.abc import Iterator

import hypothesis
import pytest

from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

# No deadline: on a busy machine the first example of a test also pays for its imports.
hypothesis.settings.register_profile("gigstream", deadline=None)
hypothesis.settings.load_profile("gigstream")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaBroker]:
    """A running broker, shared: make a topic of your own with `kafka.create_topic()`."""
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A running Redis, shared: keep to a prefix of your own."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """A key prefix that no other test has."""
    return f"t{os.getpid()}-{next(_numbers)}"
