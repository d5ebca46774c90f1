"""Visibility: rows of the store that say which ids are hidden, in any order."""

import random

import pytest
from deltalake import DeltaTable

from consumer.audit.rebuild import copy_decisions
from consumer.ids import decisions, visibility
from consumer.ids.visibility import HIDDEN, SHOWN, Visibility, resolve
from consumer.ingest import rows
from consumer.store.erase import Erasing
from consumer.store.reader import StoreReader, read_at
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from support.data.records import message
from support.faults.traces import files_with

CLOSED = Visibility(1, "hall-x", HIDDEN, "venue")
OPEN = Visibility(2, "hall-x", SHOWN, "venue")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def store(path):
    made = Store.open(path)
    made.append(rows.table([message(0)], topic_id="T"), {"c/t/0": Span(None, 1)})
    return made


def test_the_latest_decision_about_an_id_applies_and_sides_do_not_mix():
    assert resolve([CLOSED], "venue") == {"hall-x"}
    assert resolve([CLOSED], "artist") == set()
    assert resolve([CLOSED, OPEN], "venue") == resolve([OPEN, CLOSED], "venue") == set()
    assert resolve([CLOSED, OPEN._replace(side="artist")], "venue") == {"hall-x"}
    assert resolve([CLOSED, OPEN, CLOSED._replace(recorded_us=3)], "venue") == {"hall-x"}


def test_any_set_of_decisions_resolves_to_the_same_in_any_order():
    draw = random.Random(4)
    for _ in range(300):
        said = [
            Visibility(
                draw.randint(0, 3), draw.choice("ab"), draw.choice([HIDDEN, SHOWN]), "artist"
            )
            for _ in range(6)
        ]
        assert resolve(draw.sample(said, 6), "artist") == resolve(said, "artist")


def test_a_decision_is_a_commit_without_positions_that_readers_are_told_of(store, path):
    tail = StoreReader(path)
    tail.read()

    version = store.append(visibility.table(CLOSED), {})
    chunk = tail.read()

    assert (chunk.version, chunk.reset, chunk.events.num_rows) == (version, False, 0)
    assert chunk.visibility == (CLOSED,)
    assert chunk.positions == {"c/t/0": 1}
    assert StoreReader(path).read().visibility == (CLOSED,)
    assert read_at(path, version - 1).visibility == ()
    assert decisions.read(path).visibility == (CLOSED,)


def test_compaction_and_a_rebuilt_store_keep_decisions(store, path, tmp_path):
    for number in range(4):
        status = SHOWN if number == 3 else HIDDEN
        store.append(visibility.table(Visibility(number, f"v{number % 3}", status, "venue")), {})
    DeltaTable(path).optimize.compact()

    snapshot = delta_log.replay(path)
    assert sum(file.kind == "visibility" for file in snapshot.files.values()) == 1
    assert copy_decisions(path, tmp_path / "new") == 4
    assert copy_decisions(path, tmp_path / "new") == 0
    for each in (path, tmp_path / "new"):
        assert resolve(decisions.read(each).visibility, "venue") == {"v1", "v2"}


def test_an_erased_id_is_in_no_decision_any_more(store, path):
    store.append(visibility.table(CLOSED), {})
    store.append(visibility.table(CLOSED._replace(identity="other")), {})
    assert files_with(path, "hall-x")

    Erasing(path=path, side="venue", identity="hall-x").run({})

    assert files_with(path, "hall-x") == []
    assert resolve(decisions.read(path).visibility, "venue") == {"other"}
