import json
import os
from unittest.mock import ANY

import pytest

from serving.contract import ADDED, HASHES, VIEWS, Entry, live_key, side_of, staging_key
from serving.errors import (
    Fenced,
    Incomplete,
    RedisUnfit,
    SeqMoved,
    ServingError,
    ShrinkRefused,
    Superseded,
)
from serving.owner import Owner
from serving.publisher.publish import Publisher
from support.data.lists import BUILT_AT, commit, entry, fold_in, live_only, publish, stage, state


def writer(client, prefix, registry="ours", token=1):
    return Publisher(client, prefix=prefix, registry=registry, token=token)


def refused(kind, call) -> ServingError:
    """The error, checked to be one line that ends a process with 4."""
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    return caught.value


def test_nothing_is_live_before_the_first_commit(publisher):
    stage(publisher, 1)

    assert (
        publisher.live().generation,
        publisher.live().model_hash,
        publisher.live().seq,
    ) == (None, None, None)


def test_a_commit_makes_all_hashes_live_at_once_and_leaves_nothing_behind(
    publisher, client, prefix
):
    publish(publisher, 6)
    publish(publisher, 7)
    live = publisher.live()

    assert (live.generation, live.model_hash, live.seq) == (7, "hash-7", 0)
    keys = {key.decode().removeprefix(f"{prefix}:") for key in client.scan_iter(f"{prefix}:*")}
    assert {*HASHES, "writer", "events"} == keys
    assert {-1} == {client.ttl(live_key(prefix, view)) for view in HASHES}


def test_the_fields_are_those_of_the_contract(publisher, client, prefix):
    publish(publisher, 7)
    fields = client.hgetall(f"{prefix}:artist:returns")
    meta = json.loads(fields[b"_meta"])

    assert (fields[b"_gen"], fields[b"_seq"]) == (b"7", b"0")
    assert {"g": 7, "t": 1541030400, "k": "model", "v": ["v1", "v2", "v3"]}.items() <= json.loads(
        fields[b"a0"]
    ).items()
    assert json.loads(fields[b"a0"])["p"] == [2, 1, 0]
    assert json.loads(fields[b"_default"])["k"] == "popular"
    assert tuple(meta[key] for key in ("schema", "generation", "model_hash", "built_at")) == (
        1,
        7,
        "hash-7",
        BUILT_AT,
    )
    assert client.hget(f"{prefix}:artist:name", "a0") == b"Artist 0"
    assert not client.hexists(f"{prefix}:artist:name", "_default")


def test_staging_lives_for_an_hour_after_the_last_chunk(publisher, client, prefix):
    stage(publisher, 1)
    keys = [staging_key(prefix, view, 1, 1) for view in HASHES]
    for key in keys:
        client.expire(key, 5)
    publisher.stage_texts(1, "venue:name", [("v9", "Venue 9")])

    assert all(3590 < client.ttl(key) <= 3600 for key in keys)


def test_beginning_again_drops_what_an_earlier_attempt_left(publisher, client, prefix):
    stage(publisher, 1, count=50)
    counts = stage(publisher, 1, count=5)

    commit(publisher, 1, counts)
    assert not client.hexists(f"{prefix}:artist", "a49")


def test_many_lists_are_staged_in_several_round_trips(publisher, client, prefix):
    many = [(f"a{n}", entry(1, ids=[f"venue-{n}-{m}" for m in range(100)])) for n in range(2000)]
    publisher.begin(1)

    assert publisher.stage(1, "artist", many) == 2000
    assert client.hlen(staging_key(prefix, "artist", 1, 1)) == 2001


def test_restaging_replaces_adds_and_removes(publisher, client, prefix):
    counts = stage(publisher, 1)
    changes = {"a0": entry(1, ["x"], "foldin"), "new": entry(1), "a1": None, "unknown": None}
    publisher.restage(1, "artist", changes)
    publisher.restage_texts(1, "artist:name", {"a0": "Renamed", "a1": ""})

    commit(publisher, 1, counts)
    assert Entry.decode(client.hget(f"{prefix}:artist", "a0")).ids == ["x"]
    assert client.hexists(f"{prefix}:artist", "new")
    assert not client.hexists(f"{prefix}:artist", "a1")
    assert client.hget(f"{prefix}:artist:name", "a0") == b"Renamed"
    assert not client.hexists(f"{prefix}:artist:name", "a1")


