"""One cluster for all tests of the `spark` engine: they run by `make test-spark`."""

from collections.abc import Iterator

import pytest

from support.servers.spark import SparkCluster
from trainer.settings import TrainerSettings
from trainer.spark.session import session


def pytest_configure(config: pytest.Config) -> None:
    """Py4J leaves its sockets to the garbage collector."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed .socket:ResourceWarning")


@pytest.fixture(scope="session")
def spark_cluster() -> Iterator[SparkCluster]:
    """A standalone master with two workers."""
    with SparkCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def on_cluster(spark_cluster) -> TrainerSettings:
    """Settings for a fit on it; its executors are small."""
    return TrainerSettings(
        engine="spark",
        regularization_exponent=1,
        spark_master=spark_cluster.url,
        spark_partitions=4,
        spark={"executor.memory": "700m", "driver.memory": "700m"},
    )


@pytest.fixture(scope="module")
def spark(on_cluster, tmp_path_factory):
    """A session on the cluster; it holds both workers."""
    with session(on_cluster, tmp_path_factory.mktemp("scratch")) as opened:
        yield opened
