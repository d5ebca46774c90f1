"""No power cut loses, doubles or halves a batch: every call of a real life replayed, see
`support.faults.power_loss`. A sample of outcomes; `make powerloss` goes through many more."""

import os

import pytest

from support.faults.disk import digest
from support.faults.power_loss import Traced, first_loss, whole

OUTCOMES = 4


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    # Nothing is cut off while an outcome is looked at.
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return Traced("plain", tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("story", ["plain", "killed"])
def test_no_power_cut_loses_doubles_or_halves_a_batch(tmp_path, story):
    found = whole(story, OUTCOMES, tmp_path)

    assert found["losses"] == {}
    assert found["outcomes"] > 150


def test_the_calls_make_what_is_really_there(plain):
    disk = plain.disk()
    for call in plain.calls:
        if not plain.tells(call):
            disk.apply(call)

    assert digest(disk.now()) == digest(plain.really())


CONTROLS = {
    "a file": (6, r".*/kind=event/\w+\.parquet"),
    "its folder": (6, r".*/kind=event"),
    "the log entry": (6, r".*/_delta_log/\d+\.json"),
    "the log": (6, r".*/_delta_log"),
    "the table's folder, where another writer made one of a kind and died": (2, "home/store"),
    "the folder of a new table": (0, "home"),
    "the folder of that folder": (0, ""),
}
"""What is synced by which deed of the story; its last sync of it is left out."""


@pytest.mark.parametrize("what", CONTROLS)
def test_without_one_sync_a_power_cut_loses_a_batch(plain, tmp_path, what):
    number = plain.syncs(*CONTROLS[what])[-1]

    loss = first_loss(plain, number, tmp_path / "scratch", OUTCOMES)

    print(f"without a sync of {what}: {loss}")
    assert loss