def test_a_list_of_another_generation_is_not_staged(publisher):
    publisher.begin(2)
    with pytest.raises(ValueError, match="the list of 'a' is of generation 1, not 2"):
        publisher.stage(2, "artist", [("a", entry(1))])


def test_a_generation_without_any_names_can_be_published(publisher):
    publisher.begin(1)
    counts = {view: publisher.stage(1, view, [("x", entry(1))]) for view in VIEWS}

    commit(publisher, 1, counts)
    assert publisher.live().generation == 1


# -- what a commit refuses ---------------------------------------------------------------------


def test_a_staging_with_too_few_lists_is_refused_and_nothing_changes(publisher, client, prefix):
    publish(publisher, 1)
    counts = stage(publisher, 2)
    client.hdel(staging_key(prefix, "venue", 2, 1), "v0")
    before = state(client, prefix)
    error = refused(Incomplete, lambda: commit(publisher, 2, counts))

    assert f"{prefix}:venue:staging:2-1 holds 4 of 5" in str(error)
    assert before == state(client, prefix)


@pytest.mark.parametrize("view", HASHES)
def test_a_staging_that_expired_is_refused_even_if_written_to_again(
    publisher, client, prefix, view
):
    publish(publisher, 1)
    counts = stage(publisher, 2)
    key = staging_key(prefix, view, 2, 1)
    kept = client.hgetall(key)
    client.delete(key)
    before = state(client, prefix)
    assert "is gone" in str(refused(Incomplete, lambda: commit(publisher, 2, counts)))
    assert before == state(client, prefix)

    del kept[b"_gen"]
    client.hset(key, mapping=kept)
    refused(Incomplete, lambda: commit(publisher, 2, counts))
    assert publisher.live().generation == 1


def test_a_generation_that_was_never_staged_is_refused(publisher):
    refused(Incomplete, lambda: commit(publisher, 1, dict.fromkeys(VIEWS, 0)))


def test_the_same_or_an_older_generation_does_not_replace_the_live_one(publisher, client, prefix):
    publish(publisher, 5)
    for generation in (5, 4):
        counts = stage(publisher, generation)
        before = state(client, prefix)
        error = refused(
            Superseded,
            lambda g=generation, c=counts: commit(publisher, g, c, model_hash="another"),
        )

        assert error.live == 5
        assert before == state(client, prefix)


def test_a_commit_repeated_succeeds_and_changes_nothing(publisher, client, prefix):
    counts = stage(publisher, 3)
    commit(publisher, 3, counts)
    before = state(client, prefix)

    commit(publisher, 3, counts)
    assert before == state(client, prefix)


@pytest.mark.parametrize("lost", HASHES)
def test_a_live_set_that_lost_a_hash_is_made_whole_under_its_own_number(
    publisher, client, prefix, lost
):
    publish(publisher, 3)
    client.delete(live_key(prefix, lost))
    live = publisher.live()
    # One of an earlier version lacks a view for good reason; nothing can be folded into it either.
    assert live.generation == (3 if lost in ADDED else None)
    assert (live.progress, live.lacking) == (None, (lost,) if lost in ADDED else ())

    publish(publisher, 3)
    assert (publisher.live().generation, publisher.live().lacking) == (3, ())


def test_meta_of_the_live_generation_is_replaced_in_all_hashes_and_no_list_changes(
    publisher, client, prefix
):
    publish(publisher, 3)
    before, lists = publisher.live(), client.hgetall(f"{prefix}:artist")

    publisher.annotate(3, {**before.meta, "refused": {"generation": 4}})

    after = publisher.live()
    assert after.meta == {**before.meta, "refused": {"generation": 4}}
    assert (after.generation, after.progress) == (3, before.progress)
    assert client.hgetall(f"{prefix}:artist") == {**lists, b"_meta": ANY}
    refused(Superseded, lambda: publisher.annotate(2, before.meta))


def test_hashes_that_disagree_are_no_generation(publisher, client, prefix):
    publish(publisher, 3)
    client.hset(f"{prefix}:venue", "_gen", 2)

    assert publisher.live().generation is None


def test_fold_ins_that_the_staging_lacks_are_counted_and_refused(publisher, client, prefix):
    publish(publisher, 1)
    counts = stage(publisher, 2)
    fold_in(publisher, 1, {"artist": {"a0": None}}, {})
    fold_in(publisher, 1, {"artist": {"a1": None}}, {})
    before = state(client, prefix)
    error = refused(SeqMoved, lambda: commit(publisher, 2, counts, seq=0))

    assert error.seq == 2
    assert before == state(client, prefix)
    commit(publisher, 2, counts, seq=error.seq)
    assert (publisher.live().generation, publisher.live().seq) == (2, 0)


