"""The engine `spark`, for stores that outgrow one machine: Spark MLlib's ALS over the Delta table.

Spark reads the store at the version that the trainer settled, settles it again by the same total
order (`trainer.spark.settle`), fits, and writes the vectors of both sides as Parquet into a shared
folder. It minimises our objective with lambda weighted by count. Two things differ: MLlib's
confidence is 1 + |rating|, never below 1, and Spark draws the initial vectors.

Spark solves its items first. So venues are its users, and artists its items: each sweep solves
artists, then venues, as ours do.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from scipy.sparse import csr_matrix

from trainer.als.engine import Factors
from trainer.errors import SparkFailed
from trainer.recipe import Recipe
from trainer.spark.session import session
from trainer.spark.settings import ClusterSettings
from trainer.spark.settle import Source, settled, source

__all__ = ["Spark", "source"]

logger = logging.getLogger(__name__)

LEAST = 1e-6
"""The smallest rating: MLlib treats a rating of 0 as a pair without plays."""
ROUNDING = 1e-5
"""Largest relative difference of two sums of the same confidences."""


class Spark:
    """See `trainer.als.engine.Engine`.

    Args:
        settings: where Spark works.
        source: the plays of the confidence that `fit` gets.
        scratch: a folder to create, on a disk that driver and workers share.
    """

    def __init__(self, settings: ClusterSettings, source: Source, scratch: Path) -> None:
        self._settings = settings
        self._source = source
        self._scratch = scratch

    def fit(
        self, confidence: csr_matrix, start: Factors, recipe: Recipe, *, warm: bool = False
    ) -> Factors:
        """Exactly `recipe.iterations` sweeps from vectors that Spark draws by the seed.

        Args:
            confidence: what Spark's own settling must add up to.
            start: not used: MLlib accepts no initial vectors.
            recipe: see `trainer.als.engine.Engine`.
            warm: not used.

        Raises:
            EngineMissing: a jar is missing.
            SparkUnreachable: the cluster gives us no executor.
            SparkFailed: Spark failed, or settled other plays than the trainer.
        """
        del start, warm
        with _folder(self._scratch) as scratch, session(self._settings, scratch) as spark:
            pairs = rated(settled(spark, self._source, recipe, scratch)).persist()
            _check_equal(pairs, confidence)  # before the fit, which takes long
            model = als(recipe, self._settings.spark_partitions).fit(pairs)
            return brought_back(model, confidence.shape, scratch)


def als(recipe: Recipe, partitions: int) -> ALS:
    """MLlib's solver, configured from the recipe."""
    return ALS(
        userCol="venue",
        itemCol="artist",
        ratingCol="rating",
        implicitPrefs=True,
        alpha=1.0,
        rank=recipe.factors,
        maxIter=recipe.iterations,
        regParam=recipe.regularization,
        numUserBlocks=partitions,
        numItemBlocks=partitions,
        checkpointInterval=10,
        seed=recipe.seed,
    )


def rated(pairs: DataFrame) -> DataFrame:
    """Adds `rating` = confidence - 1, since MLlib uses c = 1 + rating; at least LEAST."""
    return pairs.withColumn(
        "rating", f.greatest(f.col("confidence") - 1, f.lit(LEAST).cast("float"))
    )


def brought_back(model: ALSModel, shape: tuple[int, int], scratch: Path) -> Factors:
    """A model's vectors, read from a shared folder that Spark writes.

    Args:
        model: fitted by Spark.
        shape: artists, venues.
        scratch: a folder that driver and workers share.
    """
    artists, venues = shape
    return Factors(
        _vectors(model.itemFactors, artists, model.rank, scratch / "artists"),
        _vectors(model.userFactors, venues, model.rank, scratch / "venues"),
    )


def _vectors(written: DataFrame, rows: int, factors: int, folder: Path) -> NDArray[np.float32]:
    """By row; zeros where Spark has none."""
    written.write.parquet(folder.resolve().as_uri())
    table = pq.read_table(folder, columns=["id", "features"])
    vectors = np.zeros((rows, factors), np.float32)
    values = table["features"].combine_chunks().flatten().to_numpy()
    vectors[table["id"].to_numpy()] = values.reshape(-1, factors)
    return vectors


def _check_equal(pairs: DataFrame, confidence: csr_matrix) -> None:
    weak = f.count_if(f.col("confidence") < 1)
    row = pairs.agg(f.count("*"), f.sum("confidence"), weak).first()
    cells, total, below = (value or 0 for value in row or (0, 0, 0))
    ours = float(confidence.data.sum(dtype=np.float64))
    if cells != confidence.nnz or abs(total - ours) > ROUNDING * ours:
        raise SparkFailed(
            f"Spark settled {cells} pairs of total confidence {total:.6g}, the trainer "
            f"{confidence.nnz} of {ours:.6g}, from the same store version; report it, and use "
            "'local'"
        )
    if below:
        logger.info("%d of %d pairs have c below 1, and count with 1.", below, cells)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """An empty folder, removed afterwards; removes those of killed fits too."""
    for old in path.parent.glob(f".*{path.suffix}"):
        shutil.rmtree(old, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
