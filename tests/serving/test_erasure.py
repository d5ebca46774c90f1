"""Where Redis holds an id, lists under way included; and how all lists go at once."""

import pytest

from serving.erasure import drop_staged, holdings
from serving.errors import Fenced, NotPublished
from serving.lookup import Lookup
from serving.publisher.publish import Publisher
from support.data.lists import publish, stage, state


@pytest.fixture
def publisher(client, prefix):
    made = Publisher(client, prefix=prefix, registry="r", token=1)
    made.claim()
    publish(made, 1)
    return made


@pytest.fixture
def client(redis_server):
    return redis_server.client()


def test_an_id_is_found_as_a_field_and_in_lists_of_others_of_its_own_kind_only(
    publisher, client, prefix
):
    def found(side, identity):
        return holdings(client, prefix, lambda of, name: (of, name) == (side, identity))

    assert found("artist", "a1") == {
        f"{prefix}:artist": 1,
        f"{prefix}:artist:returns": 1,
        f"{prefix}:artist:name": 1,
        f"{prefix}:venue": 5,
        f"{prefix}:venue:returns": 5,
    }
    assert found("venue", "v1")[f"{prefix}:artist"] == 5
    assert found("venue", "a1") == {}
    assert found("artist", "p1") == {f"{prefix}:venue": 1, f"{prefix}:venue:returns": 1}


def test_an_id_that_begins_with_an_underscore_is_found_under_its_field(client, prefix):
    client.hset(f"{prefix}:artist", mapping={"__gen": "{}", "_gen": "1"})

    assert holdings(client, prefix, lambda _, name: name == "_gen") == {f"{prefix}:artist": 1}


def test_lists_under_way_are_found_and_dropped_and_the_live_ones_stay(publisher, client, prefix):
    stage(publisher, 2)
    client.hset(f"{prefix}x:artist", "a1", "{}")  # another prefix
    live = {key for key in state(client, prefix) if b":staging:" not in key}

    keys = holdings(client, prefix, lambda of, name: (of, name) == ("artist", "a1"))
    dropped = drop_staged(client, prefix, list(keys))

    assert len(dropped) == 5
    others = ("venue:name", "artist:info", "venue:info")
    left = {f"{prefix}:{view}:staging:2-1".encode() for view in others}
    assert set(state(client, prefix)) - live == left


def test_withdrawn_lists_are_gone_and_can_be_published_again(publisher, client, prefix):
    publisher.withdraw()

    with pytest.raises(NotPublished):
        Lookup(client, prefix).artist("a1")
    publish(publisher, 2)
    assert Lookup(client, prefix).artist("a1").generation == 2


def test_a_superseded_writer_withdraws_nothing(publisher, client, prefix):
    Publisher(client, prefix=prefix, registry="r", token=2).claim()
    before = state(client, prefix)

    with pytest.raises(Fenced):
        publisher.withdraw()

    assert state(client, prefix) == before
