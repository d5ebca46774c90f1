"""Commands run in an empty folder with no setting of the machine's."""

import os

import pytest


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """Removes every setting from the environment and goes to an empty folder."""
    for name in list(os.environ):
        if name.upper().startswith("GIGSTREAM_") and not name.startswith("GIGSTREAM_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
