"""An erased id is in no file of the store, now and after a kill anywhere, and nothing else goes."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from consumer.errors import StoreUnusable
from consumer.ids import decisions, merges
from consumer.ids.merges import Merge
from consumer.ingest import rows
from consumer.store.erase import Erasing
from consumer.store.reader import StoreReader, read_at
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from support.data.records import gig, message, stored
from support.faults.traces import files_with

APP, OTHER = "c/t/0", "c/t/1"
ID, NAME = "kopis:artist-7/ä", "The Erased Ones"
STEPS = ("recorded", "rewritten", "committed", "checkpointed", "cleaned")
TESTS = Path(__file__).parents[2]


def spoken_of() -> list:
    """Messages of others, and every way in which the id may be in a store."""
    others = [message(n) for n in range(6)]
    return [
        *others,
        message(6, gig(6, artist_id=ID, artist_name=NAME)),
        message(7, gig(7, artist_id=ID, venue_id="v1", status="cancelled")),
        message(8, gig(8, support=[ID, "a1"], note=f"with {ID}.", headline=NAME, price=1.10)),
        message(9, json.dumps({"artist_id": ID}).encode()),
        message(10, b"{" + ID.encode() + b" and no JSON"),
        message(11, b"\xff\xfe" + ID.encode()),
        message(12, b"?", headers=[("ce_subject", ID.encode())]),
        message(13, b"?", key=ID.encode()),
        message(14, json.dumps({"artist_name": NAME}).encode()),
        message(15, b'{"artist_id": "kopis:artist-77"}'),
        message(16, gig(16, artist_id="kopis:artist-7")),
    ]


GONE = {6, 7, 9, 10, 11, 12, 13, 14}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def store(path):
    """A store that holds the id in every way, in several commits and a torn one."""
    store = Store.open(path)
    said = spoken_of()
    for first in range(0, len(said), 4):
        part = said[first : first + 4]
        store.append(rows.table(part, topic_id="T"), {APP: Span(first or None, first + len(part))})
    torn = path / delta_log.TORN
    torn.mkdir()
    (torn / "entry").write_text(ID)
    return store


def erase(path: Path, identity: str = ID, side: merges.Side = "artist", **more):
    return Erasing(path=path, side=side, identity=identity, **more).run({"plan": 1})


def offsets(path: Path) -> set[int]:
    return {row["offset"] for row in stored(path) if row["kind"] in {"event", "dead"}}


def test_the_id_and_its_names_are_in_no_file_and_all_others_are_still_there(store, path):
    assert files_with(path, ID, NAME)

    done = erase(path)

    assert files_with(path, ID, NAME) == []
    assert offsets(path) == set(range(17)) - GONE
    assert done.facts | {"files": 0} == {
        "plan": 1, "rows": 2, "dead": 6, "merges": 0, "scrubbed": 1, "files": 0,
    }  # fmt: skip
    assert delta_log.replay(path).positions == {APP: 17}
    assert DeltaTable(path).transaction_version(APP) == 17
    (scrubbed,) = [row for row in stored(path) if row["offset"] == 8]
    assert scrubbed["extra"] == '{"price":1.1,"support":["a1"]}'


def test_what_others_said_is_left_as_it_was_written(store, path):
    before = {row["offset"]: row for row in stored(path)}

    erase(path)

    for row in stored(path):
        if row["kind"] in {"event", "dead"} and row["offset"] != 8:
            assert row == before[row["offset"]]


def test_a_reader_is_told_to_begin_anew_and_finds_the_rest(store, path):
    tail = StoreReader(path)
    tail.read()

    erase(path)
    chunk = tail.read()

    assert chunk.reset
    assert set(chunk.events["offset"].to_pylist()) == set(range(6)) | {8, 16}
    assert chunk.dead == 1
    assert chunk.erasures.gone("artist", ID)
    assert not chunk.erasures.gone("venue", ID)
    assert tail.read() is None


def test_from_the_record_on_readers_pass_over_what_is_still_in_files(store, path):
    tail = StoreReader(path, columns=["offset"])
    tail.read()

    killed_at(path, "recorded")
    chunk = tail.read()

    assert files_with(path, ID)
    assert chunk.reset
    assert chunk.events.column_names == ["offset"]
    assert not {6, 7} & set(chunk.events["offset"].to_pylist())
    assert not {6, 7} & set(read_at(path, chunk.version).events["offset"].to_pylist())


def killed_at(path: Path, step: str, identity: str = ID, side: str = "artist") -> None:
    """An erasure that is killed (`kill -9`) at a step."""
    program = [sys.executable, "-m", "support.processes.erase", str(path), side, identity, step]
    environ = {**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    done = subprocess.run(program, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_store_opens_goes_on_and_a_second_erasure_completes_it(
    store, path, step
):
    killed_at(path, step)

    assert DeltaTable(path).transaction_version(APP) == 17
    late = [message(17), message(18, gig(18, artist_id=ID)), message(19)]
    store.append(rows.table(late, topic_id="T"), {APP: Span(17, 20)})
    done = erase(path)

    assert files_with(path, ID, NAME) == []
    assert offsets(path) == {*range(17), 17, 19} - GONE
    assert {name: done.facts[name] for name in ("rows", "dead", "scrubbed", "plan")} == {
        "rows": 2, "dead": 6, "scrubbed": 1, "plan": 1,
    }  # fmt: skip
    assert delta_log.replay(path).positions == {APP: 20}


def test_an_open_consumer_goes_on_through_a_handle_whose_log_is_gone(store, path):
    other = Store.open(path)
    other.append(rows.table([message(0, partition=1)], topic_id="T"), {OTHER: Span(None, 1)})
    store.refresh()

    erase(path)
    assert len(delta_log.versions(path)) == 1
    store.append(
        rows.table([message(17), message(18, gig(18, artist_id=ID))], topic_id="T"),
        {APP: Span(17, 19)},
    )
    other.append(rows.table([message(1, partition=1)], topic_id="T"), {OTHER: Span(1, 2)})

    assert delta_log.replay(path).positions == {APP: 19, OTHER: 2}
    assert offsets(path) == set(range(18)) - GONE
    assert files_with(path, ID, NAME) == []


def test_dead_letters_of_an_erased_id_are_not_stored_where_the_id_can_be_seen(store, path, caplog):
    erase(path)
    seen = [
        message(20, json.dumps({"artist_id": ID}).encode()),
        message(21, b'{"artist_id": "' + ID.encode() + b'"'),
        message(22, b"?", key=ID.encode()),
        message(23, b"?", headers=[("ce_subject", ID.encode())]),
        message(24, gig(24, support=[ID, "a1"])),
        message(25, gig(25, venue={"city": "x", "by": ID})),
        message(26, b"?"),
    ]

    with caplog.at_level("INFO"):
        store.append(rows.table(seen, topic_id="T"), {APP: Span(17, 27)})

    assert files_with(path, ID) == []
    assert offsets(path) >= {24, 25, 26}
    assert not offsets(path) & {20, 21, 22, 23}
    assert "Left out 4 rows of erased artists or venues" in caplog.text
    assert delta_log.replay(path).positions == {APP: 27}


def test_a_batch_of_nothing_but_an_erased_id_moves_the_position(store, path):
    erase(path)

    only = rows.table([message(17, gig(17, artist_id=ID))], topic_id="T")
    store.append(only, {APP: Span(17, 18)})

    assert delta_log.replay(path).positions == {APP: 18}
    assert offsets(path) == set(range(17)) - GONE


def test_an_erasure_between_a_lost_race_and_the_next_try_is_heeded(store, path):
    def interfere(step: str) -> None:
        if step == "parquet_written" and not done:
            done.append(step)
            other, nothing = Store.open(path), rows.table([], topic_id="T")
            other.append(nothing, {APP: Span(17, 18)})
            other.append(nothing, {APP: Span(18, 17)})
            killed_at(path, "recorded")

    done = []
    slow = Store.open(path, on_step=interfere)
    batch = rows.table([message(17, gig(17, artist_id=ID)), message(18)], topic_id="T")
    slow.append(batch, {APP: Span(17, 19)})
    assert done
    assert 17 not in offsets(path)
    erase(path)

    assert offsets(path) == {*range(17), 18} - GONE
    assert files_with(path, ID) == []


def test_a_venue_is_erased_likewise(store, path):
    erase(path, "v1", "venue")

    assert not any(row["venue_id"] == "v1" for row in stored(path))
    assert {6, 0} <= offsets(path)
    assert 7 not in offsets(path)
    assert 1 not in offsets(path)


def test_an_id_never_seen_is_recorded_all_the_same(store, path):
    done = erase(path, "a-stranger")

    assert (done.facts["rows"], done.facts["files"]) == (0, 0)
    store.append(
        rows.table([message(17, gig(17, artist_id="a-stranger"))], topic_id="T"),
        {APP: Span(17, 18)},
    )
    assert offsets(path) == set(range(17))


def test_erasing_again_says_the_same_and_changes_nothing(store, path):
    first = erase(path)
    files = sorted(delta_log.replay(path).files)

    second = erase(path)

    assert second.facts == first.facts
    assert second.recorded_at == first.recorded_at
    assert sorted(delta_log.replay(path).files) == files


def test_what_was_merged_into_an_id_is_erased_with_it_and_stays_erased(store, path):
    store.append(merges.table(Merge(1, "a1", "a2", "artist")), {})
    store.append(merges.table(Merge(2, "a2", "a3", "artist")), {})
    store.append(merges.table(Merge(3, "a4", "a5", "artist")), {})
    killed_at(path, "recorded", "a2")

    done = erase(path, "a2")

    assert done.ids == ["a2", "a1"]
    assert {row["artist_id"] for row in stored(path) if row["kind"] == "event"} & {
        "a1",
        "a2",
    } == set()
    assert "a3" in {row["artist_id"] for row in stored(path) if row["kind"] == "event"}
    assert [merge.gone for merge in decisions.read(path).merges] == ["a4"]
    assert decisions.read(path).erasures.gone("artist", "a1")


def test_the_key_is_ours_alone_and_in_no_row(store, path):
    erase(path)
    key = path / ".erasures.key"

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32
    others = [f for f in path.rglob("*") if f.is_file() and f != key]
    assert not any(key.read_bytes() in f.read_bytes() for f in others)
    assert not any(key.read_bytes().hex() in str(row) for row in stored(path))


def test_without_its_key_a_store_with_erasures_is_neither_read_nor_written(store, path):
    erase(path)
    (path / ".erasures.key").unlink()

    with pytest.raises(StoreUnusable, match=r"\.erasures\.key"):
        StoreReader(path).read()


def test_compaction_keeps_erasures(store, path):
    erase(path)
    erase(path, "a5")
    DeltaTable(path).optimize.compact()

    known = decisions.read(path).erasures
    assert known.gone("artist", ID)
    assert known.gone("artist", "a5")