def test_fold_ins_can_be_published_over_on_purpose(publisher):
    publish(publisher, 1)
    fold_in(publisher, 1, {"artist": {"a0": None}}, {})

    publish(publisher, 2)  # its seq is None
    assert publisher.live().generation == 2


def test_a_publish_that_shrinks_by_more_than_half_wants_force(publisher, client, prefix):
    publish(publisher, 1, count=10)
    counts = stage(publisher, 2, count=4)
    before = state(client, prefix)
    error = refused(ShrinkRefused, lambda: commit(publisher, 2, counts))

    assert "the artist lists would shrink from 10 to 4" in str(error)
    assert "--force" in str(error)
    assert before == state(client, prefix)
    commit(publisher, 2, counts, force=True)
    assert publisher.live().generation == 2


def test_a_publish_of_half_as_many_passes(publisher):
    publish(publisher, 1, count=10)
    commit(publisher, 2, stage(publisher, 2, count=5))

    assert publisher.live().generation == 2


def test_too_few_venues_count_like_too_few_artists(publisher, client, prefix):
    publish(publisher, 1)
    client.hset(f"{prefix}:venue", mapping={f"w{number}": "{}" for number in range(6)})
    error = refused(ShrinkRefused, lambda: publish(publisher, 2))

    assert "the venue lists would shrink from 11 to 5" in str(error)


def test_lists_that_fold_ins_took_away_do_not_count_as_lost(publisher):
    publish(publisher, 1, count=10)
    gone = {f"{number}": None for number in range(10)}
    artists = {f"a{number}": None for number in gone if int(number) > 3}
    venues = {f"v{number}": None for number in gone if int(number) > 3}
    sides = {"artist": artists, "venue": venues}
    fold_in(publisher, 1, {view: sides[side_of(view)] for view in VIEWS})
    publish(publisher, 2, count=4)

    assert publisher.live().generation == 2


def test_the_same_model_and_an_empty_prefix_are_never_refused(publisher, client, prefix):
    publish(publisher, 1, count=10)
    commit(publisher, 2, stage(publisher, 2, count=1), model_hash="hash-1")
    assert publisher.live().generation == 2

    publish(publisher, 3, count=2)
    client.delete(*(live_key(prefix, view) for view in HASHES))
    publish(publisher, 4, count=1)
    assert publisher.live().generation == 4


def test_a_commit_writes_and_a_repeat_answers_how_far_the_live_lists_are(publisher, client, prefix):
    counts = stage(publisher, 1)
    assert commit(publisher, 1, counts, version=7) == (0, 7)
    assert {b"7"} == {client.hget(live_key(prefix, view), "_version") for view in HASHES}
    fold_in(publisher, 1, {"artist": {"a0": None}}, version=8)

    assert commit(publisher, 1, counts, version=9) == publisher.live().progress == (1, 8)


def test_an_empty_popular_list_is_not_published(publisher):
    counts = stage(publisher, 1)
    with pytest.raises(ValueError, match="popular list of view artist is empty"):
        commit(publisher, 1, counts, defaults={view: entry(1, []) for view in VIEWS})


def test_meta_must_tell_when_it_was_built(publisher):
    counts = stage(publisher, 1)
    with pytest.raises(ValueError, match="meta lacks built_at"):
        commit(publisher, 1, counts, meta={"as_of": 1})


# -- keys in the way ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind"),
    [*((view, "string") for view in HASHES), ("writer", "string"), ("events", "string")],
)
def test_a_key_that_is_not_ours_is_named_and_left_alone(publisher, client, prefix, key, kind):
    counts = stage(publisher, 1)
    client.delete(f"{prefix}:{key}")
    client.set(f"{prefix}:{key}", "precious")
    before = state(client, prefix)
    with pytest.raises(RedisUnfit) as unfit:
        commit(publisher, 1, counts)

    assert f"key {prefix}:{key} holds a {kind} that is not ours" in str(unfit.value)
    assert "GIGSTREAM_REDIS_PREFIX" in str(unfit.value)
    assert unfit.value.exit_code == 2
    assert before == state(client, prefix)


