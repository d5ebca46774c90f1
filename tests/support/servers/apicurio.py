"""A real schema registry for the tests: Apicurio, which has Confluent's API, from Maven.

Needs Java 17 and, the first time, Maven. The application (115 MB) and a class-data archive that
halves the start lie in the cache of `support.servers.kafka`. What is registered is kept in memory.

``python -m support.servers.apicurio`` fills the cache and leaves.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import httpx2

from support.servers.kafka import _call, _die_with_us, _free_ports, _locked

VERSION = "3.0.9"
_ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
_START_TIMEOUT_S = 90.0


class Apicurio:
    """One server on a free port of 127.0.0.1; a context manager. Dies with its starter."""

    def __init__(self, *, archive: bool = False) -> None:
        self._archive = archive
        (self._port,) = _free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._home = Path()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, empty, on the same port as before; wait until it answers."""
        self._home = Path(tempfile.mkdtemp(prefix="gigstream-apicurio-"))
        where = {"QUARKUS_HTTP_HOST": "127.0.0.1", "QUARKUS_HTTP_PORT": str(self._port)}
        with (self._home / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *_die_with_us(),
                    *_java(_cache() if self._archive else cached_app(), self._archive),
                ],
                env={**os.environ, **where},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self._home / "server.log").read_text(errors="replace")[-4000:]
                raise RuntimeError(f"Apicurio does not answer: {said}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it; what was registered is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(30)
            self._process = None
            shutil.rmtree(self._home, ignore_errors=True)

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections are taken, nothing answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End a ``pause``."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            answer = httpx2.get(f"{self.url}/subjects", timeout=5)
        except httpx2.TransportError:
            return False
        return answer.is_success


def cached_app() -> Path:
    """Folder of the application; filled once, under a file lock."""
    root = _cache()
    if not (root / "ready").exists():
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / "lock"):
            if not (root / "ready").exists():
                _fill(root)
    return root


def _cache() -> Path:
    default = Path.home() / ".cache" / "gigstream-tests"
    return Path(os.environ.get("GIGSTREAM_TEST_CACHE", default)) / f"apicurio-{VERSION}"


def _java(root: Path, archive: bool) -> list[str]:
    option = "ArchiveClassesAtExit" if archive else "SharedArchiveFile"
    classes = root / "app.jsa"
    return [
        "java",
        "-Xmx384m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        *([f"-XX:{option}={classes}"] if archive or classes.exists() else []),
        "-jar",
        str(root / f"apicurio-registry-app-{VERSION}-runner.jar"),
    ]


def _fill(root: Path) -> None:
    copy = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={_ARTIFACT}"]
    _call([*copy, f"-DoutputDirectory={root}"])
    (packed,) = root.glob("*.tar.gz")
    _call(["tar", "xzf", str(packed), "-C", str(root)])
    packed.unlink()
    with Apicurio(archive=True):
        pass  # its end writes the classes that it loaded
    (root / "ready").touch()


if __name__ == "__main__":
    print(cached_app())
