"""A Spark session: its options, the wait for an executor, and its errors."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from consumer.secrets import is_secret
from trainer.errors import SparkFailed, SparkUnreachable
from trainer.spark.ready import jars
from trainer.spark.settings import ClusterSettings

logger = logging.getLogger(__name__)

EXECUTORS_S = 120.0
"""Longest wait for a first executor: other applications may be queued."""

_PAUSE_S = 0.2
_LOOPBACK = "127.0.0.1"
_QUIET = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = Spark: %p %c{1}: %m%ex{none}%n
"""


@contextmanager
def session(settings: ClusterSettings, scratch: Path) -> Iterator[SparkSession]:
    """A session that stops with the block; errors of Spark are raised as ours.

    Args:
        settings: where.
        scratch: a folder that driver and workers share.

    Raises:
        SparkUnreachable: the cluster gives us no executor.
        SparkFailed: Spark failed, inside the block too.
    """
    try:
        spark = _started(settings, scratch)
        try:
            _await_executor(spark, settings.spark_master)
            yield spark
        finally:
            spark.stop()
    except (Py4JError, PySparkException, ConnectionError) as error:
        logger.debug("Spark failed.", exc_info=True)
        raise SparkFailed(
            f"Spark: {_line(error)}; its lines above and the workers' logs say more, and where "
            "memory ran out, raise driver.memory and executor.memory (setting spark)"
        ) from error


def options(settings: ClusterSettings, scratch: Path) -> dict[str, str]:
    """Options of the session; the operator's override ours."""
    parts = str(settings.spark_partitions)
    return {
        "spark.master": settings.spark_master,
        "spark.app.name": "gigstream",
        "spark.jars": ",".join(map(str, jars(settings))),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # 50 by default, which takes seven seconds for the log of any table.
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.shuffle.partitions": parts,
        "spark.default.parallelism": parts,
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.defaultJavaOptions": f'"-Dlog4j2.configurationFile={_quiet(scratch)}"',
        **_reachable_at(settings.spark_master),
        **settings.spark,
    }


def _started(settings: ClusterSettings, scratch: Path) -> SparkSession:
    told = options(settings, scratch)
    _launch(told)
    spark: SparkSession = SparkSession.builder.config(map=told).getOrCreate()
    # Without it, the history of every vector grows by each sweep until the stack overflows.
    spark.sparkContext.setCheckpointDir((scratch / "checkpoints").resolve().as_uri())
    return spark


def _launch(told: Mapping[str, str]) -> None:
    """Start the JVM without secrets: its arguments are visible in the process list."""
    shown = [(name, value) for name, value in told.items() if not is_secret(name)]
    SparkContext._ensure_initialized(conf=SparkConf().setAll(shown))  # noqa: SLF001 - the one door


def _reachable_at(master: str) -> dict[str, str]:
    """Where executors find us; of a cluster elsewhere, Spark's own guess must do."""
    near = master.startswith("local") or f"//{_LOOPBACK}:" in master
    return {"spark.driver.host": _LOOPBACK, "spark.driver.bindAddress": _LOOPBACK} if near else {}


def _quiet(scratch: Path) -> str:
    """A log configuration for the driver's JVM that prints errors only."""
    path = scratch / "log4j2.properties"
    path.write_text(_QUIET)
    return path.resolve().as_uri()


def _await_executor(spark: SparkSession, master: str) -> None:
    # Spark itself would wait for ever, with a warning every 15 seconds.
    until = time.monotonic() + EXECUTORS_S
    while not master.startswith("local") and not _has_executor(spark):
        if time.monotonic() >= until:
            raise SparkUnreachable(
                f"spark_master: {master} gave us no executor in {EXECUTORS_S:.0f} s; start workers "
                "with as much memory as executor.memory (setting spark), or wait for other apps"
            )
        time.sleep(_PAUSE_S)


def _has_executor(spark: SparkSession) -> bool:
    # Python has no such call; the driver counts as one.
    known = spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos()  # noqa: SLF001
    return len(known) > 1


def _line(error: Exception) -> str:
    """The cause, from a Java stack trace."""
    lines = [line.removeprefix(": ") for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("An error occurred while calling")]
    return " ".join((said or lines or [type(error).__name__])[0].split()).rstrip(".;")
