"""Spark minimises what `local` does where lambda is weighted by count, from the same start."""

import numpy as np
import pytest
from pyspark.sql import functions as f
from scipy.sparse import csr_matrix

from support.data.als import exact, objective
from trainer.als.engine import Factors
from trainer.als.local import Local
from trainer.als.regularization import ridges
from trainer.recipe import Recipe
from trainer.spark.engine import als, brought_back, rated

RECIPE = Recipe(factors=8, regularization=0.3, regularization_exponent=1, iterations=15)
PARTITIONS = 2


def matrix(seed: int = 3) -> csr_matrix:
    """Pairs of three scenes with confidences above 1; each row has one."""
    rng = np.random.default_rng(seed)
    artists, venues = np.arange(150), np.arange(40)
    same = (artists[:, None] - venues[None, :]) % 3 == 0
    met = rng.random((150, 40)) < np.where(same, 0.3, 0.03)
    met[artists, artists % 40] = True
    return csr_matrix(np.where(met, 1 + rng.exponential(8, met.shape), 0).astype(np.float32))


def by_count(confident: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Lambda of every artist, and of every venue."""
    return ridges(confident, RECIPE), ridges(confident.T.tocsr(), RECIPE)


def dense(confident: csr_matrix, venues: np.ndarray) -> Factors:
    """Plain sweeps in float64, as many as asked for."""
    transposed, (by_artist, by_venue) = confident.T.tocsr(), by_count(confident)
    for _ in range(RECIPE.iterations):
        artists = exact(confident, venues, by_artist)
        venues = exact(transposed, artists, by_venue)
    return Factors(artists, venues)


@pytest.fixture(scope="module")
def pairs(spark, tmp_path_factory):
    """The matrix as the engine hands it to MLlib."""
    cells = matrix().tocoo()
    rows = zip(cells.row.tolist(), cells.col.tolist(), cells.data.tolist(), strict=True)
    made = spark.createDataFrame(list(rows), ["artist", "venue", "confidence"])
    return rated(made.withColumn("confidence", f.col("confidence").cast("float"))).persist()


@pytest.fixture
def fitted(pairs, tmp_path):
    """What Spark fits in that number of sweeps."""

    def fit(iterations: int) -> Factors:
        model = als(RECIPE.model_copy(update={"iterations": iterations}), PARTITIONS).fit(pairs)
        return brought_back(model, (150, 40), tmp_path / str(iterations))

    return fit


@pytest.mark.timeout(400)
def test_after_15_sweeps_spark_is_where_local_is_from_the_same_start(fitted):
    confident, start, theirs = matrix(), fitted(0), fitted(RECIPE.iterations)
    penalty = by_count(confident)
    goal = objective(confident, dense(confident, start.venues), penalty)

    assert objective(confident, theirs, penalty) == pytest.approx(goal, rel=1e-5)
    for ours in (Local(), Local(beta=0, tolerance=0)):
        fit = ours.fit(confident, start, RECIPE)
        assert objective(confident, fit, penalty) == pytest.approx(goal, rel=0.01)
    assert goal < 0.9 * objective(confident, start, penalty)
