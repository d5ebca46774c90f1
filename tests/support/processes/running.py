"""Whole gigstream processes, as an operator starts them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Process = subprocess.Popen[bytes]


class Gigstream:
    """Runs `gigstream` commands with one set of settings; ends what is left at the end."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self.home = home
        self.environ = {
            **{name: value for name, value in os.environ.items() if "GIGSTREAM" not in name},
            "GIGSTREAM_HOME": str(home),
            "PYTHONPATH": str(Path(__file__).parents[2]),  # for programs under tests/
            **settings,
        }
        self._started: list[Process] = []

    def start(self, *args: str, program: str | None = None) -> Process:
        """Start a command in the background; its output goes to files beside its home.

        Args:
            args: the command and its options.
            program: another entry point than `gigstream`, as `-m` names it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        log = self.home / f"{args[0]}-{len(self._started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", program or "gigstream", *args],
                env=self.environ,
                cwd=self.home,
                stdout=output,
                stderr=output,
            )
        self._started.append(process)
        return process

    def run(self, *args: str, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        self.home.mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            [sys.executable, "-m", "gigstream", *args],
            env=self.environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def json(self, *args: str, timeout_s: float = 100) -> dict[str, Any]:
        """The object that a successful command prints with `--json`."""
        done = self.run(*args, "--json", timeout_s=timeout_s)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def logs(self) -> str:
        """Output of all background commands."""
        return "\n".join(path.read_text(errors="replace") for path in self.home.glob("*.log"))

    def close(self) -> None:
        """Kill processes that still run."""
        for process in self._started:
            process.kill()
            process.wait()


def stop(process: Process, timeout_s: float = 30) -> int:
    """Send SIGTERM. Returns the exit code, which must follow in time."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout_s)


def until(look: Callable[[], T], timeout_s: float = 60, *, every_s: float = 0.05) -> T:
    """Poll `look` until it returns something true. Returns that; raises after the timeout."""
    end = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < end, f"waited {timeout_s} s for {look.__qualname__}"
        time.sleep(every_s)
    return found
