"""How a session of Spark fails: in one line, soon, and with the right code."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(300)

PROGRAM = """
import pathlib, secrets, sys
from trainer.spark import session as spark_session
from trainer.errors import TrainerError
from trainer.settings import TrainerSettings

spark_session.EXECUTORS_S = 6
SECRET = secrets.token_hex()
url, memory, scratch, query = sys.argv[1:]
settings = TrainerSettings(
    engine="spark",
    regularization_exponent=1,
    spark_master=url,
    spark={"executor.memory": memory, "driver.memory": "512m", "authenticate.secret": SECRET},
)
try:
    with spark_session.session(settings, pathlib.Path(scratch)) as spark:
        assert spark.conf.get("spark.authenticate.secret") == SECRET
        seen = [path.read_bytes() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")]
        assert any(b"driver.memory=512m" in line for line in seen)
        assert not any(SECRET.encode() in line for line in seen)
        print(spark.sql(query).collect())
except TrainerError as error:
    print(f"{error.exit_code}: {error}")
"""


def said(url, memory, query, scratch) -> str:
    """The line that it ends with, in a process of its own: a JVM keeps its first options."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, memory, str(scratch), query],
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=200,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    return line


def test_a_cluster_without_room_is_not_waited_for_for_ever(spark_cluster, tmp_path):
    line = said(spark_cluster.url, "64g", "select 1", tmp_path)

    assert line.startswith(f"3: spark_master: {spark_cluster.url} gave us no executor in 6 s;")
    assert "executor.memory" in line


def test_what_spark_fails_at_is_one_line_and_no_secret_is_an_argument(tmp_path):
    line = said("local[1]", "512m", "select raise_error('of no use')", tmp_path)

    assert line.startswith("1: Spark: ")
    assert "of no use" in line
    assert "driver.memory" in line
