import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from serving import publish as publishing
from serving.contract import HASHES, Entry, field_of, live_key
from serving.errors import Superseded
from support.lists import entry, publish, state

IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


def test_a_fold_in_replaces_adds_and_removes_and_is_counted_once(publisher, client, prefix):
    publish(publisher, 1)
    changes = {
        "artist": {"a0": entry(1, ["x"], "foldin"), "new": entry(1, ["y"], "foldin"), "a1": None},
        "venue": {"v0": None},
    }
    seq = publisher.fold_in(1, changes, {"artist:name": {"new": "New", "a1": ""}})

    assert (seq, publisher.live().seq) == (1, 1)
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
    publisher.fold_in(1, {"artist": {"a0": None}}, {})

    assert {**before, b"_seq": b"1"} == client.hgetall(f"{prefix}:venue")


def test_thousands_of_changes_go_in_one_script(publisher, client, prefix):
    publish(publisher, 1)
    added = {f"n{number}": entry(1, ["x"], "foldin") for number in range(6000)}
    assert publisher.fold_in(1, {"artist": added, "venue": added}, {}) == 1
    assert client.hlen(f"{prefix}:artist") == 6000 + 5 + 4

    assert publisher.fold_in(1, {"artist": dict.fromkeys(added)}, {}) == 2
    assert client.hlen(f"{prefix}:artist") == 5 + 4
    assert client.hlen(f"{prefix}:venue") == 6000 + 5 + 4


def test_very_many_changes_are_split_and_each_part_counted(publisher, client, prefix, monkeypatch):
    monkeypatch.setattr(publishing, "FOLD_IN_CHARS", 1000)
    publish(publisher, 1)
    added = {f"n{number}": entry(1, ["x"], "foldin") for number in range(100)}
    seq = publisher.fold_in(1, {"artist": added, "venue": {"v0": None}}, {})

    assert 3 < seq < 20
    assert seq == publisher.live().seq
    assert client.hlen(f"{prefix}:artist") == 100 + 5 + 4
    assert not client.hexists(f"{prefix}:venue", "v0")


@pytest.mark.parametrize("generation", [1, 3])
def test_a_fold_in_into_another_generation_than_the_live_one_is_refused(
    publisher, client, prefix, generation
):
    publish(publisher, 2)
    before = state(client, prefix)
    with pytest.raises(Superseded) as refused:
        publisher.fold_in(generation, {"artist": {"a0": None}}, {})

    assert refused.value.live == 2
    assert before == state(client, prefix)


@pytest.mark.parametrize("lost", HASHES)
def test_a_fold_in_into_a_set_that_lost_a_hash_is_refused(publisher, client, prefix, lost):
    publish(publisher, 2)
    client.delete(live_key(prefix, lost))
    before = state(client, prefix)
    with pytest.raises(Superseded) as refused:
        publisher.fold_in(2, {"artist": {"a0": None}}, {})

    assert refused.value.live is None
    assert "no whole generation is live" in str(refused.value)
    assert before == state(client, prefix)


def test_a_list_of_another_generation_is_not_folded_in(publisher):
    publish(publisher, 2)
    with pytest.raises(ValueError, match="is of generation 1, not 2"):
        publisher.fold_in(2, {"artist": {"a0": entry(1)}}, {})


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(IDS, IDS, min_size=1, max_size=10))
@example({"_gen": "_meta", "__gen": "_", "_": " ", "a:b c": "Ø 東京 🎸", "-1": "\u200b"})
def test_any_id_and_name_can_be_published_found_and_removed(publisher, client, prefix, names):
    publish(publisher, 1)
    added = {identity: entry(1, list(names), "foldin") for identity in names}
    publisher.fold_in(1, {"artist": added}, {"artist:name": names})
    stored = client.hgetall(f"{prefix}:artist")

    for identity, name in names.items():
        field = field_of(identity).encode()
        assert list(names) == Entry.decode(stored[field]).ids
        assert name == client.hget(f"{prefix}:artist:name", field).decode()
    publisher.fold_in(
        1, {"artist": dict.fromkeys(names)}, {"artist:name": dict.fromkeys(names, "")}
    )
    assert 4 + 5 - len({"a0", "a1", "a2", "a3", "a4"} & set(names)) == client.hlen(
        f"{prefix}:artist"
    )
    for key in state(client, prefix):
        client.delete(key)
