"""Time from kill -9 of a consumer until another one has stored an event of its partitions.

Two consumers share four partitions of a broker with the least session that a stock one allows.
Each is killed in turn and started again, so every run is a takeover and a return.
"""

import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.report import Report
from consumer.settings import ConsumerSettings
from consumer.store.reader import StoreReader
from support.data.feed import Feed
from support.processes.consume import Consuming
from support.processes.running import until
from support.servers.kafka import KafkaBroker

STOCK = {"group.min.session.timeout.ms": "6000"}
_EVERY_S = 0.005
_CALM_S = 2.0


def measure(*, quick: bool) -> Report:
    """Kill one consumer after the other, this number of times."""
    runs = 3 if quick else 15
    with tempfile.TemporaryDirectory() as directory, KafkaBroker(properties=STOCK) as kafka:
        topic = kafka.create_topic(4)
        settings = ConsumerSettings(
            home=Path(directory),
            kafka_bootstrap=kafka.bootstrap,
            kafka_topic=topic,
            kafka_group=topic,
        )
        with Feed(kafka.bootstrap, topic, per_s=500):
            took_s = _takeovers(settings, runs)
    return Report(
        "takeover",
        {"seconds": median(took_s)},
        {
            "kills": runs,
            "slowest_s": round(max(took_s), 3),
            "session_s": 6,
            "kafka": "classic group protocol, broker's least session 6 s",
        },
        "python -m benchmarks takeover",
    )


def _takeovers(settings: ConsumerSettings, runs: int) -> list[float]:
    members = [Consuming(settings), Consuming(settings)]
    took_s = []
    try:
        for _ in range(runs):
            until(lambda members=members: all(member.owned for member in members))
            time.sleep(_CALM_S)
            took_s.append(_takeover_s(settings, members[0]))
            members = [members[1], Consuming(settings)]
    finally:
        for member in members:
            member.__exit__()
    return took_s


def _takeover_s(settings: ConsumerSettings, victim: Consuming) -> float:
    numbers = victim.owned
    victim.process.kill()
    killed_s = time.perf_counter()
    victim.code()
    held = _positions(settings, numbers)
    # The dead one stores nothing more: what moves now was moved by another.
    until(lambda: _moved(held, _positions(settings, numbers)), every_s=_EVERY_S)
    return time.perf_counter() - killed_s


def _positions(settings: ConsumerSettings, numbers: set[int]) -> dict[int, int]:
    chunk = StoreReader(settings.store, columns=["offset"]).read()
    positions = chunk.positions if chunk is not None else {}
    held = {int(name.rpartition("/")[2]): position for name, position in positions.items()}
    return {number: held.get(number, 0) for number in numbers}


def _moved(before: dict[int, int], now: dict[int, int]) -> bool:
    return all(now[number] > position for number, position in before.items())
