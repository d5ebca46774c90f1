"""A store of an older format becomes one of today's under its users; a newer one is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from consumer.errors import StoreBusy, StoreNewer, StoreUnusable
from consumer.ingest import rows
from consumer.store import writer as store_module
from consumer.store.reader import StoreReader, read_at
from consumer.store.writer import Store, _Files
from consumer.table import delta, delta_log, durable, parquet, schema
from consumer.table.delta import open_handle
from consumer.table.delta_log import Span
from support.data.records import message, places, stored, until

A, B = "c/t/0", "c/t/1"
TESTS = Path(__file__).parents[2]
OLDER = pa.schema([field for field in schema.SCHEMA if field.name not in delta.ADDED])


def table(*offsets, partition=0) -> pa.Table:
    return rows.table([message(offset, partition=partition) for offset in offsets], topic_id="T")


def as_is(path) -> Store:
    """The store as a consumer has it that opened it before the upgrade."""
    return Store(path=path, table=open_handle(path))


def set_format(path, number) -> None:
    properties = {delta_log.FORMAT_KEY: str(number)}
    DeltaTable(path).alter.set_table_properties(properties, raise_if_not_exists=False)


@pytest.fixture
def older(tmp_path) -> Path:
    """A store of format 1 with one event and one dead row."""
    path = tmp_path / "store"
    said = {
        name: v for name, v in store_module._CONFIGURATION.items() if name != delta_log.FORMAT_KEY
    }
    DeltaTable.create(path, OLDER, partition_by=["kind"], configuration=said)
    both = rows.table([message(0), message(1, b"?")], topic_id="T").select(OLDER.names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "STORED", pa.schema([f for f in OLDER if f.name != "kind"]))
        as_is(path).append(both, {A: Span(None, 2)})
    assert {field.name for field in DeltaTable(path).schema().fields} == set(OLDER.names)
    assert delta_log.replay(path).table.format == 1
    return path


def test_a_new_store_has_todays_format_and_an_id_of_its_own(tmp_path):
    Store.open(tmp_path / "one")
    Store.open(tmp_path / "other")

    one, other = (
        delta_log.replay(tmp_path / "one").table,
        delta_log.replay(tmp_path / "other").table,
    )

    assert (one.format, other.format) == (delta_log.FORMAT, delta_log.FORMAT) == (2, 2)
    assert one.id != other.id
    assert delta_log.versions(tmp_path / "one") == [0]


def test_an_older_store_is_upgraded_when_it_is_opened_and_its_rows_have_nulls(older):
    before = delta_log.replay(older)

    store = Store.open(older)
    store.append(table(2), {A: Span(2, 3)})

    now = delta_log.replay(older)
    assert (now.table.format, now.table.id) == (2, before.table.id)
    assert [field.name for field in DeltaTable(older).schema().fields] == schema.SCHEMA.names
    assert DeltaTable(older).metadata().configuration == store_module._CONFIGURATION
    found = {row["offset"]: row for row in stored(older)}
    assert [found[offset]["replay_of"] for offset in range(3)] == [None] * 3
    assert [found[offset]["raw_headers"] for offset in range(3)] == [None] * 3
    assert found[1]["raw"] == b"?"
    chunk = StoreReader(older).read()
    assert sorted(chunk.events["offset"].to_pylist()) == [0, 2]
    assert chunk.events["replay_of"].to_pylist() == [None, None]


def test_a_store_that_was_upgraded_is_left_alone(older):
    Store.open(older)
    versions = delta_log.versions(older)

    Store.open(older)

    assert delta_log.versions(older) == versions


def test_the_log_and_delta_tell_the_same_format_also_from_a_checkpoint(older):
    Store.open(older)
    before = delta_log.replay(older)
    DeltaTable(older).create_checkpoint()
    for version in delta_log.versions(older)[:-1]:
        delta_log.entry_path(older, version).unlink()

    assert delta_log.replay(older) == before
    assert before.table.id == str(DeltaTable(older).metadata().id)


def test_a_follower_of_the_older_store_goes_on_through_the_upgrade(older):
    tail = StoreReader(older)
    tail.read()
    store = Store.open(older)
    store.append(table(2), {A: Span(2, 3)})

    chunk = tail.read()

    assert (chunk.reset, chunk.events["offset"].to_pylist()) == (False, [2])


def test_a_handle_from_before_the_upgrade_is_refused_once_and_then_appends(older):
    before = as_is(older)
    Store.open(older)

    with pytest.raises(CommitFailedError, match="Metadata changed"):
        before._commit(_Files(older, table(2)).fresh(), {A: Span(2, 3)})
    before.append(table(2), {A: Span(2, 3)})

    assert places(older) == {("T", 0, 0): 1, ("T", 0, 1): 1, ("T", 0, 2): 1}
    assert before.positions([A]) == {A: 3}


def test_a_consumer_of_the_older_store_writes_on_through_the_upgrade_and_loses_nothing(older):
    command = [sys.executable, "-m", "support.processes.append", str(older), B, "60", "older"]
    writer = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(TESTS)})
    until(lambda: len(delta_log.versions(older)) > 10)

    Store.open(older)
    during = delta_log.replay(older).version
    assert writer.wait(60) == 0

    assert delta_log.replay(older).table.format == 2
    assert delta_log.replay(older).version > during, "the writer was over before the upgrade"
    found = places(older)
    assert {place for place in found if place[0] == B} == {(B, 0, number) for number in range(60)}
    assert set(found.values()) == {1}


def test_an_upgrade_that_died_half_way_is_gone_on_with(older, monkeypatch):
    real = delta._upgrade_once

    def dies_between(path, table, missing):
        monkeypatch.setattr(type(table.alter), "set_table_properties", _die)
        real(path, table, missing)

    monkeypatch.setattr(delta, "_upgrade_once", dies_between)
    with pytest.raises(KeyboardInterrupt):
        Store.open(older)
    assert delta_log.replay(older).table.format == 1
    monkeypatch.undo()

    Store.open(older)

    assert delta_log.replay(older).table.format == 2
    assert [field.name for field in DeltaTable(older).schema().fields] == schema.SCHEMA.names


def _die(*_args, **_options):
    raise KeyboardInterrupt


def test_a_torn_upgrade_is_moved_aside_and_done_again(older):
    Store.open(older)
    newest = delta_log.versions(older)[-1]
    entry = delta_log.entry_path(older, newest)
    entry.write_bytes(entry.read_bytes().splitlines(keepends=True)[0])

    Store.open(older)

    assert delta_log.replay(older).table.format == 2
    assert delta_log.versions(older)[-1] == newest


def test_the_upgrade_is_on_the_disk_when_the_store_is_open(older, monkeypatch):
    synced = []
    monkeypatch.setattr(durable, "sync", synced.extend)

    Store.open(older)

    assert synced[-3:] == [
        delta_log.entry_path(older, 2),
        delta_log.entry_path(older, 3),
        older / delta_log.FOLDER,
    ]


def test_an_upgrade_that_others_always_beat_says_so_and_changes_nothing(older, monkeypatch):
    def beaten(*_):
        raise DeltaError("Max commit attempts exceeded")

    monkeypatch.setattr(delta, "_upgrade_once", beaten)
    monkeypatch.setattr(store_module, "PATIENCE_S", 0.1)

    with pytest.raises(StoreBusy, match="Max commit attempts exceeded"):
        Store.open(older)


def test_another_table_is_not_upgraded(tmp_path):
    DeltaTable.create(tmp_path, pa.schema([("x", pa.int64())]))

    with pytest.raises(StoreUnusable, match="no interaction store"):
        Store.open(tmp_path)

    assert delta_log.versions(tmp_path) == [0]


@pytest.mark.parametrize("number", ["3", "2a", ""])
def test_a_store_of_a_newer_version_is_refused_by_all_with_the_remedy(older, number):
    store, tail = Store.open(older), StoreReader(older)
    tail.read()
    version = delta_log.replay(older).version
    set_format(older, number)
    readers = [
        lambda: Store.open(older),
        lambda: delta_log.replay(older),
        lambda: StoreReader(older).read(),
        lambda: read_at(older, version + 1),
        tail.read,  # it has followed since before
        lambda: store.append(table(2), {A: Span(2, 3)}),
    ]
    for reads in readers:
        with pytest.raises(StoreNewer, match="upgrade gigstream") as refused:
            reads()
        assert refused.value.exit_code == 2
    assert delta_log.versions(older)[-1] == version + 1, "nothing was written"


def test_a_newer_store_is_refused_from_its_checkpoint_too(older):
    Store.open(older)
    set_format(older, 3)
    DeltaTable(older).create_checkpoint()
    for version in delta_log.versions(older)[:-1]:
        delta_log.entry_path(older, version).unlink()
    newest = delta_log.entry_path(older, delta_log.versions(older)[-1])
    newest.write_text(json.dumps({"commitInfo": {}}) + "\n")

    with pytest.raises(StoreNewer, match="its format is 3, this gigstream knows formats up to 2"):
        delta_log.replay(older)
