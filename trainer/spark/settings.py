"""Where the `spark` engine works: its settings."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from consumer.settings import Options

_MASTER = re.compile(r"local(\[(\d+|\*)\])?|spark://[^/\s]+:\d+|yarn|k8s://\S+")
_OURS = {
    "spark.master": "use spark_master",
    "spark.jars": "use spark_jars",
    "spark.sql.shuffle.partitions": "use spark_partitions",
    "spark.default.parallelism": "use spark_partitions",
}


def _master(url: str) -> str:
    if not _MASTER.fullmatch(url):
        raise ValueError(
            f"{url!r} is no master; use local[*], spark://host:port, yarn or k8s://address"
        )
    return url


def _options(options: dict[str, str]) -> Options:
    named = {f"spark.{name.removeprefix('spark.')}": value for name, value in options.items()}
    for name, instead in _OURS.items():
        if name in named:
            raise ValueError(f"{name!r} cannot be set here ({instead}); remove it")
    return Options(named)


class ClusterSettings(BaseModel):
    """Where the `spark` engine fits; nothing of it counts for other engines."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    spark_master: Annotated[str, AfterValidator(_master)] = "local[*]"
    """Spark's master: ``local[*]`` for all cores of this machine, or a cluster's,
    ``spark://host:7077``. The cluster must see ``home`` under the same path."""

    spark_partitions: int = Field(default=8, ge=1)
    """Parts that a fit is cut into: at least one per core of the cluster, and not many more, as
    each vector is sent to most of them. The initial vectors depend on it, as on ``seed``."""

    spark_jars: str = ""
    """Folder of Delta's two jars for Spark; empty: pyspark's own ``jars``."""

    spark: Annotated[dict[str, str], AfterValidator(_options)] = Options()
    """Further options of Spark by their dotted names, with or without ``spark.`` in front
    (``executor.memory``, ``driver.memory``, ``authenticate.secret`` …), handed through as they
    are."""
