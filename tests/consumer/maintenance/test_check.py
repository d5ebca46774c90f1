"""Whatever is wrong with a store is found, each in a line of its own; a whole one passes."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.errors import StoreNewer
from consumer.ingest import rows
from consumer.maintenance.check import inspect
from consumer.maintenance.compaction import compact
from consumer.maintenance.vacuum import clean_log, vacuum
from consumer.store.reader import StoreReader
from consumer.store.writer import Store
from consumer.table import delta_log, schema
from consumer.table.delta import write_checkpoint_if_due
from consumer.table.delta_log import Span
from consumer.table.reader_marks import living
from support.data.records import message

A, B = "c/T/0", "c/T/1"


def append(store, number, *, partition=0) -> None:
    table = rows.table([message(number, partition=partition)], topic_id="T")
    store.append(table, {(A, B)[partition]: Span(number, number + 1)})


@pytest.fixture
def path(tmp_path):
    store = Store.open(tmp_path)
    for number in range(10):
        append(store, number)
    return tmp_path


def some_file(path):
    return min(path.glob("kind=event/*.parquet"))


def edit(path, version, change) -> None:
    entry = delta_log.entry_path(path, version)
    actions = [json.loads(line) for line in entry.read_text().splitlines()]
    for action in actions:
        change(action)
    entry.write_text("".join(json.dumps(action) + "\n" for action in actions))


def test_a_whole_store_passes_in_every_stage_of_its_life(path):
    found = inspect(path)
    assert (found.findings, found.orphans, found.torn) == ([], [], [])
    assert (found.version, found.entries, found.files, found.rows) == (10, 11, 10, 10)

    for stage in range(3):
        write_checkpoint_if_due(path, 1)
        compact(path, on_step=lambda _step: None)
        write_checkpoint_if_due(path, 1)
        vacuum(path, grace_s=0)
        clean_log(path)
        append(Store.open(path), 10 + stage)
        found = inspect(path)
        assert (found.findings, found.orphans, found.rows) == ([], [], 11 + stage)
    assert living(path) == []


def test_files_that_wait_for_their_deletion_are_no_orphans(path):
    compact(path, on_step=lambda _step: None)

    assert inspect(path).orphans == []
    assert len(list(path.glob("kind=event/*"))) == 11


def test_no_store_is_nothing_wrong(tmp_path):
    assert (inspect(tmp_path).version, inspect(tmp_path).findings) == (None, [])


def test_rows_without_a_place_are_no_duplicates(path):
    table = schema.SCHEMA.empty_table().to_pandas().reindex([0, 1])
    table["kind"] = "event"
    decided = pa.Table.from_pandas(table, schema=schema.SCHEMA, preserve_index=False)
    Store.open(path).append(decided, {})

    assert (inspect(path).findings, inspect(path).rows) == ([], 12)


def missing_file(path):
    some_file(path).unlink()


def unreadable_file(path):
    some_file(path).write_bytes(b"PAR1 no it is not")


def spoilt_file(path):
    file = some_file(path)
    data = bytearray(file.read_bytes())
    data[4:200] = bytes(196)
    file.write_bytes(data)


def lacking_rows(path):
    file = some_file(path)
    pq.write_table(pq.ParquetFile(file).read().slice(0, 0), file)


def missing_entry(path):
    delta_log.entry_path(path, 5).unlink()


def torn_entry(path):
    entry = delta_log.entry_path(path, 5)
    entry.write_bytes(entry.read_bytes()[:-10])


def torn_last_entry(path):
    delta_log.entry_path(path, 10).write_bytes(b"")


def position_that_goes_back(path):
    def change(action):
        if "txn" in action:
            action["txn"]["version"] = 2

    edit(path, 7, change)


def doubled_rows(path):
    store = Store.open(path)
    store.append(rows.table([message(3)], topic_id="T"), {B: Span(None, 1)})


def rows_beyond_their_position(path):
    store = Store.open(path)
    table = rows.table([message(8, partition=1)], topic_id="T")
    store.append(table, {B: Span(None, 5)})


def torn_checkpoint(path):
    write_checkpoint_if_due(path, 1)
    file = delta_log.checkpoint_path(path, 10)
    file.write_bytes(bytes(file.stat().st_size))


def checkpoint_of_other_files(path):
    other = path / "other"
    store = Store.open(other)
    for number in range(10):
        append(store, number)
    write_checkpoint_if_due(other, 1)
    shutil.copy(delta_log.checkpoint_path(other, 10), delta_log.checkpoint_path(path, 10))
    shutil.rmtree(other)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (missing_file, "is missing; restore a copy"),
        (unreadable_file, "is unreadable: "),
        (spoilt_file, "is unreadable: "),
        (lacking_rows, "has 0 rows, its log says 1"),
        (missing_entry, "log entry 5 is missing"),
        (torn_entry, "log entry 5: "),
        (torn_last_entry, "log entry 10 holds no actions; a consumer moves it aside"),
        (position_that_goes_back, f"log entry 7 takes {A} back from 6 to 2"),
        (doubled_rows, "1 records are stored twice: T/0/3"),
        (rows_beyond_their_position, "partition T/1 has a row at 8, its position is 5"),
        (torn_checkpoint, "checkpoint 10: "),
        (checkpoint_of_other_files, "checkpoint 10 has other files than the log; delete it"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_damage_is_found_and_named_in_one_line(path, damage, said):
    damage(path)

    found = inspect(path)

    assert [finding for finding in found.findings if said in finding]
    assert all("\n" not in finding for finding in found.findings)


def test_orphans_and_what_was_moved_aside_are_listed_and_no_harm(path):
    (path / "kind=event" / "orphan.parquet").write_bytes(b"")
    delta_log.entry_path(path, 10).write_bytes(b"")
    Store.open(path)

    found = inspect(path)

    assert found.findings == []
    assert "kind=event/orphan.parquet" in found.orphans
    assert [name.partition(".")[0] for name in found.torn] == [f"{10:020}"]


@pytest.mark.parametrize("read", [inspect, Store.open, lambda path: StoreReader(path).read()])
def test_a_store_of_a_newer_gigstream_is_refused_with_the_remedy(path, read):
    def change(action):
        if "metaData" in action:
            action["metaData"]["configuration"][delta_log.FORMAT_KEY] = "99"

    edit(path, 0, change)

    with pytest.raises(StoreNewer, match=r"its format is 99.*upgrade gigstream") as refused:
        read(path)
    assert refused.value.exit_code == 2


def test_rows_of_two_embedded_brokers_of_before_are_no_doubles(tmp_path):
    """Each began at 0, and both went by the topic id `-`."""
    store = Store.open(tmp_path)
    for cluster in ("mockCluster1", "mockCluster2"):
        table = rows.table([message(number) for number in range(3)], topic_id="-")
        store.append(table, {f"{cluster}/-/0": Span(None, 3)})

    assert inspect(tmp_path).findings == []
