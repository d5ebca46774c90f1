"""The reader of the store sees each commit once, and knows when to forget."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from consumer.errors import StoreDamaged
from consumer.ingest import rows
from consumer.store.reader import StoreReader, read_at
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from consumer.table.schema import CODES, EVENT_SCHEMA
from support.data.records import gig, message

A, B = "c/t/0", "c/t/1"


def table(*offsets, **fields) -> pa.Table:
    return rows.table([message(offset, **fields) for offset in offsets], topic_id="T")


def append(store, first, *offsets) -> int:
    return store.append(table(*offsets), {A: Span(first, offsets[-1] + 1)})


def offsets(chunk) -> list[int]:
    return sorted(chunk.events["offset"].to_pylist())


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


def test_a_store_that_is_not_there_yet_is_nothing_to_read(path):
    assert StoreReader(path).read() is None


def test_the_first_look_is_anew_and_holds_all_the_next_ones_only_what_is_new(store, path):
    append(store, None, 0, 1)
    append(store, 2, 2)
    tail = StoreReader(path)

    first = tail.read()
    assert (first.version, first.reset, offsets(first)) == (2, True, [0, 1, 2])
    assert first.positions == {A: 3}
    assert tail.read() is None

    append(store, 3, 3)
    store.append(table(4, partition=1), {B: Span(None, 5)})
    second = tail.read()
    assert (second.version, second.reset, offsets(second)) == (4, False, [3, 4])
    assert second.positions == {A: 4, B: 5}
    assert tail.read() is None


def test_an_empty_store_is_read_anew_once(store, path):
    tail = StoreReader(path)

    chunk = tail.read()

    assert (chunk.version, chunk.reset, chunk.events.num_rows, chunk.dead) == (0, True, 0, 0)
    assert chunk.events.schema == EVENT_SCHEMA
    assert tail.read() is None


def test_events_come_back_as_they_were_stored_and_dead_rows_are_only_counted(store, path):
    value = gig(1, version=2, starts_at="2018-11-02", artist_name="é", venue={"city": "x"}, q=[1])
    bad = [message(offset, b"?") for offset in (2, 3, 4)]
    said = [message(0, value), message(1, None, key=b"e9"), *bad]
    written = rows.table(said, topic_id="T")
    store.append(written, {A: Span(None, 5)})

    chunk = StoreReader(path).read()

    assert chunk.events.equals(written.slice(0, 2).select(EVENT_SCHEMA.names))
    assert chunk.dead == 3


def test_only_the_columns_asked_for_are_read(store, path):
    append(store, None, 0)

    chunk = StoreReader(path, columns=["artist_id", "offset"]).read()

    assert chunk.events.to_pydict() == {"artist_id": ["a0"], "offset": [0]}


def test_columns_come_as_codes_where_that_is_asked_for_and_say_the_same(store, path):
    said = [message(0), message(1, None, key=b"e9"), message(2), message(3, gig(1))]
    store.append(rows.table(said, topic_id="T"), {A: Span(None, 4)})
    append(store, 4, 4, 5)
    names = ["offset", "artist_id", "artist_name", "topic_id"]

    events = StoreReader(path, columns=names, coded=["artist_id", "artist_name"]).read().events
    again = read_at(path, 2, columns=names, coded=["artist_id", "artist_name"]).events

    assert [events.schema.field(name).type for name in names] == [
        pa.int64(),
        CODES,
        CODES,
        pa.string(),
    ]
    assert events.to_pylist() == StoreReader(path, columns=names).read().events.to_pylist()
    assert events.to_pylist() == again.to_pylist()


def test_a_commit_that_only_moves_positions_is_a_chunk_without_rows(store, path):
    tail = StoreReader(path)
    tail.read()
    store.append(table(), {A: Span(None, 9)})

    chunk = tail.read()

    assert (chunk.reset, chunk.events.num_rows, chunk.positions) == (False, 0, {A: 9})


@pytest.mark.parametrize("left", [0, 20, 400])
def test_a_half_written_newest_entry_is_not_there_yet(store, path, left):
    append(store, None, 0)
    tail = StoreReader(path)
    tail.read()
    append(store, 1, 1)
    entry = delta_log.entry_path(path, 2)
    whole = entry.read_bytes()
    entry.write_bytes(whole[:left])

    assert tail.read() is None
    assert offsets(StoreReader(path).read()) == [0]

    entry.write_bytes(whole)
    assert offsets(tail.read()) == [1]


def test_compaction_changes_files_but_says_nothing(store, path):
    tail = StoreReader(path)
    append(store, None, 0)
    append(store, 1, 1)
    assert offsets(tail.read()) == [0, 1]
    DeltaTable(path).optimize.compact()
    store.refresh()
    append(store, 2, 2)

    chunk = tail.read()

    assert (chunk.version, chunk.reset, offsets(chunk)) == (4, False, [2])
    assert offsets(StoreReader(path).read()) == [0, 1, 2]


def test_rows_that_were_taken_out_mean_read_anew(store, path):
    tail = StoreReader(path)
    append(store, None, 0, 1)
    tail.read()
    DeltaTable(path).delete("offset = 0")

    chunk = tail.read()

    assert (chunk.version, chunk.reset, offsets(chunk)) == (2, True, [1])
    assert tail.read() is None


def test_files_that_went_while_we_were_behind_mean_read_anew(store, path):
    tail = StoreReader(path)
    append(store, None, 0)
    tail.read()
    append(store, 1, 1)
    DeltaTable(path).optimize.compact()
    DeltaTable(path).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    chunk = tail.read()

    assert (chunk.reset, offsets(chunk)) == (True, [0, 1])


def test_another_store_in_its_place_is_read_anew(store, path):
    tail = StoreReader(path)
    append(store, None, 0)
    tail.read()
    shutil.rmtree(path)
    assert tail.read() is None

    other = Store.open(path)
    append(other, None, 5)
    append(other, 6, 6)

    chunk = tail.read()
    assert (chunk.version, chunk.reset, offsets(chunk)) == (2, True, [5, 6])


def test_an_older_copy_in_its_place_is_read_anew(store, path, tmp_path):
    tail = StoreReader(path)
    append(store, None, 0)
    shutil.copytree(path, tmp_path / "copy")
    append(store, 1, 1)
    tail.read()
    shutil.rmtree(path)
    (tmp_path / "copy").rename(path)

    chunk = tail.read()

    assert (chunk.version, chunk.reset, offsets(chunk)) == (1, True, [0])


def test_a_version_written_again_differently_is_read_anew(store, path):
    tail = StoreReader(path)
    append(store, None, 0)
    append(store, 1, 1)
    tail.read()
    delta_log.entry_path(path, 2).unlink()
    append(Store.open(path), 1, 7)

    chunk = tail.read()

    assert (chunk.version, chunk.reset, offsets(chunk)) == (2, True, [0, 7])


def test_a_hole_in_the_log_is_an_error_not_a_long_wait(store, path):
    tail = StoreReader(path)
    tail.read()
    append(store, None, 0)
    append(store, 1, 1)
    delta_log.entry_path(path, 1).unlink()

    with pytest.raises(StoreDamaged, match="log entry 1 is missing"):
        tail.read()


def test_a_file_that_the_log_names_and_nobody_finds_is_an_error(store, path):
    append(store, None, 0)
    (file,) = path.glob("kind=event/*.parquet")
    file.unlink()

    with pytest.raises(StoreDamaged, match="missing"):
        StoreReader(path).read()


def test_a_file_that_is_no_parquet_is_an_error_that_names_it(store, path):
    append(store, None, 0)
    (file,) = path.glob("kind=event/*.parquet")
    file.write_bytes(b"no parquet at all")

    with pytest.raises(StoreDamaged, match=file.name):
        StoreReader(path).read()


def test_a_file_from_before_a_column_was_added_has_nulls_there(store, path):
    append(store, None, 0)
    (file,) = path.glob("kind=event/*.parquet")
    older = pq.ParquetFile(file).read().drop_columns(["extra", "artist"])
    pq.write_table(older, file)

    (event,) = StoreReader(path).read().events.to_pylist()

    assert (event["artist_id"], event["artist"], event["extra"]) == ("a0", None, None)


def test_the_whole_store_can_be_read_as_it_was(store, path):
    append(store, None, 0)
    append(store, 1, 1)

    was, now = read_at(path, 1), read_at(path, 2)

    assert (was.version, was.reset, offsets(was), was.positions) == (1, True, [0], {A: 1})
    assert (now.version, offsets(now), now.positions) == (2, [0, 1], {A: 2})


def test_a_version_that_never_was_is_an_error(store, path):
    with pytest.raises(StoreDamaged):
        read_at(path, 3)
    with pytest.raises(StoreDamaged):
        read_at(path / "elsewhere", 0)
