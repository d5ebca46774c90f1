"""What no reader needs goes; what a reader that is behind needs stays until it has it."""

import os
import time
from collections import Counter

import pytest

from consumer.ingest import rows
from consumer.maintenance import vacuum as cleaning
from consumer.maintenance.compaction import compact
from consumer.maintenance.vacuum import ORPHAN_S, clean_log, vacuum
from consumer.store.reader import StoreReader, read_at
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta import write_checkpoint_if_due
from consumer.table.delta_log import Span
from consumer.table.reader_marks import Mark
from support.data.records import message, places

A = "c/t/0"


def append(store, number) -> None:
    table = rows.table([message(number)], topic_id="T")
    store.append(table, {A: Span(number, number + 1)})


def fill(path, first=0, count=10) -> Store:
    store = Store.open(path)
    for number in range(first, first + count):
        append(store, number)
    return store


def keep_up(path, grace_s=0.0) -> None:
    """All that maintenance does."""
    write_checkpoint_if_due(path, 1)
    compact(path, on_step=lambda _step: None)
    write_checkpoint_if_due(path, 1)
    vacuum(path, grace_s=grace_s)
    clean_log(path)


def files(path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.glob("kind=*/*")}


def offsets(chunk) -> list[int]:
    return sorted(chunk.events["offset"].to_pylist())


def age(file, seconds) -> None:
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_after_clean_up_only_what_is_live_is_there_and_nothing_is_lost(tmp_path):
    store = fill(tmp_path)
    keep_up(tmp_path)
    keep_up(tmp_path)

    assert files(tmp_path) == set(delta_log.replay(tmp_path).files)
    assert delta_log.versions(tmp_path)[0] == delta_log.checkpoints(tmp_path)[0] > 0
    append(store, 10)
    append(Store.open(tmp_path), 11)
    assert offsets(StoreReader(tmp_path).read()) == list(range(12))
    assert set(places(tmp_path).values()) == {1}


def test_a_replaced_file_stays_for_the_grace(tmp_path):
    fill(tmp_path)
    compact(tmp_path, on_step=lambda _step: None)

    assert vacuum(tmp_path, grace_s=60) == 0
    assert vacuum(tmp_path, grace_s=0) == 10


def test_a_paused_reader_reads_on_incrementally_after_compaction_and_clean_up(tmp_path):
    store = fill(tmp_path)
    tail = StoreReader(tmp_path)
    assert offsets(tail.read()) == list(range(10))
    for number in range(10, 30):
        append(store, number)
    for first in (30, 40):
        keep_up(tmp_path)
        fill(tmp_path, first)
    keep_up(tmp_path)

    chunk = tail.read()

    assert (chunk.reset, offsets(chunk)) == (False, list(range(10, 50)))
    keep_up(tmp_path)
    assert files(tmp_path) == set(delta_log.replay(tmp_path).files)
    assert len(delta_log.versions(tmp_path)) < 10
    assert tail.read() is None


def test_without_its_mark_the_same_reader_would_have_to_read_anew(tmp_path):
    store = fill(tmp_path)
    tail = StoreReader(tmp_path)
    tail.read()
    tail._mark.close()
    for number in range(10, 30):
        append(store, number)
    for _ in range(3):
        keep_up(tmp_path)
        append(store, number := number + 1)

    chunk = tail.read()

    assert (chunk.reset, offsets(chunk)) == (True, list(range(33)))


def test_a_version_that_a_mark_holds_can_be_read_as_it_was(tmp_path):
    fill(tmp_path)
    mark = Mark(tmp_path, 7)
    for first in (10, 20):
        keep_up(tmp_path)
        fill(tmp_path, first)
    keep_up(tmp_path)

    assert offsets(read_at(tmp_path, 7)) == list(range(7))
    mark.close()


def test_an_orphan_goes_after_an_hour_and_a_batch_under_way_stays(tmp_path):
    fill(tmp_path, count=1)
    orphan, young = (tmp_path / f"kind=event/{name}.parquet" for name in ("old", "young"))
    orphan.write_bytes(b"")
    young.write_bytes(b"")
    age(orphan, ORPHAN_S + 1)
    age(young, ORPHAN_S - 60)

    assert vacuum(tmp_path, grace_s=0) == 1

    assert not orphan.exists()
    assert young.exists()
    assert places(tmp_path) == {("T", 0, 0): 1}


