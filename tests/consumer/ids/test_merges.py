"""Merges: rows of the store that say which ids are one, in any order."""

import random

import pytest
from deltalake import DeltaTable

from consumer.audit.rebuild import copy_decisions
from consumer.ids import decisions, merges
from consumer.ids.merges import Merge, leads_to, resolve
from consumer.ingest import rows
from consumer.store.reader import StoreReader, read_at
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from support.data.records import message

A_TO_B = Merge(1, "a", "b", "artist")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def store(path):
    return Store.open(path)


def test_chains_end_at_their_last_id_and_sides_do_not_mix():
    said = [A_TO_B, Merge(2, "b", "c", "artist"), Merge(3, "c", "d", "venue")]

    assert resolve(said, "artist") == {"a": "c", "b": "c"}
    assert resolve(said, "venue") == {"c": "d"}


def test_the_later_merge_of_an_id_wins_and_ties_go_to_the_greater_id():
    assert resolve([Merge(2, "a", "c", "artist"), A_TO_B], "artist") == {"a": "c"}
    assert resolve([Merge(1, "a", "c", "artist"), A_TO_B], "artist") == {"a": "c"}


def test_a_merge_that_would_close_a_circle_does_nothing():
    assert resolve([A_TO_B, Merge(2, "b", "a", "artist")], "artist") == {"a": "b"}
    assert resolve([Merge(1, "a", "a", "artist")], "artist") == {}
    # The chain from x leads through a itself, whose own merge is about to be replaced.
    through = [A_TO_B, Merge(2, "x", "a", "artist"), Merge(3, "a", "x", "artist")]
    assert resolve(through, "artist") == {"a": "b", "x": "b"}


def test_any_set_of_merges_resolves_to_the_same_in_any_order_and_without_end():
    draw = random.Random(4)
    for _ in range(300):
        said = [Merge(draw.randint(0, 2), *draw.choices("abcd", k=2), "artist") for _ in range(6)]
        into = resolve(said, "artist")

        assert resolve(draw.sample(said, 6), "artist") == into
        assert not set(into.values()) & set(into)


def test_an_id_leads_to_itself_and_down_its_chain():
    into = {"a": "b", "b": "c"}

    assert leads_to(into, "a", "c")
    assert leads_to(into, "c", "c")
    assert not leads_to(into, "c", "a")


def test_a_merge_is_a_commit_without_positions_that_readers_are_told_of(store, path):
    store.append(rows.table([message(0)], topic_id="T"), {"c/t/0": Span(None, 1)})
    tail = StoreReader(path)
    tail.read()

    version = store.append(merges.table(A_TO_B), {})
    chunk = tail.read()

    assert (chunk.version, chunk.reset, chunk.events.num_rows) == (version, False, 0)
    assert chunk.merges == (A_TO_B,)
    assert chunk.positions == {"c/t/0": 1}
    assert StoreReader(path).read().merges == (A_TO_B,)
    assert read_at(path, version - 1).merges == ()
    assert decisions.read(path).merges == (A_TO_B,)


def test_later_chunks_tell_of_earlier_merges_too(store, path):
    tail = StoreReader(path)
    store.append(merges.table(A_TO_B), {})
    tail.read()
    other = Merge(2, "v", "w", "venue")
    store.append(merges.table(other), {})

    assert tail.read().merges == (A_TO_B, other)


def test_compaction_keeps_merges(store, path):
    for number in range(3):
        store.append(merges.table(Merge(number, f"a{number}", "b", "artist")), {})
    DeltaTable(path).optimize.compact()

    snapshot = delta_log.replay(path)
    assert sum(file.kind == "merge" for file in snapshot.files.values()) == 1
    assert len(decisions.read(path).merges) == 3


def test_a_store_that_is_not_there_has_no_merges(path):
    assert decisions.read(path).merges == ()


def test_a_merge_into_itself_ends_it_and_those_that_follow_come_with_it():
    chain = [A_TO_B, Merge(2, "b", "c", "artist")]

    assert resolve([*chain, Merge(3, "b", "b", "artist")], "artist") == {"a": "b"}
    assert resolve([*chain, Merge(3, "a", "a", "artist")], "artist") == {"b": "c"}
    assert resolve([*chain, Merge(3, "c", "c", "artist")], "artist") == {"a": "c", "b": "c"}
    assert resolve([A_TO_B, Merge(2, "a", "a", "venue")], "artist") == {"a": "b"}


def test_an_ended_merge_can_be_made_again_and_turned_around():
    ended = [A_TO_B, Merge(2, "a", "a", "artist")]

    assert resolve(ended, "artist") == {}
    assert resolve([*ended, Merge(3, "a", "b", "artist")], "artist") == {"a": "b"}
    assert resolve([*ended, Merge(3, "b", "a", "artist")], "artist") == {"b": "a"}


def test_a_rebuilt_store_knows_of_the_end_of_a_merge(store, path, tmp_path):
    for each in (A_TO_B, Merge(2, "x", "y", "artist"), Merge(3, "a", "a", "artist")):
        store.append(merges.table(each), {})
    DeltaTable(path).optimize.compact()

    assert copy_decisions(path, tmp_path / "new") == 3
    for each in (path, tmp_path / "new"):
        assert resolve(decisions.read(each).merges, "artist") == {"x": "y"}
