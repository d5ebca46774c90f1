"""How soon a roll-back and a quarantine are in all lists: a running trainer, a real Redis."""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Report
from support.processes.running import until
from support.processes.training import Training
from support.servers.redis import RedisServer

PREFIX = "bench"
PATIENCE_S = 600.0
_LOOK_S = 0.05
_SPAM = "spambox"
_HALL = b'"hall"'


def measure(*, quick: bool) -> Report:
    """Roll back a trainer of many artists; quarantine a source of many gigs."""
    artists, regulars, gigs = (500, 200, 1_000) if quick else (100_000, 20_000, 100_000)
    with _training(GIGSTREAM_FACTORS="64", GIGSTREAM_LIST_SIZE="50") as training:
        training.season(artists=artists)
        rolled_back_s = _rolled_back(training)
    with _training() as training:
        training.season(artists=regulars)
        draw = random.Random(1)
        spam = (f"artist-{draw.randrange(2 * regulars)}" for _ in range(gigs))
        training.flood(_SPAM, *((f"f{n}", artist, "hall") for n, artist in enumerate(spam)))
        quarantined_s = _quarantined(training)
    return Report(
        "takeback",
        {"rollback_s": rolled_back_s, "quarantine_s": quarantined_s},
        {"artists": artists, "artists_beside_the_source": regulars, "gigs_of_the_source": gigs},
        "python -m benchmarks takeback",
    )


@contextmanager
def _training(**settings: str) -> Iterator[Training]:
    with (
        tempfile.TemporaryDirectory() as directory,
        RedisServer() as redis,
        Training(Path(directory) / "home", redis, PREFIX, **settings) as training,
    ):
        yield training


def _rolled_back(training: Training) -> float:
    """Seconds until the lists of the older model are live."""
    _started(training)
    training.commands.json("train", "--once", timeout_s=PATIENCE_S)
    before = training.generation()
    return _seconds_until(
        lambda: training.commands.json("rollback", "--yes", timeout_s=PATIENCE_S),
        lambda: training.generation() > before,
    )


def _quarantined(training: Training) -> float:
    """Seconds until no list shows the venue of the source."""
    _started(training)
    return _seconds_until(
        lambda: training.commands.json(
            "source", "quarantine", _SPAM, "--yes", timeout_s=PATIENCE_S
        ),
        lambda: not _shows_hall(training),
    )


def _started(training: Training) -> None:
    training.start()
    until(training.generation, PATIENCE_S)


def _shows_hall(training: Training) -> bool:
    return any(
        _HALL in value
        for view in ("artist", "artist:returns")
        for value in training.client.hvals(f"{training.prefix}:{view}")
    )


def _seconds_until(command: Callable[[], object], is_done: Callable[[], bool]) -> float:
    """From the start of a command on, its own start-up included."""
    began_s = time.perf_counter()
    command()
    until(is_done, PATIENCE_S, every_s=_LOOK_S)
    return time.perf_counter() - began_s