@pytest.mark.parametrize("off_s", [-7200.0, 7200.0])
def test_a_wrong_clock_of_this_machine_makes_no_file_old(tmp_path, monkeypatch, off_s):
    fill(tmp_path)
    young = tmp_path / "kind=event/young.parquet"
    young.write_bytes(b"")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + off_s)
    monkeypatch.setattr(time, "time_ns", lambda: int((real() + off_s) * 1e9))
    compact(tmp_path, on_step=lambda _step: None)

    assert vacuum(tmp_path, grace_s=60) == 0
    assert young.exists()
    assert vacuum(tmp_path, grace_s=0) == 10, "those compacted away"


def test_what_is_committed_while_clean_up_looks_stays(tmp_path, monkeypatch):
    """The log as clean-up knows it does not name it, and its file is dated hours ago."""
    store = fill(tmp_path, count=3)
    real = delta_log.replay

    def replay(table, version=None):
        found = real(table, version)
        append(store, store._seen.positions[A])
        for file in tmp_path.glob("kind=event/*"):
            age(file, 9 * ORPHAN_S)
        return found

    monkeypatch.setattr(delta_log, "replay", replay)
    vacuum(tmp_path, grace_s=0)
    monkeypatch.undo()

    assert offsets(StoreReader(tmp_path).read()) == list(range(store._seen.positions[A]))


def test_a_live_file_stays_however_old(tmp_path):
    fill(tmp_path, count=3)
    for file in tmp_path.glob("kind=event/*"):
        age(file, 9 * ORPHAN_S)

    assert vacuum(tmp_path, grace_s=0) == 0


def test_a_removed_file_that_the_log_has_forgotten_goes_as_an_orphan_does(tmp_path, monkeypatch):
    fill(tmp_path)
    compact(tmp_path, on_step=lambda _step: None)
    monkeypatch.setattr(delta_log, "removed", lambda *_: {})
    assert vacuum(tmp_path, grace_s=0) == 0

    for file in tmp_path.glob("kind=event/*"):
        age(file, ORPHAN_S + 1)

    assert vacuum(tmp_path, grace_s=0) == 10


def test_the_log_is_kept_from_the_checkpoint_before_the_last(tmp_path):
    store = fill(tmp_path, count=4)
    write_checkpoint_if_due(tmp_path, 1)
    assert clean_log(tmp_path) == 0
    for number in range(4, 8):
        append(store, number)
    write_checkpoint_if_due(tmp_path, 1)
    append(store, 8)
    write_checkpoint_if_due(tmp_path, 1)

    assert clean_log(tmp_path) == 9

    assert delta_log.checkpoints(tmp_path) == [8, 9]
    assert delta_log.versions(tmp_path) == [8, 9]
    assert delta_log.begin(tmp_path) == 8
    assert clean_log(tmp_path) == 0


def test_without_the_entry_of_its_checkpoint_the_log_would_be_of_no_use(tmp_path):
    store = fill(tmp_path, count=4)
    write_checkpoint_if_due(tmp_path, 1)
    append(store, 4)
    for version in range(5):
        delta_log.entry_path(tmp_path, version).unlink()

    with pytest.raises(delta_log.StoreDamaged):
        delta_log.replay(tmp_path)


def test_a_checkpoint_that_cannot_be_read_is_not_relied_on(tmp_path):
    store = fill(tmp_path, count=4)
    for number in range(4, 7):
        write_checkpoint_if_due(tmp_path, 1)
        append(store, number)
    path = delta_log.checkpoint_path(tmp_path, 5)
    path.write_bytes(bytes(path.stat().st_size))

    with pytest.raises(delta_log.StoreDamaged):
        clean_log(tmp_path)

    assert delta_log.versions(tmp_path) == list(range(8))


