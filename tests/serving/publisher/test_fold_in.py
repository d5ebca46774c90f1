import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from serving.contract import HASHES, Entry, field_of, live_key
from serving.errors import SeqMoved, Superseded
from serving.live import Progress
from serving.publisher import publish as publishing
from serving.publisher.fields import MOST_TOLD
from support.data.lists import entry, fold_in, publish, state

IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


def test_a_fold_in_replaces_adds_and_removes_and_is_counted_once(publisher, client, prefix):
    publish(publisher, 1)
    changes = {
        "artist": {"a0": entry(1, ["x"], "foldin"), "new": entry(1, ["y"], "foldin"), "a1": None},
        "venue": {"v0": None},
    }
    reached = fold_in(publisher, 1, changes, {"artist:name": {"new": "New", "a1": ""}})

    assert reached == publisher.live().progress == (1, 11)
    assert Entry.decode(client.hget(f"{prefix}:artist", "a0")).ids == ["x"]
    assert Entry.decode(client.hget(f"{prefix}:artist", "new")).ids == ["y"]
    assert not client.hexists(f"{prefix}:artist", "a1")
    assert not client.hexists(f"{prefix}:venue", "v0")
    assert client.hget(f"{prefix}:artist:name", "new") == b"New"
    assert not client.hexists(f"{prefix}:artist:name", "a1")
    assert {b"1"} == {client.hget(live_key(prefix, view), "_seq") for view in HASHES}


def test_what_a_fold_in_does_not_name_stays(publisher, client, prefix):
    publish(publisher, 1)
    before = client.hgetall(f"{prefix}:venue")
    fold_in(publisher, 1, {"artist": {"a0": None}}, {})

    assert {**before, b"_seq": b"1", b"_version": b"11"} == client.hgetall(f"{prefix}:venue")


def test_thousands_of_changes_go_in_one_script(publisher, client, prefix):
    publish(publisher, 1)
    added = {f"n{number}": entry(1, ["x"], "foldin") for number in range(6000)}
    assert fold_in(publisher, 1, {"artist": added, "venue": added}, {}).seq == 1
    assert client.hlen(f"{prefix}:artist") == 6000 + 5 + 5

    assert fold_in(publisher, 1, {"artist": dict.fromkeys(added)}, {}).seq == 2
    assert client.hlen(f"{prefix}:artist") == 5 + 5
    assert client.hlen(f"{prefix}:venue") == 6000 + 5 + 5


def test_very_many_changes_are_split_and_each_part_counted(publisher, client, prefix, monkeypatch):
    monkeypatch.setattr(publishing, "FOLD_IN_CHARS", 1000)
    publish(publisher, 1)
    added = {f"n{number}": entry(1, ["x"], "foldin") for number in range(100)}
    reached = fold_in(publisher, 1, {"artist": added, "venue": {"v0": None}}, {})

    assert 3 < reached.seq < 20
    assert reached == publisher.live().progress
    assert client.hlen(f"{prefix}:artist") == 100 + 5 + 5
    assert not client.hexists(f"{prefix}:venue", "v0")


@pytest.mark.parametrize("held", [Progress(0, 9), Progress(1, 10), Progress(2, 11)])
def test_a_fold_in_into_other_lists_than_the_caller_knows_is_refused(
    publisher, client, prefix, held
):
    publish(publisher, 1)
    before = state(client, prefix)
    with pytest.raises(SeqMoved, match="at fold-in 0"):
        publisher.fold_in(1, {"artist": {"a0": None}}, {}, held=held, version=12)

    assert before == state(client, prefix)


def test_a_fold_in_that_was_done_is_not_done_again(publisher, client, prefix):
    """As redis-py repeats it by itself where the answer was lost."""
    publish(publisher, 1)
    held = publisher.live().progress
    publisher.fold_in(1, {"artist": {"a0": None}}, {}, held=held, version=12)
    with pytest.raises(SeqMoved) as refused:
        publisher.fold_in(1, {"artist": {"a0": entry(1)}}, {}, held=held, version=12)

    assert refused.value.seq == 1
    assert not client.hexists(f"{prefix}:artist", "a0")


def test_numbers_grow_also_after_older_lists_of_the_generation_came_back(publisher, client, prefix):
    publish(publisher, 1)
    older = {view: client.dump(live_key(prefix, view)) for view in HASHES}
    for version in (11, 12, 13):
        fold_in(publisher, 1, {"artist": {"a0": None}}, version=version)
    for view, content in older.items():
        client.restore(live_key(prefix, view), 0, content, replace=True)

    assert publisher.live().progress == (0, 10)
    assert fold_in(publisher, 1, {"artist": {"a1": None}}, version=13) == (4, 13)


