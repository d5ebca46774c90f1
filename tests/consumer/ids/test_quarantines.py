"""Quarantines: rows of the store that say whose statements do not count, in any order."""

import random

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from consumer.audit.rebuild import copy_decisions
from consumer.ids import decisions, quarantines
from consumer.ids.quarantines import ALL, QUARANTINED, RELEASED, Quarantine, counting, resolve
from consumer.ingest import rows
from consumer.store.reader import StoreReader, read_at, reader_state
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from consumer.table.schema import CODES, SCHEMA
from support.data.records import message

SPAM = Quarantine(1, "spam", QUARANTINED, ALL)
FREE = Quarantine(2, "spam", RELEASED, ALL)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def store(path):
    made = Store.open(path)
    made.append(rows.table([message(0)], topic_id="T"), {"c/t/0": Span(None, 1)})
    return made


def test_the_latest_decision_about_a_source_applies():
    assert resolve([SPAM]) == {"spam": ALL}
    assert resolve([SPAM, FREE]) == resolve([FREE, SPAM]) == {}
    assert resolve([SPAM, FREE, Quarantine(3, "spam", QUARANTINED, 7)]) == {"spam": 7}
    assert resolve([SPAM, Quarantine(2, "other", QUARANTINED, 7)]) == {"spam": ALL, "other": 7}


def test_any_set_of_decisions_resolves_to_the_same_in_any_order():
    draw = random.Random(4)
    for _ in range(300):
        said = [
            Quarantine(
                draw.randint(0, 3),
                draw.choice("ab"),
                draw.choice([QUARANTINED, RELEASED]),
                draw.choice([ALL, 5, 9]),
            )
            for _ in range(6)
        ]
        assert resolve(draw.sample(said, 6)) == resolve(said)


@pytest.mark.parametrize("kind", [pa.string(), CODES])
def test_rows_of_a_quarantined_source_are_left_out_from_the_moment_on(kind):
    said = [("spam", 5), ("other", 9), ("spam", 7), ("spammer", 7), ("spam", 6)]
    columns = {
        "source": pa.array([name for name, _ in said]).cast(kind),
        "recorded_at": pa.array([at for _, at in said], SCHEMA.field("recorded_at").type),
    }
    events = pa.table(columns)

    def left(held: dict[str, int]) -> list[int]:
        names = counting(events, held)["source"].to_pylist()
        at = counting(events, held)["recorded_at"].cast(pa.int64()).to_pylist()
        return [said.index(each) for each in zip(names, at, strict=True)]

    assert left({}) == [0, 1, 2, 3, 4]
    assert left({"spam": ALL}) == [1, 3]
    assert left({"spam": 6}) == [0, 1, 3]
    assert left({"spam": 8, "other": 9}) == [0, 2, 3, 4]
    assert counting(events, {"nothing": ALL}) is events


def test_a_decision_is_a_commit_without_positions_after_which_readers_begin_again(store, path):
    tail = StoreReader(path)
    tail.read()

    version = store.append(quarantines.table(SPAM), {})
    chunk = tail.read()

    assert (chunk.version, chunk.reset, chunk.events.num_rows) == (version, True, 1)
    assert chunk.quarantines == {"spam": ALL}
    assert chunk.positions == {"c/t/0": 1}
    assert StoreReader(path).read().quarantines == {"spam": ALL}
    assert read_at(path, version - 1).quarantines == {}
    assert decisions.read(path).quarantines == {"spam": ALL}


def test_a_decision_that_changes_nothing_makes_no_reader_begin_again(store, path):
    store.append(quarantines.table(SPAM), {})
    tail = StoreReader(path)
    tail.read()

    store.append(quarantines.table(SPAM._replace(recorded_us=5)), {})

    assert not tail.read().reset


def test_a_reader_goes_on_from_a_state_under_the_same_quarantines_only(store, path):
    version = store.append(quarantines.table(SPAM._replace(since_us=7)), {})
    known = reader_state(path, version)
    store.append(rows.table([message(1)], topic_id="T"), {"c/t/0": Span(1, 2)})

    resumed = StoreReader(path).resume(known, lambda pieces: pieces.chunk.quarantines)
    assert (resumed.result, resumed.rows) == ({"spam": 7}, 1)
    store.append(quarantines.table(FREE), {})
    assert StoreReader(path).resume(known, lambda pieces: pieces) is None


def test_compaction_and_a_rebuilt_store_keep_decisions(store, path, tmp_path):
    for number in range(4):
        status = RELEASED if number % 3 == 2 else QUARANTINED
        store.append(quarantines.table(Quarantine(number, f"s{number % 3}", status, ALL)), {})
    DeltaTable(path).optimize.compact()

    snapshot = delta_log.replay(path)
    assert sum(file.kind == "quarantine" for file in snapshot.files.values()) == 1
    assert copy_decisions(path, tmp_path / "new") == 4
    assert copy_decisions(path, tmp_path / "new") == 0
    for each in (path, tmp_path / "new"):
        assert decisions.read(each).quarantines == {"s0": ALL, "s1": ALL}
