"""An installation with published lists, and the API in front of it."""

from collections.abc import Iterator

import pytest

from support.processes.installation import Installation, season
from support.processes.running import until
from support.processes.serving import STORED, Api, described, served
from support.processes.worked import worked


@pytest.fixture(scope="package")
def installed(tmp_path_factory, kafka, redis_server) -> Iterator[Installation]:
    """A season of 30 artists at 12 venues, stored and published; the trainer follows."""
    home = tmp_path_factory.mktemp("web")
    settings = {"GIGSTREAM_LIST_SIZE": str(STORED)}
    with Installation(home, kafka, redis_server, f"web-{home.name}", **settings) as made:
        made.commands.start("consume")
        events = [described(event) for event in season()]
        made.send(*events)
        made.stored(len(events))
        made.commands.start("train")
        until(made.generation)
        yield made


@pytest.fixture(scope="package")
def api(installed) -> Api:
    """The API of that installation, ready."""
    made = served(installed, GIGSTREAM_SERVE_RATE="100000")
    until(made.ready, 90)
    return made


@pytest.fixture(scope="module")
def own_installed(tmp_path_factory, kafka, redis_server) -> Iterator[Installation]:
    """An installation for one file of tests: what others send, erase or roll back is not in it."""
    with worked(tmp_path_factory.mktemp("own"), kafka, redis_server) as made:
        yield made


@pytest.fixture(scope="module")
def own_api(own_installed) -> Api:
    """The API of that installation, ready."""
    made = served(own_installed, GIGSTREAM_SERVE_RATE="100000")
    until(made.ready, 90)
    return made
