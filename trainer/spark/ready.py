"""Whether the `spark` engine can work here: the extra, Java, Delta's jars and the master.

Spark is not imported, so that a missing part is reported in one line.
"""

import os
import re
import socket
import subprocess
import threading
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from consumer.shutdown import Shutdown
from trainer.errors import EngineMissing, SparkUnreachable
from trainer.spark.settings import ClusterSettings

RELEASE = "4.1."
"""Of pyspark, and of the cluster: Delta's jar is made for one minor release of Spark."""
JAVA = 17
JARS = {"delta-spark_4.1_2.13": "4.4.0", "delta-storage": "4.4.0"}
"""The jars that read the store, of Maven's group io.delta, at the tested versions."""

_ANSWER_S = 2.0
_PAUSE_S = 0.5
Stop = Shutdown | threading.Event

_NEVER = threading.Event()


def ready(settings: ClusterSettings, *, wait_s: float, stop: Stop = _NEVER) -> str:
    """What the engine would work with.

    Args:
        settings: the master and the folder of the jars.
        wait_s: how long to wait for a master that does not answer.
        stop: ends the waiting.

    Raises:
        EngineMissing: the extra, Java or a jar is missing or too old.
        SparkUnreachable: no master answers.
    """
    found = f"pyspark {_pyspark()}, Java {_java()}"
    jars(settings)  # local checks before the wait for a server
    _await_master(settings.spark_master, wait_s, stop)
    return f"{found}, {settings.spark_master}"


def jars(settings: ClusterSettings) -> list[Path]:
    """Delta's jars.

    Raises:
        EngineMissing: one is not there.
    """
    folder = Path(settings.spark_jars or own_jars()).absolute()
    found = {name: sorted(folder.glob(f"{name}-*.jar")) for name in JARS}
    missing = [f"{name}-{JARS[name]}.jar" for name, files in found.items() if not files]
    if missing:
        raise EngineMissing(
            f"spark_jars: {folder} has no {' and no '.join(missing)}; fetch them"
            " from Maven's group io.delta, and name their folder in GIGSTREAM_SPARK_JARS"
        )
    return [files[-1] for files in found.values()]


def _pyspark() -> str:
    try:
        found = version("pyspark")
    except PackageNotFoundError:
        found = "none"
    if not found.startswith(RELEASE):
        raise EngineMissing(
            f"engine: 'spark' needs pyspark {RELEASE}x, and here is {found}; "
            "`pip install 'gigstream[spark]'`"
        )
    return found


def beside(artifact: Path) -> Path:
    """The folder for what goes to workers and comes back, while an artifact is made.

    Named like the draft of the artifact, so that an erasure removes it after a kill.
    """
    return artifact.with_name(f".{artifact.name}.spark")


def own_jars() -> Path:
    """Where pyspark has its jars."""
    spec = find_spec("pyspark")
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders or ["."])), "jars")


def _java() -> int:
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home, "bin", "java")) if home else "java"
    try:
        done = subprocess.run([command, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        raise _no_java(f"there is no {command}") from None
    found = re.search(r'version "(\d+)', done.stderr + done.stdout)
    number = int(found[1]) if found else 0
    if number < JAVA:
        raise _no_java(f"{command} is {number or 'broken'}")
    return number


def _no_java(found: str) -> EngineMissing:
    return EngineMissing(
        f"engine: 'spark' needs Java {JAVA} or newer, and {found}; install one "
        "(`apt-get install openjdk-17-jre-headless`) or set JAVA_HOME"
    )


def _await_master(url: str, wait_s: float, stop: Stop) -> None:
    until = time.monotonic() + wait_s
    while not _any_answers(url) and not stop.is_set():
        if time.monotonic() >= until:
            raise SparkUnreachable(
                f"spark_master: {url} does not answer; start the master or correct the address"
            )
        stop.wait(_PAUSE_S)


def _any_answers(url: str) -> bool:
    # Only a standalone master has an address that says anything.
    masters = url.removeprefix("spark://").split(",")
    return not url.startswith("spark://") or any(map(_answers, masters))


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with suppress(OSError):
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
        return True
    return False
