"""The numbers that a trainer serves are those of what it published."""

import json
import math
import time

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from serving.errors import Fenced
from support.data.worlds import Log, World
from support.processes.running import stop, until
from support.processes.scrape import Samples, free_port, get
from support.processes.training import FIRST_MS, Training
from support.servers.redis import RedisServer
from trainer.metrics import METRICS, Meters

LISTED = "gigstream_trainer_event_to_list_seconds"
FOLDED = "gigstream_trainer_folded_in_rows_total"


def test_the_list_is_what_is_shown():
    registry = CollectorRegistry()
    Meters(registry)

    assert {each.name: each.type for each in registry.collect()} == {
        each.name: each.kind for each in METRICS
    }


def test_ages_grow_without_the_loop():
    registry = CollectorRegistry()
    meters = Meters(registry)
    meters.live(7, swapped_at=time.time() - 100, fitted_at=time.time() - 1_000)

    assert 100 <= value(registry, "generation_age_seconds") < 160
    assert 1_000 <= value(registry, "model_age_seconds") < 1_060
    meters.withdrawn()
    assert value(registry, "generation") == 0
    assert math.isnan(value(registry, "generation_age_seconds"))


def value(registry, name, **labels):
    return registry.get_sample_value(f"gigstream_trainer_{name}", labels)


def test_each_event_that_is_listed_counts():
    registry = CollectorRegistry()
    meters = Meters(registry)
    now_ms = time.time_ns() // 1_000_000
    meters.listed(np.array([now_ms - 3_000, now_ms - 4_000, now_ms + 60_000], np.int64))

    assert value(registry, "event_to_list_seconds_count") == 3
    assert value(registry, "event_to_list_seconds_bucket", le="0.005") == 1
    assert 7 <= value(registry, "event_to_list_seconds_sum") < 60


def test_a_swap_counts_by_how_it_ended():
    registry = CollectorRegistry()
    meters = Meters(registry)
    with meters.swapping():
        pass
    with pytest.raises(Fenced), meters.swapping():
        raise Fenced("another trainer")

    assert value(registry, "swaps_total", outcome="published") == 1
    assert value(registry, "swaps_total", outcome="Fenced") == 1
    assert value(registry, "swap_seconds_count") == 1


def test_one_verdict_is_the_newest():
    registry = CollectorRegistry()
    meters = Meters(registry)
    meters.verdict("held")
    meters.verdict("published")

    assert [value(registry, "verdicts_total", verdict=v) for v in ("held", "published")] == [1, 1]
    assert value(registry, "newest_verdict", verdict="held") == 0
    assert value(registry, "newest_verdict", verdict="published") == 1


def test_quality_is_that_of_the_live_model_alone():
    registry = CollectorRegistry()
    meters = Meters(registry)
    meters.quality({"judged": 0.3, "popular": 0.1})
    meters.quality({"judged": 0.4})

    assert value(registry, "quality_ndcg", row="judged") == 0.4
    assert value(registry, "quality_ndcg", row="popular") is None
    meters.withdrawn()
    assert value(registry, "quality_ndcg", row="judged") is None


@pytest.fixture
def training(tmp_path, prefix):
    port = {"GIGSTREAM_TRAINER_METRICS_PORT": str(free_port())}
    with RedisServer() as redis, Training(tmp_path / "home", redis, prefix, **port) as found:
        yield found


def port_of(training):
    return int(training.commands.environ["GIGSTREAM_TRAINER_METRICS_PORT"])


