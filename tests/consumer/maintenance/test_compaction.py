"""Small files become large ones; rows, readers and writers notice nothing."""

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from consumer.errors import StoreDamaged
from consumer.ingest import rows
from consumer.maintenance import compaction
from consumer.maintenance.compaction import FEWEST, LARGE_BYTES, compact, groups
from consumer.store.reader import StoreReader
from consumer.store.writer import Store
from consumer.table import delta_log, parquet, write_lock
from consumer.table.commit import Replacement, replace
from consumer.table.delta_log import Span
from support.data.records import message, places, stored

A, B = "c/t/0", "c/t/1"
MB = 1024 * 1024
TESTS = Path(__file__).parents[2]


def nothing(_step: str) -> None:
    pass


def file(size, number=0, kind="event") -> delta_log.File:
    return delta_log.File(path=f"kind={kind}/{number}", kind=kind, rows=1, size=size)


def sizes(files) -> list[list[int]]:
    return [[each.size for each in group] for group in groups(files)]


def append(store, number, *, app=A, partition=0) -> None:
    table = rows.table([message(number, partition=partition)], topic_id="T")
    store.append(table, {app: Span(number, number + 1)})


def fill(path, count=10) -> Store:
    store = Store.open(path)
    for number in range(count):
        append(store, number)
    return store


def live(path) -> list[delta_log.File]:
    return list(delta_log.replay(path).files.values())


def test_many_small_files_become_one_and_few_stay():
    assert sizes([file(10, n) for n in range(FEWEST)]) == [[10] * FEWEST]
    assert sizes([file(10, n) for n in range(FEWEST - 1)]) == []


def test_kinds_are_never_mixed_whatever_they_are():
    kinds = ("event", "dead", "of-next-year")
    files = [file(10, number, kind) for number in range(FEWEST) for kind in kinds]

    found = groups(files)

    assert sorted({each.kind for each in group} == {group[0].kind} for group in found) == [True] * 3


def test_a_file_is_written_again_only_with_as_much_beside_it():
    small = [file(1, n) for n in range(20)]

    assert sizes([*small, file(21, 99)]) == [[1] * 20]
    assert sizes([*small, file(20, 99)]) == [[1] * 20 + [20]]
    assert sizes([*small, file(20, 99), file(500, 100)]) == [[1] * 20 + [20]]


def test_a_large_file_is_left_alone_and_none_becomes_much_larger():
    files = [file(LARGE_BYTES, n) for n in range(30)] + [file(20 * MB, 100 + n) for n in range(9)]

    assert sizes(files) == [[20 * MB] * 3] * 3


def test_a_trickle_moves_each_row_a_few_times_only():
    files, moved, commits = [], 0, 20_000
    for number in range(commits):
        files.append(file(4_000, number))
        if number % 200 == 199:
            for group in groups(files):
                total = sum(each.size for each in group)
                moved += total
                gone = {each.path for each in group}
                files = [each for each in files if each.path not in gone]
                files.append(file(total, -number))

    assert len(files) <= FEWEST + 15
    assert moved / (commits * 4_000) < 10


def test_after_a_compaction_the_rows_are_the_same_in_one_file(tmp_path):
    store = fill(tmp_path, 10)
    bad = rows.table([message(10, b"?")], topic_id="T")
    store.append(bad, {A: Span(10, 11)})
    before, tail = stored(tmp_path), StoreReader(tmp_path)
    tail.read()

    assert compact(tmp_path, on_step=nothing) == 9

    assert sorted(stored(tmp_path), key=str) == sorted(before, key=str)
    assert sorted((each.kind, each.rows) for each in live(tmp_path)) == [("dead", 1), ("event", 10)]
    assert Store.open(tmp_path).positions([A]) == {A: 11}
    append(store, 11)
    chunk = tail.read()
    assert (chunk.reset, chunk.events["offset"].to_pylist()) == (False, [11])
    assert compact(tmp_path, on_step=nothing) == 0


def test_ids_have_no_statistics_in_the_new_file_either(tmp_path):
    fill(tmp_path)
    compact(tmp_path, on_step=nothing)
    (new,) = live(tmp_path)
    group = pq.ParquetFile(tmp_path / new.path).metadata.row_group(0)

    told = {
        group.column(n).path_in_schema
        for n in range(group.num_columns)
        if group.column(n).statistics is not None
    }

    assert told == {"partition", "offset", "recorded_at", "time", "replay_of"}
    entry = delta_log.entry_path(tmp_path, 11).read_text()
    assert '"a0"' not in entry
    assert "minValues" not in entry


def test_files_of_different_columns_and_unknown_kinds_lose_nothing(tmp_path):
    store = fill(tmp_path, 2)
    for number, path in enumerate(sorted(tmp_path.glob("kind=event/*.parquet"))):
        table = pq.ParquetFile(path).read()
        older = table.drop_columns(["replay_of"])
        newer = table.append_column("of_next_year", pa.array([number]))
        pq.write_table(newer if number else older, path, store_schema=False)
    files = live(tmp_path)

    written = compaction._write(tmp_path, files)

    table = pq.ParquetFile(tmp_path / written.path).read()
    assert sorted(table["offset"].to_pylist()) == [0, 1]
    assert sorted(table["of_next_year"].to_pylist(), key=str) == [1, None]
    assert table["replay_of"].null_count == 2
    assert store.positions([A]) == {A: 2}


