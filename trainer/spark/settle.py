"""Settling by Spark, from the Delta table at one version.

The same total order as in `trainer.plays.interactions` (docs/contract/events.md), as three steps
over the whole table. The trainer provides a table of ids and rows in which merges are resolved and
erased ids are missing, so that one join does all three.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from consumer.ids.quarantines import ALL, Quarantines
from trainer.plays.ids import Ids
from trainer.plays.interactions import Interactions
from trainer.plays.matrix import DAY_MS, Plays
from trainer.plays.merged_rows import Merged
from trainer.recipe import Recipe

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
    quarantined: Quarantines


def source(store: Path, version: int, as_of_ms: int, plays: Plays, known: Interactions) -> Source:
    """The plays of a store at a version that was settled here.

    Args:
        store: its folder.
        version: of it.
        as_of_ms: the date from which plays age.
        plays: all of that version.
        known: ids, merges and quarantines of that version; gigs may have been discarded.
    """
    return Source(
        store=store,
        version=version,
        as_of_ms=as_of_ms,
        artists=numbered(known.artists, known.merged_artists, plays.per_artist),
        venues=numbered(known.venues, known.merged_venues, plays.per_venue),
        quarantined=known.quarantined,
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
    number, order = np.empty_like(rows), ids.order()
    # Stable: rows with plays move to the front, and both parts stay sorted by id.
    number[order[np.argsort(per_row[order] == 0, kind="stable")]] = rows
    return pa.table({"name": pa.array(ids.ids, pa.string()), "number": number[merged.mapped(rows)]})


def settled(spark: SparkSession, source: Source, recipe: Recipe, scratch: Path) -> DataFrame:
    """Every pair with its plays: `artist`, `venue` int; `plays` long; `confidence` float.

    Args:
        spark: with Delta's jars.
        source: which plays.
        recipe: half-life and alpha.
        scratch: a folder that driver and workers share, for the ids.
    """
    rows = _events(spark, source)
    # A tombstone deletes its bill whatever the order, so it is not among the statements compared.
    deleted = rows.where("status = 'deleted'").select(*BILL).distinct()
    plays = _plays(_numbered(rows.where("status <> 'deleted'"), source, scratch))
    return _pairs(plays.join(deleted, list(BILL), "left_anti"), source.as_of_ms, recipe)


def _events(spark: SparkSession, source: Source) -> DataFrame:
    table = spark.read.format("delta").option("versionAsOf", source.version)
    rows = table.load(source.store.resolve().as_uri()).where("kind = 'event'")
    for name, since_us in source.quarantined.items():
        rows = rows.where(~_quarantined(name, since_us))
    return rows.drop("artist", "venue")  # what was said of them, as JSON


def _quarantined(name: str, since_us: int) -> Column:
    theirs = f.col("source") == f.lit(name)
    return theirs if since_us == ALL else theirs & (f.unix_micros("recorded_at") >= since_us)


def _numbered(said: DataFrame, source: Source, scratch: Path) -> DataFrame:
    """Adds the row numbers of both ids as `artist` and `venue`; drops rows of erased ids."""
    for side, table in (("artist", source.artists), ("venue", source.venues)):
        said = said.join(_ids(said.sparkSession, side, table, scratch), f"{side}_id")
    return said


def _ids(spark: SparkSession, side: str, table: pa.Table, scratch: Path) -> DataFrame:
    path = scratch / f"{side}s.parquet"
    pq.write_table(table, path)
    return spark.read.parquet(path.resolve().as_uri()).toDF(f"{side}_id", side)


def _plays(said: DataFrame) -> DataFrame:
    """The greatest statement of each gig, where it counts: `GIG`, `venue`, `at_ms`."""
    # Fields after the order never decide: the order is total, or all fields are equal.
    greatest = f.max(f.struct(*_order(), "venue", _at_ms(), f.col("status").alias("status")))
    gigs = said.groupBy(*GIG).agg(greatest.alias("said")).select(*GIG, "said.*")
    return gigs.where("status <> 'cancelled'").select(*GIG, "venue", "at_ms")


def _order() -> list[Column]:
    """`trainer.plays.interactions.ORDER`; texts compare by code points there and here."""
    version = f.coalesce(f.col("version"), f.lit(-1)).alias("order_version")
    times = [f.unix_millis(f.col(name)).alias(f"order_{name}") for name in ("time", "recorded_at")]
    return [version, *times, *map(f.col, ("topic_id", "partition", "offset", "digest"))]


def _at_ms() -> Column:
    return f.unix_millis(f.coalesce(f.col("starts_at"), f.col("time"))).alias("at_ms")


def _pairs(plays: DataFrame, as_of_ms: int, recipe: Recipe) -> DataFrame:
    age_days = f.greatest(f.lit(0), f.lit(as_of_ms) - f.col("at_ms")) / f.lit(DAY_MS)
    # 0.5 ** (age / half-life), as `trainer.plays.matrix.decay` has it.
    weight = f.pow(f.lit(2.0), -age_days / f.lit(recipe.als_half_life_days))
    confidence = f.lit(recipe.alpha) * f.log1p(f.sum(weight))
    return plays.groupBy("artist", "venue").agg(
        f.count("*").alias("plays"), confidence.cast("float").alias("confidence")
    )
