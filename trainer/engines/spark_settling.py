"""Settling once more, by Spark, from the Delta table at one version.

The same total order as `trainer.interactions` (docs/contract/events.md), written as three steps
over the whole table. Ids come in by a table of the trainer's: it has resolved merges, knows the
row of every id, and leaves out those that are erased, so that a join does all three.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from trainer.ids import Ids
from trainer.interactions import Interactions
from trainer.matrix import DAY_MS, Plays
from trainer.merged import Merged
from trainer.settings import Recipe

BILL = ("source", "event_id")
GIG = (*BILL, "artist")


@dataclass(frozen=True)
class Source:
    """The plays that a fit is asked for, where Spark finds them."""

    store: Path
    version: int
    as_of_ms: int
    artists: pa.Table
    """Of `numbered`."""
    venues: pa.Table


def source(store: Path, version: int, as_of_ms: int, plays: Plays, known: Interactions) -> Source:
    """The plays of a store at a version that was settled here.

    Args:
        store: its folder.
        version: of it.
        as_of_ms: the date from which plays age.
        plays: all of that version.
        known: ids and merges of that version; gigs may have been let go.
    """
    return Source(
        store=store,
        version=version,
        as_of_ms=as_of_ms,
        artists=numbered(known.artists, known.merged_artists, plays.per_artist),
        venues=numbered(known.venues, known.merged_venues, plays.per_venue),
    )


def numbered(ids: Ids, merged: Merged, per_row: NDArray[np.int64]) -> pa.Table:
    """The number in the fit of every id there is, as (`name` string, `number` int32).

    Those with plays come first, sorted by id, as in the matrix of `trainer.model.fit`.

    Args:
        ids: of one side.
        merged: what each of them counts as.
        per_row: number of plays.
    """
    rows = np.arange(len(ids), dtype=np.int32)
    number = np.empty_like(rows)
    number[_playing_first(ids.order(), per_row)] = rows
    return pa.table({"name": pa.array(ids.ids, pa.string()), "number": number[merged.mapped(rows)]})


def _playing_first(rows: NDArray[np.int64], per_row: NDArray[np.int64]) -> NDArray[np.int64]:
    playing = per_row[rows] > 0
    return np.concatenate([rows[playing], rows[~playing]])


def settled(spark: SparkSession, source: Source, recipe: Recipe, scratch: Path) -> DataFrame:
    """Every pair with its plays: `artist`, `venue` int; `plays` long; `confidence` float.

    Args:
        spark: with Delta's jars.
        source: which plays.
        recipe: half-life and alpha.
        scratch: a folder that driver and workers share, for the ids.
    """
    rows = _events(spark, source)
    deleted = rows.where("status = 'deleted'").select(*BILL).distinct()
    plays = _plays(_numbered(rows.where("status <> 'deleted'"), source, scratch))
    return _pairs(plays.join(deleted, list(BILL), "left_anti"), source.as_of_ms, recipe)


def _events(spark: SparkSession, source: Source) -> DataFrame:
    table = spark.read.format("delta").option("versionAsOf", source.version)
    rows = table.load(source.store.resolve().as_uri()).where("kind = 'event'")
    return rows.drop("artist", "venue")  # what was said of them, as JSON


def _numbered(said: DataFrame, source: Source, scratch: Path) -> DataFrame:
    """With the numbers of both ids as `artist` and `venue`; without what is of an erased one."""
    for side, table in (("artist", source.artists), ("venue", source.venues)):
        said = said.join(_ids(said.sparkSession, side, table, scratch), f"{side}_id")
    return said


def _ids(spark: SparkSession, side: str, table: pa.Table, scratch: Path) -> DataFrame:
    path = scratch / f"{side}s.parquet"
    pq.write_table(table, path)
    return spark.read.parquet(path.resolve().as_uri()).toDF(f"{side}_id", side)


def _plays(said: DataFrame) -> DataFrame:
    """The greatest statement of each gig, where it counts: `GIG`, `venue`, `at_ms`."""
    # What stands behind the order never decides: its last field differs or all fields agree.
    greatest = f.max(f.struct(*_order(), "venue", _at_ms(), f.col("status").alias("status")))
    gigs = said.groupBy(*GIG).agg(greatest.alias("said")).select(*GIG, "said.*")
    return gigs.where("status <> 'cancelled'").select(*GIG, "venue", "at_ms")


def _order() -> list[Column]:
    """`trainer.interactions.ORDER`; texts compare by code points there and here."""
    version = f.coalesce(f.col("version"), f.lit(-1)).alias("order_version")
    times = [f.unix_millis(f.col(name)).alias(f"order_{name}") for name in ("time", "recorded_at")]
    return [version, *times, *map(f.col, ("topic_id", "partition", "offset", "digest"))]


def _at_ms() -> Column:
    return f.unix_millis(f.coalesce(f.col("starts_at"), f.col("time"))).alias("at_ms")


def _pairs(plays: DataFrame, as_of_ms: int, recipe: Recipe) -> DataFrame:
    age_days = f.greatest(f.lit(0), f.lit(as_of_ms) - f.col("at_ms")) / f.lit(DAY_MS)
    weight = f.pow(f.lit(2.0), -age_days / f.lit(recipe.als_half_life_days))
    confidence = f.lit(recipe.alpha) * f.log1p(f.sum(weight))
    return plays.groupBy("artist", "venue").agg(
        f.count("*").alias("plays"), confidence.cast("float").alias("confidence")
    )