def test_a_file_that_lacks_rows_is_not_replaced(tmp_path):
    fill(tmp_path)
    path = next(tmp_path.glob("kind=event/*.parquet"))
    pq.write_table(pq.ParquetFile(path).read().slice(0, 0), path)
    before = delta_log.versions(tmp_path)

    with pytest.raises(StoreDamaged, match="has 0 rows, its log says 1"):
        compact(tmp_path, on_step=nothing)

    assert delta_log.versions(tmp_path) == before
    assert len(list(tmp_path.glob("kind=event/*"))) == 10


def test_appends_during_a_compaction_are_no_hindrance_to_either(tmp_path):
    store = fill(tmp_path)
    steps = []

    def on_step(step):
        steps.append(step)
        if step == "compacting":
            append(store, 10)
            append(Store.open(tmp_path), 0, app=B, partition=1)

    assert compact(tmp_path, on_step=on_step) == 9

    assert steps == ["compacting", "compacted"]
    append(store, 11)
    assert Counter(places(tmp_path).values()) == {1: 13}
    assert Store.open(tmp_path).positions([A, B]) == {A: 12, B: 1}


def test_a_consumer_commits_through_a_handle_from_before_a_compaction(tmp_path):
    stale = fill(tmp_path)
    compact(tmp_path, on_step=nothing)

    append(stale, 10)

    assert Counter(places(tmp_path).values()) == {1: 11}


def test_of_two_compactions_of_the_same_files_one_is_made(tmp_path):
    fill(tmp_path)
    files = live(tmp_path)
    mine = delta_log.replay(tmp_path)
    new = compaction._write(tmp_path, files)
    compact(tmp_path, on_step=nothing)

    assert replace(tmp_path, mine, Replacement(files, [new], "OPTIMIZE")) is None

    assert Counter(places(tmp_path).values()) == {1: 10}


def test_the_loser_of_two_compactions_leaves_no_file(tmp_path):
    fill(tmp_path)

    def overtake(step):
        if step == "compacting":
            compact(tmp_path, on_step=nothing)

    assert compact(tmp_path, on_step=overtake) == 0
    assert len(list(tmp_path.glob("kind=event/*"))) == 11


def test_a_compaction_that_may_be_committed_keeps_its_file(tmp_path, monkeypatch):
    fill(tmp_path)

    def fail(*_):
        raise OSError("the disk does not sync")

    with monkeypatch.context() as patch:
        patch.setattr(delta_log, "sync_entries", fail)
        with pytest.raises(OSError, match="does not sync"):
            compact(tmp_path, on_step=nothing)

    assert Counter(places(tmp_path).values()) == {1: 10}


def test_without_the_look_at_what_others_removed_rows_would_double(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setattr(Replacement, "is_overtaken", lambda *_: False)

    def overtake(step):
        if step == "compacting":
            compact(tmp_path, on_step=nothing)

    compact(tmp_path, on_step=overtake)

    assert set(places(tmp_path).values()) == {2}


def test_writers_at_full_speed_and_compaction_do_not_fail_each_other(tmp_path):
    Store.open(tmp_path)
    done = threading.Event()
    commits = []

    def keep_compacting():
        while not done.is_set():
            compact(tmp_path, on_step=commits.append)

    thread = threading.Thread(target=keep_compacting)
    thread.start()
    command = [sys.executable, "-m", "support.processes.append", str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    pair = [subprocess.Popen([*command, app, "40"], env=environ) for app in (A, B)]
    codes = [process.wait(100) for process in pair]
    done.set()
    thread.join()

    assert codes == [0, 0]
    assert Counter(places(tmp_path).values()) == {1: 80}
    assert commits.count("compacted") > 2


def test_an_erasure_is_waited_for(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setattr(compaction, "_PATIENCE_S", 0.1)

    with write_lock.exclusive(tmp_path), pytest.raises(write_lock.WritersPaused):
        compact(tmp_path, on_step=nothing)

    assert compact(tmp_path, on_step=nothing) == 9


def test_memory_does_not_grow_with_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "_GROUP_BYTES", 1 * MB)
    noise = [os.urandom(1_000).hex() for _ in range(2_000)]
    table = rows.table([message(n) for n in range(2_000)], topic_id="T")
    at = table.schema.get_field_index("extra")
    table = table.set_column(at, "extra", pa.array(noise))
    store = Store.open(tmp_path)
    for number in range(FEWEST * 3):
        store.append(table, {A: Span(number, number + 1)})
    peaks = []
    pool = pa.default_memory_pool()

    class Watched(pq.ParquetWriter):
        def write_table(self, *arguments, **options):
            peaks.append(pool.bytes_allocated())
            super().write_table(*arguments, **options)

    monkeypatch.setattr(parquet.pq, "ParquetWriter", Watched)
    compact(tmp_path, on_step=nothing)

    assert sum(each.size for each in live(tmp_path)) > 40 * MB
    assert max(peaks) < 30 * MB


def test_delta_reads_what_we_committed(tmp_path):
    fill(tmp_path)
    compact(tmp_path, on_step=nothing)

    history = DeltaTable(tmp_path).history(1)[0]

    assert history["operation"] == "OPTIMIZE"
    assert DeltaTable(tmp_path).version() == 11
