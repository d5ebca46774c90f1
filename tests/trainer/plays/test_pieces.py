"""A store is settled piece by piece: never all of it in memory, and to the same in every bit."""

import shutil
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from consumer.errors import StoreDamaged, VersionGone
from consumer.store import chunk
from consumer.store.chunk import load
from consumer.store.erase import Erasing
from consumer.store.reader import StoreReader, read_at
from consumer.table import delta_log, parquet
from support.data.growing import MERGES, Growing, facts
from trainer.live.following import Following
from trainer.plays.interactions import CODED, COLUMNS, READ_COLUMNS, SCHEMA, Interactions
from trainer.plays.read import settled, settled_at
from trainer.registry.snapshot import Snapshots

AT_ONCE, READ = 8192, 2048
ROWS = 12_000
FILES = 8

_POOLS = []  # what is still allocated from one must not outlive it


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(chunk, "AT_ONCE", AT_ONCE)
    monkeypatch.setattr(chunk, "_READ_ROWS", READ)


@pytest.fixture
def growing(tmp_path) -> Growing:
    found = Growing(tmp_path / "store")
    for _ in range(4):
        found.grow()
    found.merge(MERGES)
    found.grow()
    return found


@pytest.fixture
def single(monkeypatch) -> None:
    """Each piece is one file, or half of one."""
    monkeypatch.setattr(chunk, "AT_ONCE", 25)
    monkeypatch.setattr(chunk, "_READ_ROWS", 24)


def many(path) -> Growing:
    """A store of files of one row group, and of one file of several."""
    found = Growing(path)
    for _ in range(FILES):
        found.add(gigs(found.next))
    regrouped(path, 1700)
    return found


def gigs(first: int) -> pa.Table:
    """Each a new one, of texts that do not come again."""
    numbers = np.arange(first, first + ROWS)
    columns = {name: pa.array([f"{name} {k:036}" for k in numbers]) for name in ("event_id",)}
    columns |= {f"{name}_id": pa.array([f"{name} {k % 500}" for k in numbers]) for name in SIDES}
    columns |= {name: pa.array([f"x{k:050}" for k in numbers]) for name in NAMES}
    columns |= {name: pa.array(numbers * 1000).cast(TIME) for name in ("time", "recorded_at")}
    columns |= {name: pa.array(numbers) for name in ("offset", "digest")}
    columns |= {name: pa.array(["x"] * ROWS) for name in ("topic_id", "source", "status")}
    columns["partition"] = pa.array(np.zeros(ROWS, np.int32))
    absent = {f.name: pa.nulls(ROWS, f.type) for f in SCHEMA if f.name not in columns}
    return pa.table(columns | absent).select(SCHEMA.names).cast(SCHEMA)


SIDES, NAMES = ("artist", "venue"), ("artist_name", "venue_name")
TIME = SCHEMA.field("time").type


def regrouped(path, rows: int) -> None:
    """Write one of the store's files again, in row groups of that size."""
    files = delta_log.replay(path).files
    file = path / next(name for name in files if files[name].kind == "event")
    pq.write_table(pq.ParquetFile(file).read(), file, row_group_size=rows, store_schema=False)
    assert pq.ParquetFile(file).num_row_groups > 1


def peak(work: Callable[[], object]) -> int:
    """The most bytes that Arrow held meanwhile."""
    before = pa.default_memory_pool()
    _POOLS.append(pa.proxy_memory_pool(before))
    pa.set_memory_pool(_POOLS[-1])
    try:
        work()
    finally:
        pa.set_memory_pool(before)
    return _POOLS[-1].max_memory()


def look(path) -> None:
    assert Following(path).listen(0.0)


@pytest.mark.parametrize(
    "first_look",
    [
        look,
        settled,
        lambda path: settled_at(path, delta_log.versions(path)[-1]),
    ],
    ids=["trainer", "now", "version"],
)
def test_a_first_look_holds_some_rows_at_once_however_many_there_are(tmp_path, small, first_look):
    store = many(tmp_path / "store")
    whole = peak(lambda: read_at(store.path, store.version, columns=COLUMNS, coded=CODED))

    assert peak(lambda: first_look(store.path)) < whole / 3


def test_what_a_trainer_missed_is_not_held_all_at_once_either(tmp_path, small):
    store = Growing(tmp_path / "store")
    following, snapshots = Following(store.path), Snapshots(tmp_path / "models")
    following.listen(0.0)
    store.save(snapshots)
    for _ in range(FILES):
        store.add(gigs(store.next))
    whole = peak(lambda: read_at(store.path, store.version, columns=COLUMNS, coded=CODED))

    assert peak(lambda: following.listen(0.0)) < whole / 3
    assert peak(lambda: Following(store.path, snapshots).listen(0.0)) < whole / 3
    assert following.interactions.events == FILES * ROWS


def test_pieces_are_all_rows_in_their_order_and_none_is_too_large(tmp_path, small):
    store = many(tmp_path / "store")
    pieces = StoreReader(store.path, columns=COLUMNS, coded=CODED).take(
        lambda pieces: [pieces.rows, *pieces.events]
    )

    rows, *tables = pieces
    assert rows == FILES * ROWS
    assert max(map(len, tables)) <= AT_ONCE
    assert len(tables) < 2 * rows / AT_ONCE
    files = delta_log.replay(store.path).files.values()
    said = pa.concat_tables(parquet.read(store.path, file, SCHEMA) for file in files)
    assert pa.concat_tables(tables).cast(SCHEMA).equals(said)