def test_a_hash_that_is_not_ours_is_left_alone_too(publisher, client, prefix):
    counts = stage(publisher, 1)
    client.hset(f"{prefix}:artist", "somebody", "else's")
    with pytest.raises(RedisUnfit, match="holds a hash that is not ours"):
        commit(publisher, 1, counts)

    assert client.hgetall(f"{prefix}:artist") == {b"somebody": b"else's"}


def test_claiming_says_it_too(client, prefix):
    client.set(f"{prefix}:writer", "precious")
    with pytest.raises(RedisUnfit, match=f"key {prefix}:writer holds a string"):
        writer(client, prefix).claim()


def test_reading_what_is_live_says_it_too(publisher, client, prefix):
    client.set(f"{prefix}:venue", "precious")
    with pytest.raises(RedisUnfit, match="holds something else than our lists"):
        publisher.live()


# -- the fence ----------------------------------------------------------------------------------


def test_a_lower_token_is_refused_everywhere_and_changes_nothing(publisher, client, prefix):
    publish(publisher, 1)
    counts = stage(publisher, 2)
    writer(client, prefix, token=2).claim()
    before = state(client, prefix)
    for call in (
        publisher.claim,
        lambda: publisher.claim(takeover=True),
        lambda: commit(publisher, 2, counts),
        lambda: commit(publisher, 1, counts),
        lambda: fold_in(publisher, 1, {"artist": {"a0": None}}, {}),
    ):
        error = refused(Fenced, call)

        assert "token 2, ours is 1" in str(error)
        assert before == state(client, prefix)


def test_a_higher_token_takes_its_place_without_asking(client, prefix):
    writer(client, prefix, token=9).claim()
    writer(client, prefix, token=10).claim()
    writer(client, prefix, token=10).claim()

    assert client.hmget(f"{prefix}:writer", "registry", "token") == [b"ours", b"10"]


def test_the_writer_names_its_process_and_so_does_the_refusal_of_another(client, prefix):
    owner = Owner("there", 7, 1_700_000_000)
    Publisher(client, prefix=prefix, registry="ours", token=2, owner=owner).claim()
    fields = client.hmget(f"{prefix}:writer", "host", "pid", "since")

    outrun = refused(Fenced, writer(client, prefix).claim)
    foreign = refused(Fenced, writer(client, prefix, registry="theirs").claim)

    assert fields == [b"there", b"7", b"1700000000"]
    for error in (outrun, foreign):
        assert "process 7 on there, since 2023-11-14 22:13:20 UTC" in str(error)


def test_every_write_names_the_process_again_after_the_writer_was_lost(publisher, client, prefix):
    publish(publisher, 1)
    client.delete(f"{prefix}:writer")
    fold_in(publisher, 1, {"artist": {"a0": None}})

    assert client.hget(f"{prefix}:writer", "pid") == str(os.getpid()).encode()


def test_a_writer_of_an_earlier_version_names_no_process(client, prefix):
    client.hset(f"{prefix}:writer", mapping={"registry": "ours", "token": 5})

    assert "a newer trainer (token 5" in str(refused(Fenced, writer(client, prefix).claim))


@pytest.mark.parametrize("of", ["{}", "{}-[x]*?"])
def test_a_claim_drops_the_stagings_of_earlier_writers_alone(client, prefix, of):
    ours, others = of.format(prefix), f"{of.format(prefix)}x"
    for name in (ours, others):
        stage(writer(client, name, token=3), 1)
    publisher = writer(client, ours, token=4)
    publisher.claim()
    stage(publisher, 2)
    publisher.claim()

    keys = [key.decode() for key in client.scan_iter() if b":staging:" in key]

    assert [key for key in keys if key.startswith(f"{ours}:")] == unordered(ours, 2, 4, keys)
    assert {staging_key(others, view, 1, 3) for view in HASHES} <= set(keys)


def unordered(prefix, generation, token, keys) -> list[str]:
    """The staging keys of one writer, in the order of `keys`."""
    expected = {staging_key(prefix, view, generation, token) for view in HASHES}
    assert expected <= set(keys)
    return [key for key in keys if key in expected]


def test_a_take_over_drops_the_stagings_of_the_other_registry(client, prefix):
    other = writer(client, prefix, registry="theirs", token=9)
    other.claim()
    stage(other, 1)
    writer(client, prefix, token=1).claim(takeover=True)

    assert [*client.scan_iter(f"{prefix}:*:staging:*")] == []


