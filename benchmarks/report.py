"""Results of a benchmark, and their text."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

PAUSE_S = 0.2


@dataclass(frozen=True)
class Report:
    """The figures of one benchmark and their details."""

    name: str
    figures: Mapping[str, float]
    detail: Mapping[str, Any]
    command: str

    def json(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "name": self.name,
                "figures": self.figures,
                "detail": self.detail,
                "machine": machine(),
                "command": self.command,
            }
        )

    def markdown(self) -> str:
        """A section of docs/benchmarks.md."""
        rows = [f"| `{key}` | {value:.4g} |" for key, value in self.figures.items()]
        numbers = {k: v for k, v in self.detail.items() if not isinstance(v, dict | list)}
        details = [f"- {key}: {_short(value)}" for key, value in numbers.items()]
        lines = [f"## {self.name}", "", f"`{self.command}`", "", "| figure | |", "|---|---|"]
        return "\n".join([*lines, *rows, "", *details, ""])


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def machine() -> dict[str, Any]:
    """The machine and the library versions."""
    packages = ("implicit", "numpy", "confluent-kafka", "deltalake", "redis")
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = perf_counter()
    work()
    return perf_counter() - began


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def interleaved(runs: int, **works: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of each work, in turn, so that a drifting machine drifts for all of them.

    Before each is a pause: OpenBLAS's threads keep spinning after a call, which would slow
    down the next work (by 25 ms of 75).
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for run in range(runs + 1):
        for name, work in works.items():
            sleep(PAUSE_S)
            took = seconds(work)
            if run:  # the first round warms caches up
                times[name].append(took)
    return times


def ratio(times: Mapping[str, list[float]], anchor: str, ours: str) -> float:
    """The median, over rounds, of anchor / ours: above 1 means faster than the anchor."""
    return median(a / b for a, b in zip(times[anchor], times[ours], strict=True))
