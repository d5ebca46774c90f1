"""Cached lists: what a poll drops, and what is given while Redis is away."""

import asyncio
import threading
import time

import pytest
import redis
import redis.asyncio

from serving.async_lookup import AsyncLookup
from serving.contract import Entry
from serving.errors import NotPublished, RedisUnreachable
from serving.lookup import Lookup
from serving.publisher.publish import Publisher
from serving.reader.answers import Reply
from serving.reader.list_cache import MOST_EVENTS, REST_S, Cache
from support.data.lists import entry, fold_in, publish
from support.servers.redis import RedisServer


def reply(generation=1, seq=0) -> Reply:
    return Reply(Entry(generation, 1, "model", ["v"], [1.0]), 0.0, seq, 10)


def change(seq, artists="[]", venues="[]", generation=1):
    fields = {"kind": "foldin", "generation": str(generation), "seq": str(seq)}
    return f"{seq}-0", fields | {"artists": artists, "venues": venues}


def poll(cache, events, state, now):
    assert cache.follow(cache.begin(now), [*events, change(5)], state)


@pytest.fixture
def cache() -> Cache:
    """At fold-in 5 of generation 1, holding two artists and a venue."""
    made = Cache(fresh_s=1, stale_s=10)
    poll(made, [], [b"1", b"5", b"10"], 0.0)
    made.keep("artist", ["a", "b"], [reply(seq=5)] * 2)
    made.keep("venue", ["v"], [reply(seq=5)])
    return made


def held(cache, now=1.0):
    keys = [("artist", "a"), ("artist", "b"), ("venue", "v")]
    return [identity for view, identity in keys if cache.give(view, [identity], now)]


def test_a_change_drops_what_it_names(cache):
    poll(cache, [change(7, artists='["b"]'), change(6, artists='["a"]')], [1, 7, 11], 1.0)

    assert held(cache) == ["v"]


def test_what_no_change_names_is_right_up_to_the_newest_fold_in(cache):
    poll(cache, [change(6, artists='["a"]')], [1, 6, 11], 1.0)
    (found,) = cache.give("artist", ["b"], 1.0)

    assert (found.seq, found.version) == (6, 11)


def test_a_missed_change_drops_all(cache):
    poll(cache, [change(6)], [1, 8, 11], 1.0)

    assert held(cache) == []


def test_a_redis_that_was_set_back_drops_all(cache):
    poll(cache, [], [1, 3, 9], 1.0)

    assert held(cache) == []


def test_more_changes_than_a_poll_reads_drop_all(cache):
    many = [change(6 + n) for n in reversed(range(MOST_EVENTS))]
    assert cache.follow(cache.begin(1.0), many, [1, 5 + MOST_EVENTS, 11])

    assert held(cache) == []


def test_a_stream_that_was_begun_again_drops_all(cache):
    assert cache.follow(cache.begin(1.0), [change(7)], [1, 7, 11])

    assert held(cache) == []


def test_a_stream_that_is_gone_drops_all_once(cache):
    assert cache.follow(cache.begin(1.0), [], [1, 5, 10])
    assert held(cache) == []
    cache.keep("artist", ["a"], [reply(seq=5)])
    assert cache.follow(cache.begin(2.0), [], [1, 5, 10])
    assert held(cache, 2.0) == ["a"]


def test_a_list_that_was_read_before_the_newest_poll_is_not_kept(cache):
    poll(cache, [change(6, artists='["a"]')], [1, 6, 11], 1.0)
    cache.keep("artist", ["a"], [reply(seq=5)])  # on its way while the poll was made
    assert held(cache) == ["b", "v"]
    cache.keep("artist", ["a"], [reply(seq=6)])
    assert held(cache) == ["a", "b", "v"]


def test_a_batch_is_given_whole_or_not_at_all(cache):
    assert len(cache.give("artist", ["a", "b"], 1.0)) == 2
    assert cache.give("artist", ["a", "c"], 1.0) is None


def test_the_list_used_longest_ago_goes_first():
    cache = Cache(2, fresh_s=1)
    poll(cache, [], [1, 0, 1], 0.0)
    cache.keep("artist", ["a", "b"], [reply()] * 2)
    cache.give("artist", ["a"], 0.5)
    cache.keep("artist", ["c"], [reply()])

    assert [each for each in "abc" if cache.give("artist", [each], 0.5)] == ["a", "c"]


def test_polls_are_apart_and_rest_after_a_failure(cache):
    assert [bool(cache.begin(now)) for now in (0.5, 1.0)] == [False, True]
    cache.failed(1.0)
    assert [bool(cache.begin(now)) for now in (1.5, 1.0 + REST_S)] == [False, True]