@pytest.mark.parametrize("field", ["_meta", "_gen", "_seq"])
@pytest.mark.parametrize("value", ["{", "null", "0.5", "[]", "\xff"])
def test_damage_reads_as_nothing_live_and_the_next_commit_repairs_it(
    publisher, client, prefix, field, value
):
    publish(publisher, 1)
    for view in HASHES:
        client.hset(live_key(prefix, view), field, value)
    damaged = publisher.live()
    publish(publisher, 2)

    assert damaged.generation is None
    assert damaged.damage
    assert publisher.live().generation == 2


def test_another_registry_is_refused_everywhere_and_changes_nothing(publisher, client, prefix):
    publish(publisher, 1)
    other = writer(client, prefix, registry="theirs", token=99)
    counts = stage(other, 2)
    before = state(client, prefix)
    for call in (
        other.claim,
        lambda: commit(other, 2, counts),
        lambda: fold_in(other, 1, {"artist": {"a0": None}}, {}),
    ):
        error = refused(Fenced, call)

        assert "belong to registry ours" in str(error)
        assert "--takeover" in str(error)
        assert before == state(client, prefix)


def test_another_registry_may_take_over_and_counts_generations_from_its_own(
    publisher, client, prefix
):
    publish(publisher, 40)
    other = writer(client, prefix, registry="theirs", token=1)
    other.claim(takeover=True)

    publish(other, 1)
    assert other.live().generation == 1
    refused(Fenced, lambda: publish(publisher, 41))
    refused(Fenced, lambda: fold_in(publisher, 1, {}, {}))


def test_after_a_flush_the_same_generation_is_published_again(publisher, client, prefix):
    publish(publisher, 3)
    for key in state(client, prefix):
        client.delete(key)
    assert publisher.live().generation is None
    refused(Superseded, lambda: fold_in(publisher, 3, {"artist": {"a0": None}}, {}))

    publisher.claim()
    publish(publisher, 3)
    assert publisher.live().generation == 3


def test_after_a_flush_a_commit_also_claims(publisher, client, prefix):
    counts = stage(publisher, 1)
    client.delete(f"{prefix}:writer")

    commit(publisher, 1, counts)
    refused(Fenced, writer(client, prefix, registry="theirs").claim)


# -- telling ------------------------------------------------------------------------------------


def test_commits_and_fold_ins_are_told_on_the_stream_and_the_channel(publisher, client, prefix):
    with client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(f"{prefix}:events")
        heard.get_message(timeout=30)
        publish(publisher, 1)
        fold_in(publisher, 1, {"artist": {"a0": None}}, {})
        told = [json.loads(heard.get_message(timeout=30)["data"]) for _ in range(2)]

    assert told == [
        {"kind": "commit", "generation": 1, "seq": 0},
        {"kind": "foldin", "generation": 1, "seq": 1, "artists": ["a0"], "venues": []},
    ]
    assert [fields for _, fields in client.xrange(f"{prefix}:events")] == [
        {b"kind": b"commit", b"generation": b"1", b"seq": b"0"},
        {
            b"kind": b"foldin",
            b"generation": b"1",
            b"seq": b"1",
            b"artists": b'["a0"]',
            b"venues": b"[]",
        },
    ]


def test_the_stream_keeps_about_a_thousand_events(publisher, client, prefix):
    publish(publisher, 1)
    for _ in range(1300):
        fold_in(publisher, 1, {}, {})

    assert 1000 <= client.xlen(f"{prefix}:events") <= 1200


def test_the_live_lists_do_not_move_while_a_generation_is_staged(publisher, client, prefix):
    publish(publisher, 1)
    before = live_only(client, prefix)
    stage(publisher, 2, count=200)

    assert before == live_only(client, prefix)


def test_the_server_is_busy_with_a_swap_for_a_moment_only(publisher, client):
    """Freeing 20,000 old lists in place would take some 5 ms; the shortest of four counts."""
    busy_us = []
    for generation in range(1, 6):
        publisher.begin(generation)
        lists = [(f"a{n}", entry(generation, ["v"] * 50)) for n in range(20_000)]
        counts = {"artist": publisher.stage(generation, "artist", lists)}
        counts |= {view: publisher.stage(generation, view, []) for view in VIEWS[1:]}
        client.config_resetstat()
        commit(publisher, generation, counts)
        busy_us.append(client.info("commandstats")["cmdstat_eval"]["usec"])

    assert min(busy_us[1:]) < 2000
