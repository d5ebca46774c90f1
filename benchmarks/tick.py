"""One turn of the trainer's loop for the first gig of an artist, on a night with 20 others.

All terms of the score are on.

The whole way from a commit of the store to changed lists in Redis: read, settle, look for the gig
in the lists before, solve, rank the artist, the venue and 20 bill-mates, publish.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from benchmarks.report import Report
from serving.publisher.publish import Publisher, connect
from support.data.worlds import Gig, Log, real
from support.servers.redis import RedisServer
from trainer.live.arrivals import Arrivals
from trainer.live.following import Following
from trainer.live.loop import Trainer
from trainer.registry.hits import Hits
from trainer.registry.journal import Journal
from trainer.registry.state import Registry
from trainer.run import log_warnings
from trainer.settings import TrainerSettings

MATES = 20
_NEVER_S = 1e9
_DAY_MS = 86_400_000


def measure(*, quick: bool) -> Report:
    """On the gigs of Indistreet; each night is at another venue, on a later day."""
    history, nights = real(5_000 if quick else None), 5 if quick else 60
    with _trainer(history) as (trainer, log):
        ticks = [_tick(trainer, log, history, night) for night in range(nights)]
    wall_ms, processor_ms = ([each[at] for each in ticks] for at in (0, 1))
    return Report(
        "tick",
        {"p50_ms": median(wall_ms), "p99_ms": quantiles(wall_ms, n=100, method="inclusive")[98]},
        {
            "p50_processor_ms": median(processor_ms),
            "nights": nights,
            "mates": MATES,
            "plays": len(history),
        },
        "python -m benchmarks tick",
    )


@contextmanager
def _trainer(history: list[Gig]) -> Iterator[tuple[Trainer, Log]]:
    """A trainer in this process, whose lists are published."""
    with tempfile.TemporaryDirectory() as home, RedisServer() as redis:
        settings = TrainerSettings(
            home=Path(home),
            redis_url=redis.url,
            refit_interval_s=_NEVER_S,
            refit_share=_NEVER_S,
            refit_quiet_s=0,
        )
        log = Log(settings.store)
        log.append(history)
        trainer = _composed(settings)
        while trainer.generation is None:
            trainer.tick(time.monotonic())
            time.sleep(0.05)
        yield trainer, log
        trainer.stop()


def _composed(settings: TrainerSettings) -> Trainer:
    registry = Registry(settings.models)
    name, token = registry.state().registry, registry.next_token()
    publisher = Publisher(
        connect(settings), prefix=settings.redis_prefix, registry=name, token=token
    )
    publisher.claim()
    return Trainer(
        settings=settings,
        following=Following(settings.store, arrivals=Arrivals(Hits(settings.models).positions)),
        registry=registry,
        publisher=publisher,
        journal=Journal(settings.models),
        token=token,
        configure=log_warnings,
    )


def _tick(trainer: Trainer, log: Log, history: list[Gig], night: int) -> tuple[float, float]:
    """Milliseconds, and those of this thread's processor: a newcomer joins a bill of 20."""
    artists = list(dict.fromkeys(gig[1] for gig in history[-1000 - 37 * night :]))[:MATES]
    venue, at_ms = history[-1 - 53 * night][2], history[-1][3] + (1 + night) * _DAY_MS
    log.append([(f"n{night}-{n}", artist, venue, at_ms) for n, artist in enumerate(artists)])
    trainer.tick(time.monotonic())
    log.append([(f"n{night}", f"newcomer-{night}", venue, at_ms)])
    began_s, worked_s = time.perf_counter(), time.thread_time()
    trainer.tick(time.monotonic())
    return 1e3 * (time.perf_counter() - began_s), 1e3 * (time.thread_time() - worked_s)
