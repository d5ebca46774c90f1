"""The `spark` engine in a whole installation: from Kafka through a cluster to the lists."""

import os
import signal
import time
from pathlib import Path

import pytest

from consumer.table.delta_log import replay
from support.data.als import objective
from support.processes.installation import VIEWS, Installation, event, season
from support.processes.running import until
from trainer.als.regularization import ridges
from trainer.model.fit import Model, fit
from trainer.plays.matrix import confidence
from trainer.plays.read import settled_at
from trainer.registry.artifact import load

FIT_S = 400


@pytest.fixture
def installation(tmp_path, kafka, redis_server, prefix, spark_cluster):
    """Nothing running yet, the engine set to the cluster."""
    settings = {
        "GIGSTREAM_ENGINE": "spark",
        "GIGSTREAM_SPARK_MASTER": spark_cluster.url,
        "GIGSTREAM_SPARK_PARTITIONS": "2",
        "GIGSTREAM_SPARK__EXECUTOR_MEMORY": "700m",
        "GIGSTREAM_SPARK__DRIVER_MEMORY": "700m",
        "GIGSTREAM_REGULARIZATION": "0.3",
        "GIGSTREAM_REGULARIZATION_EXPONENT": "1",
    }
    with Installation(tmp_path, kafka, redis_server, prefix, **settings) as made:
        yield made


@pytest.mark.timeout(FIT_S)
def test_gigs_go_through_kafka_the_store_and_two_workers_into_lists(installation, spark_cluster):
    commands, models = installation.commands, installation.commands.home / "models"
    commands.start("consume")
    installation.send(*season(), event(401, "off", "venue-1", status="cancelled"))
    installation.stored(401)

    done = commands.run("train", "--once", "--json", timeout_s=FIT_S)

    assert done.returncode == 0, done.stderr
    (app,) = spark_cluster.apps()
    assert (app["name"], app["cores"]) == ("gigstream", 2)
    (folder,) = models.glob("gen-*")
    assert not list(models.glob(".gen-*"))
    model = load(folder).model
    assert model.recipe.engine == "spark"
    played = {"artists": 30, "venues": 12}
    for side, size in played.items():
        found = getattr(model, side)
        assert (found.factors.any(axis=1).sum(), len(found)) == (size, size + (side == "artists"))
    assert not model.artists.factors[model.artist_ids.index("off")].any()
    lists = installation.lists()
    assert [len(lists[view]) for view in VIEWS] == [
        31,
        31,
        13,
        13,
    ]  # the popular list is one of them
    assert_as_good_as_local(commands.home / "store", model)


def assert_as_good_as_local(store: Path, model: Model) -> None:
    """By our own objective, on the plays as we settle them."""
    known, _ = settled_at(store, replay(store).version)
    ids = known.artists.ids, known.venues.ids
    as_of_ms = known.clock(time.time_ns() // 1_000_000).as_of_ms
    recipe = model.recipe.model_copy(update={"engine": "local"})
    local = fit(known.plays(), *ids, as_of_ms, recipe)
    confident = confidence(known.plays(), as_of_ms, recipe)
    penalty = ridges(confident, recipe), ridges(confident.T.tocsr(), recipe)
    spark, ours = (objective(confident, m.aligned(*ids).vectors, penalty) for m in (model, local))
    assert spark == pytest.approx(ours, rel=0.1)  # other starts end in other minima


@pytest.mark.timeout(FIT_S)
def test_a_fit_outlives_a_worker_later_gigs_are_folded_in_and_a_killed_trainer_leaves_no_app(
    installation, spark_cluster
):
    before = len(spark_cluster.apps())
    installation.commands.environ["GIGSTREAM_ITERATIONS"] = "4"
    installation.commands.start("consume")
    installation.send(*season())
    installation.stored(400)
    trainer = installation.commands.start("train")
    until(spark_cluster.running, FIT_S)
    spark_cluster.kill_worker()
    until(installation.generation, FIT_S)
    spark_cluster.restore()

    installation.send(event(900, "newcomer", "venue-3"))
    until(lambda: installation.client.hget(f"{installation.prefix}:artist:returns", "newcomer"))
    installation.send(*(event(1000 + n, f"artist-{n % 30}", "venue-1") for n in range(60)))
    until(lambda: len(spark_cluster.apps()) == before + 2, FIT_S)  # a refit by volume
    os.kill(trainer.pid, signal.SIGKILL)
    trainer.wait()

    until(lambda: not spark_cluster.running(), 60)
    assert len(spark_cluster.apps()) == before + 2


def test_the_check_says_what_the_engine_works_with(installation, spark_cluster):
    said = installation.commands.json("check", "solver")["checks"]["solver"]["said"]

    assert said.startswith("pyspark 4.1.")
    assert said.endswith(spark_cluster.url)