def test_what_is_published_is_what_is_counted(training):
    port = port_of(training)
    training.published()
    until(lambda: get(port, "/readyz") == (200, "ok"))
    # Apps see the lists a moment before the trainer counts them.
    lists = "gigstream_trainer_lists"
    first = until(lambda: (s := Samples(port)).value(lists, view="artist") == 30 and s)
    assert first.value("gigstream_trainer_generation") == training.generation()
    assert first.value(lists, view="venue") == 12
    assert first.value("gigstream_trainer_plays") == 120
    assert first.value("gigstream_trainer_settled_events") == 120
    assert first.value("gigstream_trainer_refits_total", outcome="staged") == 1
    assert first.value("gigstream_trainer_refit_seconds_count") == 1
    assert first.value("gigstream_trainer_swaps_total", outcome="published") == 1
    assert first.value("gigstream_trainer_redis_up") == 1
    assert first.value("gigstream_trainer_verdicts_total", verdict="published") == 1
    assert first.value("gigstream_trainer_newest_verdict", verdict="published") == 1
    assert first.value("gigstream_trainer_staged_bytes_total") > 1_000
    assert first.value("gigstream_trainer_lists_behind_seconds") == 0
    assert first.value("gigstream_trainer_loop_age_seconds") < 10
    assert 0 <= first.value("gigstream_trainer_generation_age_seconds") < 100
    # The season was settled as a whole: no one waited for its lists.
    assert first.value(f"{LISTED}_count") == 0

    training.book(("n1", "new-1", "venue-1"), ("n2", "new-2", "venue-1"))
    training.right()
    until(lambda: Samples(port).value(f"{LISTED}_count") == 2)
    found = until(
        lambda: (s := Samples(port)).value("gigstream_trainer_fold_in_seconds_count") and s
    )
    assert found.value(FOLDED, side="artist") == 2
    assert found.value(FOLDED, side="venue") == 1
    assert found.value("gigstream_trainer_fold_in_bytes_total") > 100
    assert found.value("gigstream_trainer_plays") == 122
    _, version = training.progress()
    assert found.value("gigstream_trainer_store_version") == version
    # Records of the tests carry a timestamp of 2018.
    age_s = time.time() - FIRST_MS / 1000
    assert found.value(f"{LISTED}_sum") == pytest.approx(2 * age_s, rel=0.01)


def test_a_model_that_was_judged_shows_its_quality_beside_baselines(training):
    port, quality = port_of(training), "gigstream_trainer_quality_ndcg"
    world, log = World(), Log(training.commands.home / "store")
    log.append(world.gigs(2000))
    training.start()
    until(training.generation, 120)
    until(lambda: get(port, "/readyz")[0] == 200)
    assert quality not in Samples(port).names()  # the first is compared with nothing
    log.append(world.gigs(600))
    assert training.commands.run("train", "--once").returncode == 0

    found = until(lambda: (s := Samples(port)).value(quality, row="judged") and s)
    meta = json.loads(training.client.hget(f"{training.prefix}:artist", "_meta"))
    figures = meta["quality"]["judged"]["figures"]
    assert {row: found.value(quality, row=row) for row in figures} == figures
    assert {"judged", "live", "popular", "recent", "rp3"} == set(figures)


def test_a_statement_that_is_superseded_changes_no_list_and_does_not_count(training):
    port, settled = port_of(training), "gigstream_trainer_settled_events"
    training.published()
    training.book(("s0-0", *training.gigs["s0-0"]), later_s=-1_000)
    until(lambda: Samples(port).value(settled) == 121)
    training.book(("n1", "new-1", "venue-1"))
    training.right()

    until(lambda: Samples(port).value(settled) == 122)
    until(lambda: Samples(port).value(f"{LISTED}_count") == 1)


def test_a_trainer_that_waits_for_redis_is_alive_and_not_ready(training):
    port = port_of(training)
    training.published()
    until(lambda: get(port, "/readyz")[0] == 200)
    training.redis.stop()
    until(lambda: get(port, "/readyz") == (503, "waiting for Redis"))
    assert get(port, "/healthz")[0] == 200
    assert Samples(port).value("gigstream_trainer_redis_up") == 0
    behind = "gigstream_trainer_lists_behind_seconds"
    training.book(("n1", "new-1", "venue-1"))
    until(lambda: Samples(port).value(behind) > 2)
    training.redis.start()
    training.right()
    until(lambda: Samples(port).value(behind) == 0)


def test_a_trainer_whose_redis_hangs_is_alive_and_not_ready(training):
    port = port_of(training)
    training.published()
    until(lambda: get(port, "/readyz")[0] == 200)
    training.redis.pause()
    try:
        until(lambda: get(port, "/readyz") == (503, "waiting for Redis"))
        for _ in range(15):
            assert get(port, "/healthz")[0] == 200
            time.sleep(1)
    finally:
        training.redis.resume()
    until(lambda: get(port, "/readyz")[0] == 200)


def test_a_trainer_that_stands_by_takes_over_the_port(training):
    port = port_of(training)
    training.published()
    generation = training.generation()
    first = training.process
    second = training.commands.start("train", "--standby")
    until(lambda: "Metrics cannot be served" in training.commands.logs())
    assert stop(first) == 0
    found = until(lambda: get(port, "/readyz")[0] == 200 and Samples(port))
    until(lambda: Samples(port).value("gigstream_trainer_generation") == generation)
    assert found.value("gigstream_trainer_redis_up") == 1
    assert stop(second) == 0
