"""The trainer process: composition, signals, and the wait between two looks."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from serving.errors import RedisUnreachable, ShrinkRefused
from serving.publish import Publisher, connect
from trainer.engines.spark_ready import ready
from trainer.errors import NothingToFit, RefitCutOff, RefitRefused
from trainer.following import Following
from trainer.journal import Journal
from trainer.loop import Trainer
from trainer.registry import Registry
from trainer.settings import TrainerSettings
from trainer.snapshot import Snapshots

logger = logging.getLogger(__name__)

RETRY_S = 0.5
"""Pause before Redis is asked again after it was away."""
STOP_S = 4.0
"""How long a stop waits for a step that hangs, such as a Redis that neither answers nor closes."""


def log_warnings() -> None:
    """Log as Python does by itself: warnings and errors, on stderr."""


def run(
    settings: TrainerSettings,
    *,
    once: bool = False,
    takeover: bool = False,
    force: bool = False,
    configure: Callable[[], None] = log_warnings,
    on_step: Callable[[str], None] = lambda _step: None,
) -> int | None:
    """Train until SIGTERM or SIGINT; with `once`, until one generation is published.

    Args:
        settings: validated.
        once: fit what the store holds now, publish, return.
        takeover: publish even where another registry has been publishing.
        force: publish even if that shrinks the lists by half.
        configure: sets up logging in the refit process; must be picklable.
        on_step: told each step of a publish; tests stop the process there.

    Returns:
        The generation that was published last, None where there was none.

    Raises:
        ConsumerError, ServingError, TrainerError: each with its `exit_code`.
    """
    stop = _stop_on_signals()
    if settings.engine == "spark":
        ready(settings, wait_s=settings.connect_timeout_s, stop=stop)
    registry = Registry(settings.models)
    token = registry.next_token()
    publisher = _publisher(settings, registry, token)
    _wait_for_redis(publisher, settings.connect_timeout_s, stop)
    if stop.is_set():
        return None
    publisher.claim(takeover=takeover)
    trainer = Trainer(
        settings=settings,
        following=Following(settings.store, Snapshots(settings.models)),
        registry=registry,
        publisher=publisher,
        journal=Journal(settings.models),
        token=token,
        configure=configure,
        force=force,
        on_step=on_step,
    )
    with registry.training():
        try:
            (_publish_once if once else _follow)(trainer, settings, stop)
        finally:
            trainer.stop()
    logger.info("Trainer stopped.")
    return trainer.generation


def withdraw(settings: TrainerSettings) -> None:
    """Take all lists away: the store holds no plays any more.

    Raises:
        ServingError: Redis cannot be reached, or another writer publishes there.
    """
    registry = Registry(settings.models)
    publisher = _publisher(settings, registry, registry.next_token())
    publisher.claim()
    publisher.withdraw()


def _publisher(settings: TrainerSettings, registry: Registry, token: int) -> Publisher:
    return Publisher(
        connect(settings),
        prefix=settings.redis_prefix,
        registry=registry.state().registry,
        token=token,
    )


def _stop_on_signals() -> threading.Event:
    """An event that the first SIGTERM or SIGINT sets; the second has its usual effect."""
    stop = threading.Event()

    def note(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)
        # Nothing can be lost by leaving: store and artifacts are whole at every instant.
        hurry = threading.Timer(STOP_S, os._exit, (0,))
        hurry.daemon = True
        hurry.start()

    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, note)
    return stop


def _wait_for_redis(publisher: Publisher, timeout_s: float, stop: threading.Event) -> None:
    """Give Redis time to come up beside us; then its absence is an error."""
    until = time.monotonic() + timeout_s
    while not stop.is_set():
        try:
            return publisher.check_server()
        except RedisUnreachable:
            if time.monotonic() >= until:
                raise
            stop.wait(RETRY_S)
    return None


def _publish_once(trainer: Trainer, settings: TrainerSettings, stop: threading.Event) -> None:
    while trainer.listen(time.time()):
        pass
    if not trainer.has_plays:
        raise NothingToFit(
            f"the store in {settings.store} holds no plays yet; "
            "run `gigstream import FILE` or `gigstream consume` first"
        )
    while trainer.generation is None and not stop.is_set():
        if not trainer.busy:
            trainer.listen(time.time())
            trainer.begin()
        trainer.collect()
        if trainer.cut_off:
            raise RefitCutOff("the refit process could not reach a server; its log says which")
        stop.wait(settings.poll_interval_s)


def _follow(trainer: Trainer, settings: TrainerSettings, stop: threading.Event) -> None:
    away = False
    while not stop.wait(settings.poll_interval_s):
        try:
            trainer.tick(time.time())
            away = False
        except RedisUnreachable as error:
            if not away:
                logger.warning("%s; waiting for it.", error)
            away = True
            stop.wait(RETRY_S)
        except (ShrinkRefused, RefitRefused) as error:
            logger.error("%s; the live lists stay.", error)  # noqa: TRY400 - no traceback needed
