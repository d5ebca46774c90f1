from datetime import UTC, datetime

import pytest
import redis

from serving.errors import NotPublished, RedisUnfit, Unreadable
from serving.lookup import Info, Item, Lookup, Match
from support.data.lists import BUILT_AT, entry, fold_in, publish


@pytest.fixture(params=[(2, False), (2, True), (3, False), (3, True)], ids=str)
def lookup(request, redis_server, prefix, publisher):
    """Over either protocol, and clients that decode or not; generation 1 is live."""
    protocol, decode = request.param
    publish(publisher, 1)
    options = {"protocol": protocol, "decode_responses": decode}
    with redis.Redis.from_url(redis_server.url, **options) as client:
        yield Lookup(client, prefix, clock=lambda: BUILT_AT + 90)


def test_an_answer_tells_items_generation_time_age_and_source(lookup):
    found = lookup.artist("a0", 2)

    assert found.id == "a0"
    assert (Item("v1", 1.0, None), Item("v2", 0.5, None)) == found.items
    assert (found.generation, found.source, found.age_s) == (1, "model", 90.0)
    assert datetime(2018, 11, 1, tzinfo=UTC) == found.as_of


def test_returns_tell_how_often_each_was_played(lookup):
    assert [item.plays for item in lookup.artist("a0", returns=True).items] == [2, 1, 0]


def test_artists_of_a_venue_tell_how_often_they_played_there(lookup):
    found = lookup.venue("v0", returns=True)

    assert [(item.id, item.plays) for item in found.items] == [("a1", 2), ("a2", 0)]


def test_lists_of_an_earlier_version_are_read_and_the_view_that_they_lack_is_named(
    lookup, redis_server, prefix
):
    redis_server.client().delete(f"{prefix}:venue:returns")

    assert [item.id for item in lookup.venue("v0").items] == ["a1", "a2"]
    with pytest.raises(NotPublished, match="an earlier gigstream publishes here"):
        lookup.venue("v0", returns=True)


def test_venues_get_artists(lookup):
    assert [item.id for item in lookup.venue("v0").items] == ["a1", "a2"]


@pytest.mark.parametrize("unknown", ["unheard of", "_default", "_gen", "_meta", "", "a0 "])
def test_an_unknown_id_gets_the_popular_list_flagged_as_such(lookup, unknown):
    for found in (lookup.artist(unknown), lookup.venue(unknown)):
        assert [item.id for item in found.items] == ["p1", "p2"]
        assert ("popular", unknown, 1) == (found.source, found.id, found.generation)
    assert [item.plays for item in lookup.artist(unknown, returns=True).items] == [0, 0]


def test_an_artist_with_an_empty_list_gets_the_popular_one(lookup, publisher):
    fold_in(publisher, 1, {"artist": {"a0": entry(1, [], "foldin")}}, {})

    assert lookup.artist("a0").source == "popular"


def test_a_folded_in_list_is_flagged_as_such(lookup, publisher):
    fold_in(publisher, 1, {"artist": {"a0": entry(1, ["x"], "foldin")}}, {})
    found = lookup.artist("a0")

    assert (found.source, found.items[0].id) == ("foldin", "x")


def test_asking_for_more_than_there_is_gives_what_there_is(lookup):
    assert len(lookup.artist("a0", 1000).items) == 3


@pytest.mark.parametrize("n", [0, -1])
def test_asking_for_less_than_one_is_refused(lookup, n):
    with pytest.raises(ValueError, match=f"n: {n} is too few"):
        lookup.artist("a0", n)


def test_an_id_that_begins_with_an_underscore_is_found(lookup, publisher):
    fold_in(publisher, 1, {"artist": {"_default": entry(1, ["x"])}}, {"artist:name": {"_gen": "G"}})

    assert lookup.artist("_default").items[0].id == "x"
    assert lookup.names(["_gen", "gen"], of="artist") == {"_gen": "G"}
    assert [Match("_gen", "G")] == lookup.search("G", of="artist", limit=1)


def test_names_leave_out_ids_that_have_none(lookup):
    assert lookup.names(["a1", "x", "a0"], of="artist") == {"a1": "Artist 1", "a0": "Artist 0"}
    assert lookup.names(["v1", "v1"], of="venue") == {"v1": "Venue 1"}
    assert lookup.names([], of="artist") == {}


def test_a_batch_has_each_id_once_in_order(lookup):
    found = lookup.artists(["a1", "unknown", "a0", "a1"], 2, returns=True)

    assert list(found) == ["a1", "unknown", "a0"]
    assert [each.source for each in found.values()] == ["model", "popular", "model"]
    assert found["a0"] == lookup.artist("a0", 2, returns=True)
    assert lookup.venues(["v0"], 1) == {"v0": lookup.venue("v0", 1)}
    assert lookup.artists([]) == {}


