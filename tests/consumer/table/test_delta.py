"""Checkpoints keep commits quick, and no one reads another store because of them."""

import pytest

from consumer.ingest import rows
from consumer.maintenance.vacuum import clean_log
from consumer.store.reader import StoreReader
from consumer.store.writer import Store
from consumer.table import delta, delta_log
from consumer.table.delta import is_checkpoint_due, write_checkpoint_if_due
from consumer.table.delta_log import Span
from support.data.records import message

A, B = "c/t/0", "c/t/1"


def append(store, number) -> None:
    table = rows.table([message(number)], topic_id="T")
    store.append(table, {A: Span(number, number + 1), B: Span(number, number + 1)})


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path)


@pytest.mark.parametrize(
    ("newest", "checkpoint", "due"),
    [(0, None, False), (99, None, False), (100, None, True), (199, 100, False), (200, 100, True)],
)
def test_a_checkpoint_is_due_after_a_hundred_entries(newest, checkpoint, due):
    assert is_checkpoint_due(newest, checkpoint) is due


def test_after_a_checkpoint_the_store_is_the_same(store, tmp_path):
    tail = StoreReader(tmp_path)
    for number in range(6):
        append(store, number)
    before = delta_log.replay(tmp_path)
    tail.read()

    assert write_checkpoint_if_due(tmp_path, 5)
    assert not write_checkpoint_if_due(tmp_path, 5)

    assert delta_log.checkpoints(tmp_path) == [6]
    assert delta_log.replay(tmp_path) == before
    assert tail.read() is None
    assert Store.open(tmp_path).positions([A, B]) == {A: 6, B: 6}
    append(store, 6)
    assert tail.read().events["offset"].to_pylist() == [6]
    assert StoreReader(tmp_path).read().events.num_rows == 7


def test_a_table_is_read_from_its_checkpoint_when_older_entries_are_gone(store, tmp_path):
    for number in range(6):
        append(store, number)
    write_checkpoint_if_due(tmp_path, 5)
    for version in range(6):
        delta_log.entry_path(tmp_path, version).unlink()
    append(store, 6)

    assert StoreReader(tmp_path).read().positions == {A: 7, B: 7}
    assert Store.open(tmp_path).positions([A, B]) == {A: 7, B: 7}


def test_a_torn_checkpoint_is_moved_aside_when_the_store_is_opened(store, tmp_path):
    for number in range(6):
        append(store, number)
    write_checkpoint_if_due(tmp_path, 5)
    path = delta_log.checkpoint_path(tmp_path, 6)
    path.write_bytes(bytes(path.stat().st_size))

    repaired = Store.open(tmp_path)

    assert repaired.positions([A]) == {A: 6}
    assert not path.exists()
    append(repaired, 6)
    assert StoreReader(tmp_path).read().events.num_rows == 7


def test_there_is_nothing_to_keep_up_where_there_is_no_store(tmp_path):
    assert not write_checkpoint_if_due(tmp_path / "store")


def test_where_a_power_cut_tore_the_pointer_maintenance_continues_without_it(store, tmp_path):
    for number in range(2):
        append(store, number)
        delta.write_checkpoint(tmp_path)
    delta_log.pointer_path(tmp_path).write_bytes(b"")
    Store.open(tmp_path)

    assert delta.write_checkpoint(tmp_path) == 2  # it is there already: Delta writes neither again
    assert clean_log(tmp_path) == 1
    assert not delta_log.pointer_path(tmp_path).exists()
    append(Store.open(tmp_path), 2)
    assert sorted(StoreReader(tmp_path).read().events["offset"].to_pylist()) == [0, 1, 2]
