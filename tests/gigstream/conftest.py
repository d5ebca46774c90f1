"""Commands run in an empty folder with no setting of the machine's."""

import os

import pytest

from support.processes.commands import started


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """Removes every setting from the environment and goes to an empty folder."""
    for name in list(os.environ):
        if name.upper().startswith("GIGSTREAM_") and not name.startswith("GIGSTREAM_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def start():
    """Starts commands as processes of their own; kills what the test left running."""
    processes = []

    def begin(*arguments, **options):
        processes.append(started(*arguments, **options))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()