@pytest.mark.parametrize("wrong", [7, 7.0, b"a0", None])
def test_an_id_that_is_no_text_is_refused_by_name(lookup, wrong):
    calls = {
        "artist_id": lambda: lookup.artist(wrong),
        "venue_id": lambda: lookup.venue(wrong),
        "artist_ids": lambda: lookup.artists(["a0", wrong]),
        "venue_ids": lambda: lookup.venues([wrong]),
        "ids": lambda: lookup.names([wrong], of="artist"),
    }
    for name, call in calls.items():
        with pytest.raises(TypeError, match=f"^{name}: .* ids are text: pass str"):
            call()


def test_one_id_is_no_batch(lookup):
    with pytest.raises(TypeError, match="artist_ids: 'a0' is one id; pass a list"):
        lookup.artists("a0")


def test_infos_have_what_was_stated(lookup, publisher):
    stated = {
        "artist:info": {"a0": '{"name":"A","genres":["jazz"]}'},
        "venue:info": {"_x": '{"city":"Hamburg","lat":53.5,"lng":10,"capacity":300,"new":1}'},
    }
    fold_in(publisher, 1, {}, stated)

    assert lookup.infos(["a0", "a1"], of="artist") == {"a0": Info("a0", name="A", genres=("jazz",))}
    assert lookup.infos(["_x"], of="venue") == {
        "_x": Info("_x", city="Hamburg", lat=53.5, lng=10, capacity=300)
    }
    fold_in(publisher, 1, {}, {"artist:info": {"a0": ""}})
    assert lookup.infos(["a0"], of="artist") == {}


@pytest.mark.parametrize("value", ["", "[]", "3", "null", "{"])
def test_an_info_that_is_none_is_said_in_one_line(lookup, publisher, value):
    fold_in(publisher, 1, {}, {"artist:info": {"a0": value or " "}})
    with pytest.raises(Unreadable, match="the info of 'a0' in Redis does not follow"):
        lookup.infos(["a0"], of="artist")


def test_a_search_finds_names_whatever_their_case_and_accents_closest_first(lookup, publisher):
    names = {"1": "The Björk Band", "2": "BJÖRK", "3": "Bjorkland", "4": "Sigur Rós"}
    fold_in(publisher, 1, {}, {"artist:name": names})

    found = lookup.search("bjÖrk", of="artist")
    assert [match.id for match in found] == ["2", "3", "1"]
    assert [Match("4", "Sigur Rós")] == lookup.search("ros", of="artist")
    assert len(lookup.search("bjork", of="artist", limit=2)) == 2
    assert lookup.search("bjork", of="venue") == []


def test_a_search_reads_names_page_by_page_and_skips_what_is_not_a_name(lookup, publisher):
    fold_in(publisher, 1, {}, {"venue:name": {f"x{n}": f"Hall {n:04}" for n in range(3000)}})
    found = lookup.search("", of="venue", limit=5000)

    assert len(found) == 3005
    assert len({match.id for match in found}) == 3005


def test_a_list_is_one_round_trip(redis_server, publisher, prefix):
    publish(publisher, 1)
    lookup = Lookup(redis_server.client(), prefix)
    lookup.artist("a0")
    with redis_server.client() as admin:
        calls = {
            "artist": lambda: lookup.artist("a0"),
            "returns": lambda: lookup.artist("a0", returns=True),
            "venue": lambda: lookup.venue("unknown"),
            "many": lambda: lookup.artists([f"a{n}" for n in range(100)]),
            "infos": lambda: lookup.infos(["v0", "v1"], of="venue"),
            "names": lambda: lookup.names([f"a{n}" for n in range(100)], of="artist"),
        }
        for name, call in calls.items():
            admin.config_resetstat()
            call()
            commands = admin.info("commandstats")
            counted = {name: stats["calls"] for name, stats in commands.items()}
            ours = {name: n for name, n in counted.items() if "config" not in name}

            assert ours == {"cmdstat_hmget": 1}, name


def test_nothing_published_is_said_in_one_line(client, prefix, redis_server):
    for call in (Lookup(client, prefix).artist, Lookup(client, prefix).venue):
        with pytest.raises(NotPublished) as missing:
            call("a0")

        said = str(missing.value)
        assert f"nothing is published under {prefix}:" in said
        assert f"127.0.0.1:{redis_server.port}" in said
        assert "train --once" in said
        assert "\n" not in said


def test_lists_of_a_later_schema_are_not_misread(lookup, client, prefix):
    meta = client.hget(f"{prefix}:artist", "_meta").replace(b'"schema":1', b'"schema":2')
    client.hset(f"{prefix}:artist", "_meta", meta)
    with pytest.raises(Unreadable, match="follow schema 2, this reader knows 1"):
        lookup.artist("a0")


def test_a_key_of_another_kind_is_said_in_one_line(client, prefix):
    client.set(f"{prefix}:artist", "x")
    with pytest.raises(RedisUnfit) as unfit:
        Lookup(client, prefix).artist("a0")

    assert "holds something else than our lists" in str(unfit.value)
