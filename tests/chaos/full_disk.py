"""A disk that fills up under the consumer: a small tmpfs in a mount namespace of its own.

``python -m chaos.full_disk BOOTSTRAP TOPIC FOLDER FREE_KB`` runs there and prints one JSON line.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from chaos.oracle import recount
from chaos.stage import QUICK
from consumer.settings import ConsumerSettings
from consumer.table import delta_log
from support.data.feed import send
from support.data.records import gig, stored, until
from support.processes.consume import Consuming
from support.servers.kafka import KafkaBroker

FREE_KB = (0, 8)
"""Free kilobytes: too few for the rows; enough for the rows but too few for the log entry."""

_SIZE = "4m"
_COUNT = 200
_TESTS = Path(__file__).parents[1]


def on_a_full_disk(kafka: KafkaBroker, folder: Path, *, free_kb: int) -> dict[str, Any]:
    """Run a consumer on a disk with this much space left.

    Returns:
        ``code`` and ``said`` (its last line), ``traceback``, ``before`` and ``after`` (rows stored
        when it ended, and once there was room again), ``lost``, ``doubled``.
    """
    # A mount of its own: no other disk is filled, nothing stays mounted, and no root is needed.
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    arguments = [kafka.bootstrap, kafka.create_topic(), str(folder), str(free_kb)]
    done = subprocess.run(
        ["unshare", "--mount", *user, sys.executable, "-m", "chaos.full_disk", *arguments],
        env={**os.environ, "PYTHONPATH": f"{_TESTS.parent}:{_TESTS}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def survived(told: dict[str, Any]) -> bool:
    """Whether it ended with one clear line and nothing half stored, and continued afterwards."""
    in_one_line = told["code"] == 1 and not told["traceback"]
    named = "No space left on device" in told["said"] and "make room" in told["said"]
    # A first event after a calm is stored alone, for which there may be room.
    whole = _COUNT <= told["before"] < 2 * _COUNT and told["after"] == 2 * _COUNT
    return in_one_line and named and whole and not told["lost"] and not told["doubled"]


def _main(bootstrap: str, topic: str, folder: str, free_kb: str) -> None:
    disk, logs = Path(folder) / "disk", Path(folder) / "logs"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "gigstream", disk], check=True)
    settings = ConsumerSettings(
        home=disk, kafka_bootstrap=bootstrap, kafka_topic=topic, kafka_group=topic, kafka=QUICK
    )
    _send(settings, 0)
    with Consuming(settings, logs=logs) as consumer:
        until(lambda: _stored(settings) == _COUNT)
        ballast = _fill(disk, int(free_kb))
        _send(settings, _COUNT)
        code = consumer.code()
        before = _stored(settings)
    ballast.unlink()
    with Consuming(settings, logs=logs) as again:
        until(lambda: _stored(settings) == 2 * _COUNT)
        again.stop()
    found = recount(settings, {})
    told = {
        "code": code,
        "said": consumer.said.splitlines()[-1],
        "traceback": "Traceback" in consumer.said,
        "before": before,
        "after": _stored(settings),
        "lost": len(found.lost),
        "doubled": len(found.doubled),
    }
    print(json.dumps(told))


def _send(settings: ConsumerSettings, first: int) -> None:
    said = {"time": 1_540_000_000_000, "status": "confirmed"}
    values = (gig(number, **said) for number in range(first, first + _COUNT))
    send(settings.kafka_bootstrap, settings.kafka_topic, *values)


def _stored(settings: ConsumerSettings) -> int:
    return len(stored(settings.store)) if delta_log.versions(settings.store) else 0


def _fill(disk: Path, free_kb: int) -> Path:
    ballast = disk / "ballast"
    there = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, there.f_bavail * there.f_frsize - free_kb * 1024)
    return ballast


if __name__ == "__main__":
    _main(*sys.argv[1:])
