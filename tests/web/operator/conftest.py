"""An installation whose operators act through the API: of its own, as they change it."""

from collections.abc import Iterator

import pytest

from support.processes.browsing import Visitor
from support.processes.installation import Installation
from support.processes.running import until
from support.processes.serving import TOKEN, Api, served
from support.processes.worked import worked


@pytest.fixture(scope="package")
def installed(tmp_path_factory, kafka, redis_server) -> Iterator[Installation]:
    """An installation with dead letters, whose trainer follows."""
    with worked(tmp_path_factory.mktemp("operator"), kafka, redis_server) as made:
        yield made


@pytest.fixture(scope="package")
def api(installed) -> Api:
    """The API of that installation, ready."""
    made = served(installed, GIGSTREAM_SERVE_RATE="100000")
    until(made.ready, 90)
    return made


@pytest.fixture
def act(api):
    """Sends an action with the token; returns its answer, which must be good."""

    def send(path, **body):
        reply = api.ask(path, body, token=TOKEN)
        assert reply.status == 200, reply.body
        return reply.json

    return send


@pytest.fixture
def audited(api):
    """The newest lines of the audit."""
    return lambda n=1: api.ask("/v1/audit", n=n).json["audit"]


@pytest.fixture
def visitor(browser, api) -> Iterator[Visitor]:
    """One who reads the console; at the end, nothing was amiss."""
    with Visitor(browser, api.base) as made:
        yield made
        assert made.amiss == []


@pytest.fixture
def operator(visitor) -> Visitor:
    """One who is logged in."""
    visitor.log_in(TOKEN, "Olga")
    visitor.page.get_by_text("Olga").wait_for()
    return visitor
