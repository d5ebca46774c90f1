"""The work of a refit process: fits a model, refuses it or stages its lists; fold-ins continue.

It reads the store at one version, writes an artifact (or takes an earlier one), stages a complete
set of lists in Redis and exits. The trainer then brings these lists up to its own store version
and swaps them in. Whatever happens to this process, the live lists are not touched by it.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from ctypes import c_longlong
from dataclasses import asdict, replace
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from consumer.errors import ConsumerError, VersionGone
from consumer.store.reader import reader_state
from serving.errors import ServingError
from serving.publisher.publish import Publisher, connect
from trainer import recipe_file
from trainer.als.engine import Engine
from trainer.errors import BadRecipe, RefitRefused, TrainerError
from trainer.evaluation.tuning import tune
from trainer.live import gating
from trainer.live.gating import Fit, Settling
from trainer.live.job import Job
from trainer.live.retuning import why_tune
from trainer.live.staging import stage
from trainer.model.fit import Model, check, fit
from trainer.plays.fingerprints import fingerprints
from trainer.plays.interactions import Interactions, totals
from trainer.plays.matrix import Plays
from trainer.plays.read import settled_at
from trainer.ranking.lists import Lists
from trainer.registry.artifact import load, save
from trainer.registry.snapshot import Snapshots
from trainer.spark.ready import beside, ready

logger = logging.getLogger(__name__)

UNREACHABLE = 3
"""Exit code of a refit that could not reach a server: worth another try."""
REFUSED = 4
"""Exit code of a refit whose model is not fit to be published."""
GONE = 5
"""Exit code of a refit whose version of the store was cleaned up: a newer one will do."""


class Running(NamedTuple):
    """A refit process.

    Attributes:
        process: itself.
        sent: characters of the lists that it staged, written by it at its end.
    """

    process: BaseProcess
    sent: c_longlong


def start(job: Job, configure: Callable[[], None]) -> Running:
    """Begin a refit in its own process; `configure` sets up logging there."""
    context = multiprocessing.get_context("spawn")
    # Without a lock, which a killed process would keep.
    sent = context.RawValue(c_longlong, 0)
    process = context.Process(
        target=_main, args=(job, configure, sent), name=f"refit-{job.generation}", daemon=True
    )
    process.start()
    return Running(process, sent)


def _main(job: Job, configure: Callable[[], None], sent: c_longlong) -> None:
    """The process edge."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trainer's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(5)  # folding in goes first on a busy machine
    configure()
    try:
        sent.value = work(job)
    except VersionGone as error:
        logger.info("Refit %d: %s; a newer version will do.", job.generation, error)
        sys.exit(GONE)
    except (ConsumerError, ServingError, TrainerError) as error:
        logger.error("Refit %d: %s", job.generation, error)  # noqa: TRY400 - one line is enough
        sys.exit(error.exit_code)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def work(job: Job) -> int:
    """Fit or load the model, then stage every list of the job's generation.

    Returns:
        How many characters were sent to Redis.
    """
    began = time.monotonic()
    interactions, chunk = settled_at(job.settings.store, job.store_version)
    with _saving(job, interactions):
        clock = interactions.clock(time.time_ns() // 1_000_000)
        settled = Settling(
            chunk,
            interactions.stated,
            clock.as_of_ms or 0,
            clock.ahead,
            _by_source(interactions),  # while the gigs are held
        )
        plays = interactions.plays()
    interactions.discard_gigs()
    if not job.artifact.exists():
        _fit(job, settled, interactions, plays)
    artifact = load(job.artifact)
    refused = not job.force and gating.read(artifact.manifest)
    # An earlier model that is published again was judged before.
    if refused and artifact.manifest["generation"] == job.generation:
        raise RefitRefused(str(refused))
    sent = _stage(job, interactions, plays, artifact.model)
    logger.info(
        "Generation %d staged at store version %d, %.2f s.",
        job.generation,
        job.store_version,
        time.monotonic() - began,
    )
    return sent


def _saving(job: Job, interactions: Interactions) -> AbstractContextManager[None]:
    # Where a person waits for an earlier model, the snapshot of the last fit will do.
    if job.artifact.exists():
        return nullcontext()
    read = reader_state(job.settings.store, job.store_version)
    return Snapshots(job.settings.models).saving(interactions, read)


def _by_source(interactions: Interactions) -> dict[str, int]:
    codes, names = interactions.play_sources()
    counted = np.bincount(codes, minlength=len(names)).tolist()
    return dict(zip(names, counted, strict=True))


def _fit(job: Job, settled: Settling, interactions: Interactions, plays: Plays) -> None:
    artists, venues = interactions.artists, interactions.venues
    start = load(job.start) if job.start else None
    given = plays, artists.ids, venues.ids, settled.as_of_ms, job.settings.recipe()
    # A warm fit keeps the weights of its start, so that lists stay calm.
    tuned = None if start else tune(*given)
    model = fit(
        *given,
        start=start.model if start else None,
        solver=_solver(job, settled.as_of_ms, interactions, plays),
        weights=tuned.weights if tuned else None,
    )
    check(model)
    # Before it is stored: the manifest tells the verdict, and is not changed afterwards.
    examined = gating.examine(Fit(job, settled, interactions, plays, model))
    if job.settings.recipe_file:
        _ask_to_tune(job.settings.recipe_file, len(plays), examined.facts["quality"])
    seen = replace(plays)  # what is sorted to count them is not kept
    facts: dict[str, Any] = {
        "created_at": time.time(),
        "generation": job.generation,
        "store_version": settled.chunk.version,
        "ahead": settled.ahead,
        "offsets": dict(settled.chunk.positions),
        "counts": asdict(totals(seen, interactions.events, settled.stated)),
        "quarantined": interactions.quarantined,
        "decisions": settled.decisions,
        "warm_fits": warm_fits(start.manifest) + 1 if start else 0,
        "tuning": tuned.report() if tuned else start and start.manifest.get("tuning"),
    }
    prints = fingerprints(plays, artists, venues)
    save(job.artifact, model, prints, facts | examined.facts, examined.arrays)


def _ask_to_tune(path: str, plays: int, quality: Mapping[str, Any] | None) -> None:
    """Log why the recipe should be tuned again, if it should."""
    try:
        why = why_tune(recipe_file.read(Path(path)).evidence, plays, quality)
    except BadRecipe as error:
        # Its settings were read at the start: a fit does not need the file any more.
        why = str(error)
    if why:
        logger.warning("Run `gigstream tune` again: %s.", why)


def _solver(job: Job, as_of_ms: int, interactions: Interactions, plays: Plays) -> Engine | None:
    """What fits over the store itself; None: the recipe's engine fits what we settled."""
    if job.settings.engine != "spark":
        return None
    ready(job.settings, wait_s=job.settings.connect_timeout_s)
    from trainer.spark.engine import Spark, source  # noqa: PLC0415 - an extra

    known = source(job.settings.store, job.store_version, as_of_ms, plays, interactions)
    return Spark(job.settings, known, beside(job.artifact))


def warm_fits(manifest: Mapping[str, Any]) -> int:
    """Warm fits in a row that led to this model."""
    return int(manifest.get("warm_fits", 0))


def _stage(job: Job, interactions: Interactions, plays: Plays, model: Model) -> int:
    artists, venues = interactions.artists, interactions.venues
    lists = Lists(
        model=model.aligned(artists.ids, venues.ids),
        plays=plays,
        artists=artists,
        venues=venues,
        generation=job.generation,
        size=job.settings.list_size,
        merged_artists=interactions.merged_artists,
        merged_venues=interactions.merged_venues,
        hidden=interactions.hidden,
    )
    publisher = Publisher(
        connect(job.settings),
        prefix=job.settings.redis_prefix,
        registry=job.registry,
        token=job.token,
    )
    for _ in stage(publisher, job.generation, lists, interactions):
        pass
    return publisher.staged_chars
