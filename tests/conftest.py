"""Real servers for every test: one Kafka broker and one Redis per test process.

Fixtures of the scope "package" end with their folder. To pytest a package is a folder with an
`__init__.py`, and folders of tests have none, since they are called as the packages they test: to
the end of the session their installations would run on, and slow down all other tests.
"""

import itertools
import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

# No deadline: on a busy machine the first example of a test also pays for its imports.
hypothesis.settings.register_profile("gigstream", deadline=None)
hypothesis.settings.load_profile("gigstream")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_numbers = itertools.count(1)
_of_folders: list[tuple[pytest.FixtureDef[Any], pytest.FixtureRequest]] = []


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Remember the fixtures of a folder."""
    if fixturedef.scope == "package":
        _of_folders.append((fixturedef, request))
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """End the fixtures of a folder that is left; behind those of the test, which use them."""
    following = nextitem.nodeid if nextitem else ""
    for fixture, request in reversed(_of_folders[:]):
        if not following.startswith(f"{fixture.baseid}/"):
            _of_folders.remove((fixture, request))
            fixture.finish(request)


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


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The Chromium of this machine."""
    # Inside: most tests need none. Not for longer: Playwright's event loop would run on under
    # tests that start one of their own.
    from support.processes.browsing import chromium  # noqa: PLC0415

    with chromium() as made:
        yield made


@pytest.fixture
def prefix() -> str:
    """A key prefix that no other test has."""
    return f"t{os.getpid()}-{next(_numbers)}"
