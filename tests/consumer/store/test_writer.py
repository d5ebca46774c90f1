"""The store takes rows and positions together, once, and durably."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from consumer.errors import LostPartition, StoreBusy, StoreDamaged, StoreUnusable
from consumer.ingest import rows
from consumer.store import writer as store_module
from consumer.store.writer import Store, _Files
from consumer.table import delta_log
from consumer.table.delta_log import Span
from support.data.records import message, places, stored

A, B = "c/t/0", "c/t/1"
TESTS = Path(__file__).parents[2]


def table(*offsets, partition=0) -> pa.Table:
    messages = [message(offset, partition=partition) for offset in offsets]
    return rows.table(messages, topic_id="T")


def offsets(path) -> list[int]:
    return sorted(row["offset"] for row in stored(path))


def start(module, *arguments) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"support.processes.{module}", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_rows_and_positions_are_there_together_after_a_commit(tmp_path):
    store = Store.open(tmp_path / "store")
    assert store.positions([A]) == {A: None}

    version = store.append(table(0, 1, 2), {A: Span(None, 3)})

    assert version == 1
    assert store.positions([A, B]) == {A: 3, B: None}
    assert Store.open(tmp_path / "store").positions([A]) == {A: 3}
    assert offsets(tmp_path / "store") == [0, 1, 2]


def test_the_positions_are_those_that_delta_tells(tmp_path):
    store = Store.open(tmp_path)
    for number in range(5):
        store.append(table(number), {A: Span(number, number + 1), B: Span(number, number + 1)})

    handle = DeltaTable(tmp_path)

    told = {name: handle.transaction_version(name) for name in (A, B, "c/t/9")}
    assert store.positions(told) == told


def test_events_and_dead_rows_are_one_commit_in_two_folders(tmp_path):
    store = Store.open(tmp_path)
    mixed = rows.table([message(0), message(1, b"?")], topic_id="T")

    assert store.append(mixed, {A: Span(None, 2)}) == 1

    assert Counter(row["kind"] for row in stored(tmp_path)) == {"event": 1, "dead": 1}
    assert len(list(tmp_path.glob("kind=event/*.parquet"))) == 1
    assert len(list(tmp_path.glob("kind=dead/*.parquet"))) == 1


def test_a_commit_may_move_positions_without_rows(tmp_path):
    store = Store.open(tmp_path)

    assert store.append(table(), {A: Span(None, 7)}) == 1
    assert store.append(table(9), {A: Span(7, 10)}) == 2

    assert Store.open(tmp_path).positions([A]) == {A: 10}
    assert offsets(tmp_path) == [9]


def test_guard_1_refuses_a_handle_that_has_not_seen_the_last_commit(tmp_path):
    zombie, owner = Store.open(tmp_path), Store.open(tmp_path)
    owner.append(table(0, 1), {A: Span(None, 2)})

    # Guard 2 sees nothing wrong: the stale handle still holds the zombie's own position.
    zombie._check_positions({A: Span(None, 2)})
    with pytest.raises(CommitFailedError):
        zombie._commit(_Files(tmp_path, table(0, 1)).fresh(), {A: Span(None, 2)})

    assert offsets(tmp_path) == [0, 1]


def test_guard_2_refuses_a_zombie_that_was_refreshed_past_the_new_owner(tmp_path):
    zombie, owner = Store.open(tmp_path), Store.open(tmp_path)
    owner.append(table(0, 1), {A: Span(None, 2)})
    zombie.refresh()

    with pytest.raises(LostPartition) as lost:
        zombie.append(table(0, 1), {A: Span(None, 2), B: Span(None, 1)})

    assert lost.value.app_ids == {A}
    assert offsets(tmp_path) == [0, 1]


def test_without_guard_2_a_refreshed_zombie_would_double_rows(tmp_path, monkeypatch):
    zombie, owner = Store.open(tmp_path), Store.open(tmp_path)
    owner.append(table(0, 1), {A: Span(None, 2)})
    zombie.refresh()
    monkeypatch.setattr(zombie, "_check_positions", lambda _spans: None)

    zombie.append(table(0, 1), {A: Span(None, 2)})

    assert offsets(tmp_path) == [0, 0, 1, 1]


def test_a_stale_zombie_is_told_that_its_partition_is_lost(tmp_path):
    zombie, owner = Store.open(tmp_path), Store.open(tmp_path)
    owner.append(table(0, 1), {A: Span(None, 2)})

    with pytest.raises(LostPartition):
        zombie.append(table(0, 1), {A: Span(None, 2)})

    assert zombie.positions([A]) == {A: 2}
    assert offsets(tmp_path) == [0, 1]


def test_a_new_store_under_an_old_consumer_is_a_lost_partition(tmp_path):
    Store.open(tmp_path).append(table(0), {A: Span(None, 1)})

    with pytest.raises(LostPartition):
        Store.open(tmp_path).append(table(5), {A: Span(5, 6)})


def test_writers_of_different_partitions_do_not_lose_to_each_other(tmp_path):
    one, other = Store.open(tmp_path), Store.open(tmp_path)

    for number in range(5):
        span = Span(number, number + 1)
        one.append(table(number), {A: span})
        other.append(table(number, partition=1), {B: span})

    assert set(places(tmp_path).values()) == {1}
    assert Store.open(tmp_path).positions([A, B]) == {A: 5, B: 5}


def test_four_processes_at_full_speed_store_each_row_once(tmp_path):
    writers = [start("append", tmp_path, f"c/t/{number}", 15) for number in range(4)]
    for writer in writers:
        said, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0, said

    assert sum(places(tmp_path).values()) == 60
    assert set(places(tmp_path).values()) == {1}
    assert delta_log.versions(tmp_path) == list(range(61))


def test_a_writer_whom_others_always_beat_gives_up_with_nothing_stored(tmp_path, monkeypatch):
    store = Store.open(tmp_path)

    def beaten(*_):
        raise CommitFailedError("Max commit attempts exceeded")

    monkeypatch.setattr(store, "_commit", beaten)
    with pytest.raises(StoreBusy, match="Max commit attempts exceeded"):
        store.append(table(0), {A: Span(None, 1)}, patience_s=0.1)

    assert stored(tmp_path) == []


def test_a_commit_that_got_through_but_was_reported_as_failed_is_not_repeated(tmp_path):
    store = Store.open(tmp_path)
    real = store._table

    class Unsure:
        """Commits, and then says that it failed."""

        def __getattr__(self, name):
            return getattr(real, name)

        def create_write_transaction(self, *arguments, **options):
            real.create_write_transaction(*arguments, **options)
            raise DeltaError("connection reset")

    store._table = Unsure()
    with pytest.raises(LostPartition):
        store.append(table(0, 1), {A: Span(None, 2)})

    assert store.positions([A]) == {A: 2}
    assert offsets(tmp_path) == [0, 1]


def test_a_file_that_waited_too_long_for_its_commit_is_written_again(tmp_path, monkeypatch):
    files = _Files(tmp_path, table(0))
    (first,) = files.fresh()
    assert files.fresh() == [first]

    monkeypatch.setattr(store_module, "_STALE_S", -1.0)
    (second,) = files.fresh()

    assert second.path != first.path


def test_the_log_keeps_counts_but_no_ids(tmp_path):
    store = Store.open(tmp_path)
    version = store.append(table(0), {A: Span(None, 1)})

    entry = delta_log.entry_path(tmp_path, version).read_text()
    (add,) = (json.loads(line)["add"] for line in entry.splitlines() if '"add"' in line)

    assert json.loads(add["stats"]) == {"numRecords": 1}
    assert '"a0"' not in entry
    footer = DeltaTable(tmp_path).metadata().configuration
    assert "artist_id" not in footer["delta.dataSkippingStatsColumns"]


def test_all_is_on_the_disk_before_an_append_returns_and_rows_before_their_commit(
    tmp_path, monkeypatch
):
    store = Store.open(tmp_path)
    synced = []
    real = os.fsync

    def fsync(descriptor):
        committed = delta_log.entry_path(tmp_path, 1).exists()
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), committed))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store.append(table(0), {A: Span(None, 1)})

    (file,) = tmp_path.glob("kind=event/*.parquet")
    assert synced == [
        (file, False),
        (file.parent, False),
        (tmp_path, False),
        (delta_log.entry_path(tmp_path, 1), True),
        (tmp_path / delta_log.FOLDER, True),
    ]


def tear_in_a_line(data: bytes) -> bytes:
    return data[:-10]


def tear_at_a_line(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:2])


def tear_to_nothing(_data: bytes) -> bytes:
    return b""


def tear_to_zeros(data: bytes) -> bytes:
    return bytes(len(data))


def tear(path, version, torn) -> None:
    entry = delta_log.entry_path(path, version)
    entry.write_bytes(torn(entry.read_bytes()))


@pytest.mark.parametrize(
    "torn",
    [tear_in_a_line, tear_at_a_line, tear_to_nothing, tear_to_zeros],
    ids=lambda f: f.__name__,
)
def test_a_torn_last_entry_is_moved_aside_and_its_batch_stored_again(tmp_path, torn):
    store = Store.open(tmp_path)
    store.append(table(0), {A: Span(None, 1)})
    store.append(table(1), {A: Span(1, 2)})
    tear(tmp_path, 2, torn)

    repaired = Store.open(tmp_path)

    assert repaired.positions([A]) == {A: 1}
    assert repaired.append(table(1), {A: Span(1, 2)}) == 2
    assert offsets(tmp_path) == [0, 1]
    assert len(list((tmp_path / "_torn").iterdir())) == 1


def test_an_earlier_torn_entry_is_left_where_it_is_and_refused(tmp_path):
    store = Store.open(tmp_path)
    store.append(table(0), {A: Span(None, 1)})
    store.append(table(1), {A: Span(1, 2)})
    tear(tmp_path, 1, tear_in_a_line)

    with pytest.raises(StoreDamaged):
        Store.open(tmp_path)

    assert delta_log.versions(tmp_path) == [0, 1, 2]


def test_only_one_torn_entry_is_ever_moved_aside(tmp_path):
    store = Store.open(tmp_path)
    for number in range(3):
        store.append(table(number), {A: Span(number, number + 1)})
    tear(tmp_path, 3, tear_to_zeros)
    tear(tmp_path, 2, tear_to_zeros)

    for _ in range(2):
        with pytest.raises(StoreDamaged):
            Store.open(tmp_path)

    assert delta_log.versions(tmp_path) == [0, 1, 2]


@pytest.mark.parametrize("torn", [tear_to_nothing, tear_at_a_line], ids=lambda f: f.__name__)
def test_a_table_torn_at_its_creation_is_created_again(tmp_path, torn):
    Store.open(tmp_path)
    tear(tmp_path, 0, torn)

    store = Store.open(tmp_path)

    assert store.append(table(0), {A: Span(None, 1)}) == 1


def test_processes_that_open_a_missing_store_at_once_get_the_same_one(tmp_path):
    processes = [start("append", tmp_path, f"c/t/{number}", 1) for number in range(4)]
    for process in processes:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said

    assert delta_log.versions(tmp_path) == [0, 1, 2, 3, 4]


def test_the_loser_of_a_race_without_a_lock_opens_the_winners_table(tmp_path):
    Store.open(tmp_path).append(table(0), {A: Span(None, 1)})

    store_module._create(tmp_path)

    assert Store.open(tmp_path).positions([A]) == {A: 1}


def test_a_folder_that_is_none_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "store").write_text("")

    with pytest.raises(StoreUnusable, match="choose another folder"):
        Store.open(tmp_path / "store")


def test_another_table_is_refused(tmp_path):
    DeltaTable.create(tmp_path, pa.schema([("x", pa.int64())]))

    with pytest.raises(StoreUnusable, match="no interaction store"):
        Store.open(tmp_path)


def test_a_process_that_read_the_store_exits_0_twenty_times_of_twenty(tmp_path):
    store = Store.open(tmp_path)
    for number in range(5):
        store.append(table(number), {A: Span(number, number + 1)})
    ends = Counter()
    for _ in range(10):
        pair = [start("reads", tmp_path) for _ in range(2)]
        for process in pair:
            said, _ = process.communicate(timeout=60)
            ends[(process.returncode, said)] += 1

    assert ends == {(0, "5\n"): 20}


@pytest.mark.parametrize("name", ["my gigs", "gigs #1", "100% live", "ü", "a+b", "a?b", "a'b"])
def test_a_folder_may_have_an_odd_name(tmp_path, name):
    Store.open(tmp_path / name / "store").append(table(0), {A: Span(None, 1)})

    assert Store.open(tmp_path / name / "store").positions([A]) == {A: 1}


@pytest.mark.parametrize("name", ["a%20b", "job%2Fmain", "100%25", "a\\b", "a\nb"])
def test_a_folder_that_delta_reads_as_another_one_is_refused_before_anything_is_made(
    tmp_path, name
):
    Store.open(tmp_path / "a b" / "store")
    with pytest.raises(StoreUnusable, match="choose another folder as home") as refused:
        Store.open(tmp_path / name / "store")

    assert "\n" not in str(refused.value)
    assert not (tmp_path / name).exists()


def test_a_link_to_such_a_folder_is_refused_too(tmp_path):
    (tmp_path / "a%20b").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a%20b")

    with pytest.raises(StoreUnusable):
        Store.open(tmp_path / "link" / "store")