def test_of_two_polls_at_once_one_is_taken_in(cache):
    slow, quick = cache.begin(1.0), cache.begin(1.1)

    assert cache.follow(quick, [change(6, artists='["a"]'), change(5)], [1, 6, 11])
    assert not cache.follow(slow, [change(5)], [1, 5, 10])
    assert held(cache) == ["b", "v"]


def test_stale_answers_are_bounded(cache):
    assert held(cache, 10.0) == ["a", "b", "v"]
    assert held(cache, 10.1) == []


@pytest.mark.parametrize("wrong", [{"most": -1}, {"fresh_s": -1}, {"stale_s": -0.1}])
def test_negative_bounds_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Cache(**wrong)


@pytest.fixture
def server():
    with RedisServer() as server:
        yield server


@pytest.fixture
def writer(server):
    made = Publisher(server.client(), prefix="gig", registry="ours", token=1)
    made.claim()
    publish(made, 1)
    return made


def commands(client) -> dict[str, int]:
    found = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in found.items()}


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_held_list_costs_no_round_trip_until_its_change_is_read(server, writer, protocol):
    lookup = Lookup(server.client(protocol=protocol), cache=Cache(fresh_s=0))
    lookup.artist("a0")
    before = commands(server.client())
    assert lookup.artist("a0", 2).items == lookup.artist("a0", 3).items[:2]
    assert commands(server.client())["hmget"] - before["hmget"] == 2  # the positions alone

    fold_in(writer, 1, {"artist": {"a0": entry(1, ["x"], "foldin")}})
    assert (lookup.artist("a0").items[0].id, lookup.artist("a0").seq) == ("x", 1)
    assert (lookup.artist("a1").items[0].id, lookup.artist("a1").seq) == ("v1", 1)
    publish(writer, 2)
    assert lookup.artist("a1").generation == 2


def test_within_its_bound_nothing_is_asked(server, writer):
    lookup = Lookup(server.client(), cache=Cache(fresh_s=60))
    lookup.artist("a0")
    before = commands(server.client())
    found = lookup.artists(["a0"], n=1)["a0"]

    assert commands(server.client())["hmget"] == before["hmget"]
    assert 0 < found.stale_s < 60


def test_stale_lists_are_given_while_redis_is_away_and_end(server, writer):
    client = server.client(socket_connect_timeout=1, retry=None)
    lookup = Lookup(client, cache=Cache(fresh_s=0, stale_s=3))
    first = lookup.artist("a0")
    server.kill()

    again = lookup.artist("a0")
    assert again.items == first.items
    assert 0 < again.stale_s <= 3
    with pytest.raises(RedisUnreachable):
        lookup.artist("a1")  # never read
    end = time.monotonic() + 60
    while time.monotonic() < end and again is not None:
        try:
            again = lookup.artist("a0")
        except RedisUnreachable:
            again = None
    assert again is None

    server.start()
    with pytest.raises(NotPublished):
        lookup.artist("a0")


def test_threads_share_a_cache_and_never_keep_an_old_list(server, writer):
    lookup = Lookup(server.client(), cache=Cache(fresh_s=0))
    ended, failures = threading.Event(), []

    def read():
        while not ended.is_set():
            try:
                lookup.artists(["a0", "a1"])
            except Exception as error:  # noqa: BLE001 - told by the assertion
                failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(200):
        fold_in(writer, 1, {"artist": {"a0": entry(1, [f"x{number}"], "foldin")}})
        found = lookup.artist("a0")
        assert found.items[0].id == f"x{number}"
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_asyncio_is_the_same(server, writer):
    async def asked():
        async with redis.asyncio.Redis.from_url(server.url) as client:
            lookup = AsyncLookup(client, cache=Cache(fresh_s=0))
            many = await lookup.artists(["a0", "unknown"], 2)
            fold_in(writer, 1, {"artist": {"a0": entry(1, ["x"], "foldin")}})
            after = await lookup.artist("a0")
            names = await lookup.names(["a0"], of="artist")
            match = await lookup.search("artist 0", of="artist")
            venue = await lookup.venue("v0", 1)
            with pytest.raises(TypeError, match="artist_id: 7 is of type int"):
                await lookup.artist(7)
            return many, after, names, match, venue

    many, after, names, match, venue = asyncio.run(asked())
    plain = Lookup(server.client())
    assert many["unknown"].source == "popular"
    assert [item.id for item in many["a0"].items] == ["v1", "v2"]
    assert after.items == plain.artist("a0").items
    assert names == {"a0": "Artist 0"}
    assert match == plain.search("artist 0", of="artist")
    assert venue.items == plain.venue("v0", 1).items


def test_asyncio_says_that_redis_is_away(server):
    server.kill()

    async def asked():
        async with redis.asyncio.Redis.from_url(server.url, retry=None) as client:
            await AsyncLookup(client).artist("a0")

    with pytest.raises(RedisUnreachable, match="cannot be reached"):
        asyncio.run(asked())
