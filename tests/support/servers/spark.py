"""A real standalone cluster of Spark for the tests: a master and two workers, each a JVM.

Needs `make spark`. All listen on 127.0.0.1 only and die with the process that started them.
"""

import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Self

import pyspark

from support.processes.running import Process, until
from support.servers.kafka import _die_with_us, _free_ports

_CLASSES = "org.apache.spark.deploy"
_HOST = "127.0.0.1"
_START_S = 90.0


class SparkCluster:
    """A master, and workers with a core each; a context manager.

    Args:
        workers: how many.
        memory: of each, for executors.
    """

    def __init__(self, *, workers: int = 2, memory: str = "1g") -> None:
        self._workers = workers
        self._memory = memory
        self._home = Path(tempfile.mkdtemp(prefix="gigstream-spark-"))
        self._processes: list[Process] = []
        self._port, self._ui_port = _free_ports(2)

    @property
    def url(self) -> str:
        return f"spark://{_HOST}:{self._port}"

    def __enter__(self) -> Self:
        ports = ["--port", str(self._port), "--webui-port", str(self._ui_port)]
        self._start("master.Master", "--host", _HOST, *ports)
        until(lambda: self.state() is not None, _START_S)
        for number in range(self._workers):
            self._start_worker(number)
        until(lambda: self.alive() == self._workers, _START_S)
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def state(self) -> dict | None:
        """The master's status; None if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{_HOST}:{self._ui_port}/json/", timeout=5) as said:
                return json.loads(said.read())
        except OSError:
            return None

    def alive(self) -> int:
        """Number of workers."""
        state = self.state() or {"workers": []}
        return sum(worker["state"] == "ALIVE" for worker in state["workers"])

    def apps(self) -> list[dict]:
        """Running apps and finished apps."""
        state = self.state()
        return state["activeapps"] + state["completedapps"] if state else []

    def running(self) -> int:
        """Number of running apps."""
        state = self.state()
        return len(state["activeapps"]) if state else 0

    def kill_worker(self) -> None:
        """Kill the last worker and its executors."""
        worker = self._processes.pop()
        worker.kill()
        worker.wait()
        until(lambda: self.alive() == self._workers - 1, _START_S)

    def restore(self) -> None:
        """Start a worker in place of the killed one."""
        self._start_worker(self._workers - 1)
        until(lambda: self.alive() == self._workers, _START_S)

    def logs(self) -> str:
        """Output of all processes."""
        return "\n".join(path.read_text(errors="replace") for path in self._home.glob("*.log"))

    def _start_worker(self, number: int) -> None:
        folder = ["--work-dir", str(self._home / f"worker-{number}")]
        size = ["--cores", "1", "--memory", self._memory, "--webui-port", "0"]
        self._start("worker.Worker", "--host", _HOST, *size, *folder, self.url)

    def _start(self, name: str, *arguments: str) -> None:
        program = Path(pyspark.__file__).parent / "bin" / "spark-class"
        with (self._home / f"{name}-{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*_die_with_us(), str(program), f"{_CLASSES}.{name}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "SPARK_LOCAL_IP": _HOST, "SPARK_DAEMON_MEMORY": "256m"},
                start_new_session=True,
            )
        self._processes.append(process)