def test_only_the_last_part_of_a_split_fold_in_is_right_up_to_the_version(
    publisher, client, prefix, monkeypatch
):
    monkeypatch.setattr(publishing, "FOLD_IN_CHARS", 1000)
    publish(publisher, 1)
    added = {f"n{number}": entry(1, ["x"], "foldin") for number in range(60)}
    run, versions = publisher._run, []

    def running(script, keys, arguments, *, generation):
        facts = run(script, keys, arguments, generation=generation)
        versions.append(publisher.live().version)
        return facts

    monkeypatch.setattr(publisher, "_run", running)
    fold_in(publisher, 1, {"artist": added}, version=12)

    assert len(versions) > 2
    assert versions == [10] * (len(versions) - 1) + [12]


def test_an_event_carries_the_ids_that_changed_unless_they_are_too_many(publisher, client, prefix):
    publish(publisher, 1)
    many = {f"n{number}": entry(1, ["x"], "foldin") for number in range(MOST_TOLD)}
    with client.pubsub() as listener:
        listener.subscribe(f"{prefix}:events")
        listener.get_message(timeout=30)
        fold_in(publisher, 1, {"artist": {"a0": None, "_x": None}}, {"venue:name": {"ö": "Ö"}})
        fold_in(publisher, 1, {"artist": many, "venue": {**many, "one more": None}})
        told = [json.loads(listener.get_message(timeout=30)["data"]) for _ in range(2)]

    assert told[0] == {
        "kind": "foldin",
        "generation": 1,
        "seq": 1,
        "artists": ["_x", "a0"],
        "venues": ["ö"],
    }
    assert told[1] == {
        "kind": "foldin",
        "generation": 1,
        "seq": 2,
        "artists": sorted(many),
    }
    commit, first, second = (fields for _, fields in client.xrange(f"{prefix}:events"))
    assert commit == {b"kind": b"commit", b"generation": b"1", b"seq": b"0"}
    assert json.loads(first[b"artists"]) == ["_x", "a0"]
    assert json.loads(first[b"venues"]) == ["ö"]
    assert b"venues" not in second


@pytest.mark.parametrize("generation", [1, 3])
def test_a_fold_in_into_another_generation_than_the_live_one_is_refused(
    publisher, client, prefix, generation
):
    publish(publisher, 2)
    before = state(client, prefix)
    with pytest.raises(Superseded) as refused:
        fold_in(publisher, generation, {"artist": {"a0": None}}, {})

    assert refused.value.live == 2
    assert before == state(client, prefix)


@pytest.mark.parametrize("lost", HASHES)
def test_a_fold_in_into_a_set_that_lost_a_hash_is_refused(publisher, client, prefix, lost):
    publish(publisher, 2)
    client.delete(live_key(prefix, lost))
    before = state(client, prefix)
    with pytest.raises(Superseded) as refused:
        fold_in(publisher, 2, {"artist": {"a0": None}}, {})

    assert refused.value.live is None
    assert "no whole generation is live" in str(refused.value)
    assert before == state(client, prefix)


def test_a_list_of_another_generation_is_not_folded_in(publisher):
    publish(publisher, 2)
    with pytest.raises(ValueError, match="is of generation 1, not 2"):
        fold_in(publisher, 2, {"artist": {"a0": entry(1)}}, {})


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(IDS, IDS, min_size=1, max_size=10))
@example({"_gen": "_meta", "__gen": "_", "_": " ", "a:b c": "Ø 東京 🎸", "-1": "\u200b"})
def test_any_id_and_name_can_be_published_found_and_removed(publisher, client, prefix, names):
    publish(publisher, 1)
    added = {identity: entry(1, list(names), "foldin") for identity in names}
    fold_in(publisher, 1, {"artist": added}, {"artist:name": names})
    stored = client.hgetall(f"{prefix}:artist")

    for identity, name in names.items():
        field = field_of(identity).encode()
        assert list(names) == Entry.decode(stored[field]).ids
        assert name == client.hget(f"{prefix}:artist:name", field).decode()
    fold_in(
        publisher, 1, {"artist": dict.fromkeys(names)}, {"artist:name": dict.fromkeys(names, "")}
    )
    assert 5 + 5 - len({"a0", "a1", "a2", "a3", "a4"} & set(names)) == client.hlen(
        f"{prefix}:artist"
    )
    for key in state(client, prefix):
        client.delete(key)
