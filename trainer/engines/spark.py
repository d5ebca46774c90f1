"""The engine for when one machine is outgrown: Spark MLlib's ALS, over the Delta table itself.

Spark reads the store at the version that the trainer settled, settles it once more by the same
total order (`trainer.engines.spark_settling`), fits, and writes both sides' vectors as Parquet
into a folder that we share. It minimises our objective with lambda weighted by count. Two things
differ: a confidence is 1 + |rating|, so that none is below 1, and Spark draws where a fit starts.

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

from trainer.engines import Factors
from trainer.engines.spark_session import session
from trainer.engines.spark_settling import Source, settled, source
from trainer.errors import SparkFailed
from trainer.settings import Recipe, TrainerSettings

__all__ = ["Spark", "source"]

logger = logging.getLogger(__name__)

LEAST = 1e-6
"""The smallest rating: at 0 a pair would count as never met."""
ROUNDING = 1e-5
"""By so much, as a share, may two sums of the same confidences differ."""


class Spark:
    """See `trainer.engines.Engine`.

    Args:
        settings: where Spark works.
        source: the plays of the confidence that `fit` gets.
        scratch: a folder of its own to be, on a disk that driver and workers share.
    """

    def __init__(self, settings: TrainerSettings, source: Source, scratch: Path) -> None:
        self._settings = settings
        self._source = source
        self._scratch = scratch

    def fit(
        self, confidence: csr_matrix, start: Factors, recipe: Recipe, *, warm: bool = False
    ) -> Factors:
        """Exactly `recipe.iterations` sweeps from vectors that Spark draws by the seed.

        Args:
            confidence: what Spark's own settling must add up to.
            start: not used, as Spark takes none.
            recipe: see `trainer.engines.Engine`.
            warm: no matter.

        Raises:
            EngineMissing: a jar is missing.
            SparkUnreachable: the cluster gives us no executor.
            SparkFailed: Spark failed, or has settled other plays than we.
        """
        del start, warm
        with _folder(self._scratch) as scratch, session(self._settings, scratch) as spark:
            pairs = rated(settled(spark, self._source, recipe, scratch)).persist()
            _check_equal(pairs, confidence)
            model = als(recipe, self._settings.spark_partitions).fit(pairs)
            return brought_back(model, confidence.shape, scratch)


def als(recipe: Recipe, partitions: int) -> ALS:
    """MLlib's solver with our words."""
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
    """With the rating that makes MLlib's confidence, 1 + rating, ours, where that is above 1."""
    return pairs.withColumn(
        "rating", f.greatest(f.col("confidence") - 1, f.lit(LEAST).cast("float"))
    )


def brought_back(model: ALSModel, shape: tuple[int, int], scratch: Path) -> Factors:
    """A model's vectors, by way of a folder that we share."""
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
    _compare((cells, total), (confidence.nnz, float(confidence.data.sum(dtype=np.float64))))
    if below:
        logger.info("%d of %d pairs have c below 1, and count with 1.", below, cells)


def _compare(theirs: tuple[int, float], ours: tuple[int, float]) -> None:
    if theirs[0] != ours[0] or abs(theirs[1] - ours[1]) > ROUNDING * ours[1]:
        raise SparkFailed(
            f"Spark settled {theirs[0]} pairs of confidence {theirs[1]:.6g}, and we {ours[0]} of "
            f"{ours[1]:.6g}, from the same version of the store; report it, and fit with 'local'"
        )


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """A fresh folder, gone in the end; those of fits that were killed go now."""
    for old in path.parent.glob(f".*{path.suffix}"):
        shutil.rmtree(old, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
