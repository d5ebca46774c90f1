"""Clocks that are hours off, or step: nothing is lost, and lists follow."""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from consumer.maintenance.check import inspect
from consumer.settings import ConsumerSettings
from support.processes.consume import Consuming
from support.processes.installation import season
from support.processes.running import until

SOURCE = Path(__file__).parents[1] / "support" / "faults" / "wrong_clock.c"
STEPPING = "stepping"
LOAD_S = 15.0
BACK_S = float(os.environ.get("GIGSTREAM_TEST_WITHIN_S", "60"))
"""Lists are staged by a new process, two where a refit is under way: 5 s on a quiet machine."""


class Clocks:
    """A wall clock for each process, from a file; monotonic time and file dates stay real."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library = folder / "wrong_clock.so"
        command = ["cc", "-O2", "-shared", "-fPIC", str(SOURCE), "-o", str(self._library)]
        subprocess.run(command, check=True)
        self._stepping: list[Path] = []
        self._ends = itertools.cycle(["7200", "-7200"])

    def variables(self, offset: str) -> dict[str, str]:
        file = self._folder / f"clock-{len(list(self._folder.glob('clock-*')))}"
        if offset == STEPPING:
            self._stepping.append(file)
        file.write_text("0" if offset == STEPPING else offset)
        return {"LD_PRELOAD": str(self._library), "WRONG_CLOCK": str(file)}

    def step(self) -> None:
        end = next(self._ends)
        for file in self._stepping:
            draft = file.with_suffix(".new")
            draft.write_text(end)
            draft.rename(file)


@pytest.fixture
def clocks(tmp_path) -> Clocks:
    return Clocks(tmp_path)


def consumer(installation, clocks, offset, monkeypatch) -> Consuming:
    """With a housekeeper of its own clock, in a hurry."""
    settings = ConsumerSettings(
        home=installation.commands.home,
        kafka_bootstrap=installation.kafka.bootstrap,
        kafka_topic=installation.topic,
        kafka_group=installation.topic,
        upkeep_grace_s=0,
    )
    with monkeypatch.context() as patched:
        for name, value in clocks.variables(offset).items():
            patched.setenv(name, value)
        return Consuming(settings, upkeep=())


@pytest.mark.skipif(sys.platform != "linux", reason="what is preloaded is Linux's")
@pytest.mark.parametrize(
    ("first", "second", "trainer"),
    [("7200", "-7200", STEPPING), (STEPPING, "7200", "-7200"), ("-7200", STEPPING, "7200")],
)
def test_wrong_and_stepping_clocks_lose_nothing(
    installation, clocks, monkeypatch, *, first, second, trainer
):
    with (
        consumer(installation, clocks, first, monkeypatch) as one,
        consumer(installation, clocks, second, monkeypatch) as other,
    ):
        installation.commands.environ |= clocks.variables(trainer)
        training = installation.commands.start("train")
        for name in clocks.variables("0"):
            del installation.commands.environ[name]
        events = season(3000)
        installation.send(*events[:300])
        until(installation.generation)

        sent, end_s = 300, time.monotonic() + LOAD_S
        while time.monotonic() < end_s and sent < len(events):
            clocks.step()
            installation.send(*events[sent : sent + 10])
            sent += 10
            time.sleep(0.05)
        assert installation.stored(sent)["plays"] == sent
        found = inspect(installation.commands.home / "store")
        assert (found.findings, found.rows) == ([], sent)

        before = {view: set(lists) for view, lists in installation.lists().items()}
        clocks.step()
        installation.client.delete(*installation.client.keys(f"{installation.prefix}:*"))
        gone_s = time.monotonic()
        until(lambda: _views(installation) == before, 60)
        took_s = time.monotonic() - gone_s
        print(f"lists back after {took_s:.2f} s")
        assert took_s <= BACK_S, installation.commands.logs()

        for process in (one.process, other.process, training):
            assert process.poll() is None, one.said + other.said + installation.commands.logs()


def _views(installation) -> dict[str, set[str]] | None:
    try:
        return {view: set(lists) for view, lists in installation.lists().items()}
    except (AttributeError, TypeError):  # not all of them are there yet
        return None