def test_half_written_entries_of_writers_that_died_go_after_an_hour(tmp_path):
    store = fill(tmp_path, count=4)
    for number in range(4, 7):
        write_checkpoint_if_due(tmp_path, 1)
        append(store, number)
    names = ("_commit_a.json.tmp", "_b.json.tmp", f"{9:020}.json#1", "_commit_c.json.tmp")
    *old, young = (tmp_path / delta_log.FOLDER / name for name in names)
    for file in (*old, young):
        file.write_bytes(b"")
    for file in old:
        age(file, ORPHAN_S + 1)

    clean_log(tmp_path)

    assert not any(file.exists() for file in old)
    assert young.exists()


def test_a_reader_that_replays_while_the_log_is_cleaned_up_begins_again(tmp_path, monkeypatch):
    store = fill(tmp_path, count=4)
    real, cleaned = delta_log.read_entry, []

    def read_entry(table, version):
        if not cleaned:
            cleaned.append(version)
            for number in range(4, 7):
                write_checkpoint_if_due(tmp_path, 1)
                append(store, number)
            clean_log(tmp_path)
        return real(table, version)

    monkeypatch.setattr(delta_log, "read_entry", read_entry)

    assert delta_log.replay(tmp_path).positions == {A: 7}


def test_a_consumer_that_was_idle_for_long_commits_after_a_clean_up(tmp_path):
    idle, other = Store.open(tmp_path), "c/t/1"
    store = fill(tmp_path, count=4)
    for number in range(4, 8):
        write_checkpoint_if_due(tmp_path, 1)
        append(store, number)
    clean_log(tmp_path)

    idle.append(rows.table([message(0, partition=1)], topic_id="T"), {other: Span(None, 1)})

    assert Counter(places(tmp_path).values()) == {1: 9}
    assert Store.open(tmp_path).positions([A, other]) == {A: 8, other: 1}


def test_a_commit_into_the_gap_before_the_log_s_beginning_is_made_again(tmp_path, monkeypatch):
    """Held up between its look at the newest version and its write, while others store on."""
    held, other = Store.open(tmp_path), "c/t/1"
    real = held._table.create_write_transaction
    versions = []

    class Held:
        def __getattr__(self, name):
            return getattr(table, name)

        def create_write_transaction(self, actions, **options):
            # What Delta writes at the version after the one that it saw; then the world moves on.
            real(actions, **options)
            entry = delta_log.entry_path(tmp_path, 1)
            written = entry.read_bytes()
            entry.unlink()
            store = fill(tmp_path, count=4)
            for number in range(4, 8):
                write_checkpoint_if_due(tmp_path, 1)
                append(store, number)
            clean_log(tmp_path)
            assert not entry.exists()
            entry.write_bytes(written)
            versions.append(delta_log.versions(tmp_path))

    table = held._table
    held._table = Held()
    held.append(rows.table([message(0, partition=1)], topic_id="T"), {other: Span(None, 1)})

    assert versions[0][0] == 1
    assert Counter(places(tmp_path).values()) == {1: 9}
    assert Store.open(tmp_path).positions([A, other]) == {A: 8, other: 1}
    assert cleaning.clean_log(tmp_path) >= 1


def test_a_commit_that_was_cleaned_up_before_its_writer_looked_is_not_made_again(tmp_path):
    """Held up right after its write, while others store on."""
    held, other = Store.open(tmp_path), "c/t/1"
    table = held._table

    class Held:
        def __getattr__(self, name):
            return getattr(table, name)

        def create_write_transaction(self, actions, **options):
            table.create_write_transaction(actions, **options)
            store = fill(tmp_path, count=4)
            for number in range(4, 8):
                write_checkpoint_if_due(tmp_path, 1)
                append(store, number)
            clean_log(tmp_path)
            assert not delta_log.entry_path(tmp_path, 1).exists()

    held._table = Held()
    held.append(rows.table([message(0, partition=1)], topic_id="T"), {other: Span(None, 1)})

    assert Counter(places(tmp_path).values()) == {1: 9}
    assert Store.open(tmp_path).positions([A, other]) == {A: 8, other: 1}
