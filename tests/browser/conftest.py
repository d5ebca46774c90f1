"""A stack with real gigs and hostile ones, and a real browser in front of its console."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.data.stage import hostile, real
from support.processes.browsing import Visitor
from support.processes.installation import Installation, event
from support.processes.running import until
from support.processes.serving import Api, served

HERE = Path(__file__).parent
BROKEN = b'{"event_id": "<script>alert(9)</script>", "artist_id": ""}'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of a process waits for two fits too: on a busy machine that takes minutes."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="package")
def stage(tmp_path_factory, kafka, redis_server) -> Iterator[Installation]:
    """Two generations, the second one judged; then a fold-in and a dead letter."""
    home = tmp_path_factory.mktemp("stage")
    settings = {"GIGSTREAM_TRAINER_METRICS_PORT": str(_free_port()), "GIGSTREAM_ITERATIONS": "6"}
    with Installation(home, kafka, redis_server, f"stage-{home.name}", **settings) as made:
        made.commands.start("consume")
        played = real()
        gigs = [*hostile(played[-1].time_ms), *played]
        made.send(*gigs)
        made.stored(len(gigs))
        made.commands.start("train")
        until(made.generation, 120)
        assert made.commands.run("train", "--once").returncode == 0
        made.send_raw(BROKEN, b"<script>alert(9)</script>")
        made.send(
            event(1, "first-light", "20", time_ms=gigs[-1].time_ms, artist_name="First Light")
        )
        yield made


@pytest.fixture(scope="package")
def console(stage) -> Api:
    """Its console, ready."""
    made = served(stage, GIGSTREAM_SERVE_RATE="100000")
    until(made.ready, 120)
    return made


@pytest.fixture
def visitor(browser, console) -> Iterator[Visitor]:
    """Somebody who reads the console; at the end, nothing was amiss."""
    with Visitor(browser, console.base) as made:
        yield made
        assert made.amiss == []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
