"""A real Redis for the tests: `redis-server` on a free port, in memory only.

Set ``GIGSTREAM_TEST_REDIS_SERVER`` to the path of another server (an older Redis, Valkey).
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import redis

_START_TIMEOUT_S = 15.0
_ATTEMPTS = 5


class RedisServer:
    """One server on 127.0.0.1, empty at every start; a context manager.

    Keeps its port from ``start`` to ``start`` and dies with the process that started it.
    """

    def __init__(self, *extra: str, password: str | None = None) -> None:
        self._extra: Sequence[str] = extra
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[redis.Redis] = []
        self._home = Path()
        self.port = _free_port()

    @property
    def url(self) -> str:
        login = f":{quote(self._password, safe='')}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    def client(self, **options: Any) -> redis.Redis:
        """A client of this server; closed with it."""
        client = redis.Redis.from_url(self.url, **options)
        self._clients.append(client)
        return client

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="gigstream-redis-"))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Start (again, after ``stop`` or ``kill``) and wait until it answers.

        On Linux the server dies with the thread that called this.
        """
        first = not self._clients
        for _ in range(_ATTEMPTS):
            self._process = self._spawn()
            if self._answers():
                return
            if (
                first
            ):  # another process may have taken the port; a restart keeps it, since clients know it
                self.port = _free_port()
        raise RuntimeError(f"redis-server does not start: {self._log_end()}")

    def stop(self) -> None:
        """A clean shutdown (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """A crash (SIGKILL); nothing where it does not run."""
        self._end(signal.SIGKILL)

    def dumped(self) -> bytes:
        """All that it holds, as an RDB file."""
        self.client().save()
        return self._rdb.read_bytes()

    def restart_with(self, dump: bytes) -> None:
        """Crash, and come back with what it held once."""
        self.kill()
        self._rdb.write_bytes(dump)
        self.start()
        self._rdb.unlink()

    @property
    def _rdb(self) -> Path:
        return self._home / "dump.rdb"

    def pause(self) -> None:
        """Freeze it (SIGSTOP): sockets stay open, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End a ``pause``."""
        self._running().send_signal(signal.SIGCONT)

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(with_signal)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(30)
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("redis-server is not running")
        return self._process

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self._home / "server.log").open("ab") as log:
            return subprocess.Popen(
                [*_die_with_us(), *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home,
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        login = ["--requirepass", self._password] if self._password else []
        return [
            os.environ.get("GIGSTREAM_TEST_REDIS_SERVER", "redis-server"),
            *("--port", str(self.port)),
            *("--bind", "127.0.0.1"),
            *("--save", ""),
            *("--appendonly", "no"),
            *("--dir", str(self._home)),
            *login,
            *self._extra,
        ]

    def _answers(self) -> bool:
        process, deadline = self._running(), time.monotonic() + _START_TIMEOUT_S
        home = os.path.realpath(self._home)
        # A server may lack HELLO, and any command that is not needed to ask who it is.
        with redis.Redis.from_url(self.url, retry=None, protocol=2, decode_responses=True) as probe:
            while process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(redis.ConnectionError):
                    if probe.config_get("dir")["dir"] == home:
                        return True
                time.sleep(0.01)
        return False

    def _log_end(self) -> str:
        return (self._home / "server.log").read_text(errors="replace")[-2000:]


def _die_with_us() -> list[str]:
    # Linux kills the server even where this process ends by kill -9.
    return ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


def _free_port() -> int:
    # Below the ephemeral range, so that no client's socket takes it between two starts.
    while True:
        port = random.randint(15000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
