"""A real Prometheus: the compose service's own command and files, its addresses swapped.

Durations are shortened, so that an alert that takes minutes in service takes seconds here; nothing
else of a rule changes.
"""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from project.tree import ROOT
from support.servers.kafka import _free_ports

FOLDER = ROOT / "monitoring"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
SERVICE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["prometheus"]
_SECONDS = {"> 60": "> 3", "> 300": "> 12"}
"""Thresholds in seconds, and shorter ones."""


def shortened_rules(text: str) -> str:
    """Alert rules whose durations are seconds."""
    text = re.sub(r"for: \d+[sm]", "for: 1s", text)
    for written, shorter in _SECONDS.items():
        text = re.sub(rf"{written}$", shorter, text, flags=re.MULTILINE)
    return text


def native_config(config: Mapping[str, Any], targets: Mapping[str, Sequence[int]]) -> str:
    """The configuration, with ports of this machine in place of names of the compose network."""
    swapped = {
        **config,
        "global": dict.fromkeys(config["global"], "1s"),
        "scrape_configs": [
            {
                **{key: each[key] for key in each if key != "dns_sd_configs"},
                "static_configs": [
                    {"targets": [f"127.0.0.1:{port}" for port in targets[each["job_name"]]]}
                ],
            }
            for each in config["scrape_configs"]
        ],
    }
    return yaml.safe_dump(swapped)


class Prometheus:
    """A running server; a context manager.

    Args:
        folder: of its files and data.
        targets: ports of the metrics by job.
    """

    def __init__(self, folder: Path, targets: Mapping[str, Sequence[int]]) -> None:
        self._folder = folder
        self._port = _free_ports(1)[0]
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
        rules = (FOLDER / "alerts.yml").read_text("utf-8")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(native_config(config, targets))
        (folder / "alerts.yml").write_text(shortened_rules(rules))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """The service's command on this machine."""
        swapped = {
            "/etc/prometheus": str(self._folder),
            "=/prometheus": f"={self._folder / 'data'}",
            "0.0.0.0:9090": f"127.0.0.1:{self._port}",
        }
        options = [str(each) for each in SERVICE["command"]]
        for written, ours in swapped.items():
            options = [each.replace(written, ours) for each in options]
        return ["prometheus", *options]

    def __enter__(self) -> Self:
        assert shutil.which("prometheus"), "prometheus is missing: run scripts/prepare.sh tests"
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(30)

    @property
    def log(self) -> str:
        return (self._folder / "prometheus.log").read_text(errors="replace")

    def is_ready(self) -> bool:
        """Whether it answers queries."""
        assert self._process
        assert self._process.poll() is None, self.log
        try:
            return bool(self._ask("query?query=vector(1)"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def firing(self, alert: str) -> list[dict[str, str]]:
        """Labels of the instances of an alert that fire."""
        return [
            each["labels"]
            for each in self._ask("alerts")["alerts"]
            if each["labels"]["alertname"] == alert and each["state"] == "firing"
        ]

    def value(self, query: str) -> list[float]:
        """Values of an instant query."""
        quoted = urllib.request.quote(query)  # type: ignore[attr-defined]
        found = self._ask(f"query?query={quoted}")["result"]
        return [float(each["value"][1]) for each in found]

    def _ask(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]