def bits(interactions: Interactions) -> dict:
    """All that is held, to the last bit."""
    arrays, said = interactions.state()
    return {
        "arrays": {name: array.tobytes() for name, array in arrays.items()},
        "said": said,
        "ids": (interactions.artists.ids, interactions.venues.ids),
        "facts": facts(interactions),
    }


def at_once(path, version) -> Interactions:
    """Settled from one table."""
    whole, interactions = read_at(path, version, columns=READ_COLUMNS), Interactions()
    interactions.merge(whole.merges)
    interactions.settle(whole.events)
    return interactions


def check(growing: Growing) -> None:
    interactions, said = settled_at(growing.path, growing.version)
    whole = read_at(growing.path, growing.version, columns=COLUMNS)

    assert bits(interactions) == bits(at_once(growing.path, growing.version))
    assert bits(interactions) == bits(settled(growing.path)[0])
    assert (said.version, said.reset, said.positions) == (whole.version, True, whole.positions)
    assert (said.merges, said.dead, len(said.events)) == (whole.merges, whole.dead, 0)


def test_piece_by_piece_comes_to_the_same_in_every_bit(growing, single):
    check(growing)
    DeltaTable(growing.path).optimize.compact()
    growing.store.refresh()
    growing.grow()
    regrouped(growing.path, 17)
    check(growing)


def test_rows_of_an_erased_id_are_in_no_piece(growing, single):
    Erasing(path=growing.path, side="artist", identity="a5").run({})
    check(growing)

    assert "a5" not in settled(growing.path)[0].artists.ids


class Vanishing:
    """Files vanish while a reader opens them: with the third one, that many times."""

    def __init__(self, monkeypatch, times: int = 1) -> None:
        self.times, self._opened, self._stream = times, 0, parquet.stream
        monkeypatch.setattr(parquet, "stream", self.stream)

    def stream(self, path, file, *how) -> Iterator[pa.Table]:
        self._opened += 1
        if self.times and self._opened % 3 == 0:
            self.times -= 1
            raise FileNotFoundError(file.path)
        yield from self._stream(path, file, *how)


def same(following: Following, growing: Growing) -> None:
    """That it knows what a reader knows who was not disturbed."""
    fresh = Following(growing.path)
    fresh.listen(0.0)
    assert facts(following.interactions) == facts(fresh.interactions)
    assert (following.version, following.offsets) == (fresh.version, fresh.offsets)
    assert not following.listen(0.0)


def test_a_first_look_begins_again_where_files_went_in_the_midst_of_it(
    growing, single, monkeypatch
):
    vanishing, following = Vanishing(monkeypatch, 2), Following(growing.path)

    assert following.listen(0.0)

    assert not vanishing.times
    same(following, growing)


def test_a_late_look_is_anew_where_files_went_in_the_midst_of_it(growing, single, monkeypatch):
    following = Following(growing.path)
    following.listen(0.0)
    for _ in range(4):
        growing.grow()
    vanishing = Vanishing(monkeypatch)

    assert following.listen(0.0)

    assert not vanishing.times
    same(following, growing)


def test_a_snapshot_is_given_up_where_files_went_while_one_went_on_from_it(
    growing, single, monkeypatch, tmp_path
):
    snapshots = Snapshots(tmp_path / "models")
    growing.save(snapshots)
    for _ in range(4):
        growing.grow()
    vanishing, following = Vanishing(monkeypatch), Following(growing.path, snapshots)

    assert following.listen(0.0)

    assert not vanishing.times
    same(following, growing)


def test_ids_erased_while_a_look_began_again_were_known_before(growing, single, monkeypatch):
    following = Following(growing.path)
    following.listen(0.0)

    def settle(self, ours, pieces):
        monkeypatch.undo()
        Erasing(path=growing.path, side="artist", identity="a5").run({})
        raise FileNotFoundError("a file that was rewritten")

    DeltaTable(growing.path).delete("offset = 1")  # the next read starts over
    monkeypatch.setattr(Following, "_settle", settle)
    assert following.listen(0.0)

    assert following.knew_erased
    assert "a5" not in following.interactions.artists.ids


def test_files_that_go_again_and_again_are_an_error(growing, single, monkeypatch):
    Vanishing(monkeypatch, 5)

    with pytest.raises(StoreDamaged, match="missing"):
        Following(growing.path).listen(0.0)


def test_a_version_whose_files_go_in_the_midst_of_it_is_gone(growing, single, monkeypatch):
    Vanishing(monkeypatch)

    with pytest.raises(VersionGone, match="version"):
        settled_at(growing.path, growing.version)


def test_who_broke_off_in_the_midst_is_given_all_again(growing, single):
    tail = StoreReader(growing.path, columns=["offset"])
    tail.read()
    growing.grow()
    growing.grow()
    file = growing.path / list(delta_log.replay(growing.path).files)[-1]
    shutil.copy(file, growing.path / "kept")
    file.write_bytes(b"no parquet at all")
    with pytest.raises(StoreDamaged, match=file.name):
        tail.take(load)
    (growing.path / "kept").rename(file)

    again = tail.read()

    assert (again.reset, len(again.events)) == (True, growing.next)
