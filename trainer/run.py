"""The trainer process: composition, signals, and the wait between two looks."""

import logging
import time
from collections.abc import Callable
from functools import partial

from consumer.shutdown import Shutdown
from consumer.telemetry.server import Application, Server, new_registry
from serving.errors import LoginRefused, RedisUnreachable, ShrinkRefused
from serving.owner import Owner
from serving.publisher.publish import Publisher, connect
from trainer.errors import LeaseHeld, NoAnswer, NothingToFit, RefitCutOff, RefitFailed, RefitRefused
from trainer.live.arrivals import Arrivals
from trainer.live.counting import Counting
from trainer.live.desk import Desk
from trainer.live.following import Following
from trainer.live.loop import Trainer
from trainer.metrics import LEASE, REDIS, Meters
from trainer.registry.hits import Hits
from trainer.registry.journal import Journal
from trainer.registry.lease import Lease, is_held, seize, take
from trainer.registry.requests import Action, Inbox, Request, asking
from trainer.registry.snapshot import Snapshots
from trainer.registry.state import Registry
from trainer.settings import TrainerSettings
from trainer.spark.ready import ready

logger = logging.getLogger(__name__)

RETRY_S = 0.5
"""Pause before Redis is asked again after it was away."""
STANDBY_S = 0.1
"""Between two looks at whether the trainer that we stand by for is still there."""
ASK_S = 0.1
"""Between two looks for the answer of a trainer that was asked for a refit."""
PROGRESS_S = 10.0
"""Between two log lines of that wait."""
WAIT_S = 3600.0
"""How long it may take."""
STOP_S = 4.0
"""How long a stop waits for a step that hangs, such as a Redis that neither answers nor closes.

Nothing is lost by leaving then: store and artifacts are whole at every instant."""


def log_warnings() -> None:
    """Log as Python does by itself: warnings and errors, on stderr."""


def run(
    settings: TrainerSettings,
    *,
    once: bool = False,
    takeover: bool = False,
    standby: bool = False,
    force: bool = False,
    action: Action = "fit",
    target: int | None = None,
    wait_s: float = WAIT_S,
    configure: Callable[[], None] = log_warnings,
    on_step: Callable[[str], None] = lambda _step: None,
) -> int | None:
    """Train until SIGTERM or SIGINT; with `once`, until one generation is published.

    Args:
        settings: validated.
        once: fit what the store holds now, publish, return; where a trainer works here, by asking
            that one.
        takeover: publish even where another trainer works, or another registry has been publishing.
        standby: where another trainer works here, wait for its end.
        force: publish even if that shrinks the lists by half.
        action: what `once` is for, see `trainer.registry.requests.Request`.
        target: the generation to roll back to.
        wait_s: how long a trainer that is asked may take.
        configure: sets up logging in the refit process; must be picklable.
        on_step: called at each step of a publish; tests stop the process there.

    Returns:
        The generation that is live then, None where there is none.

    Raises:
        ConsumerError, ServingError, TrainerError: each with its `exit_code`.
    """
    registry = new_registry()
    meters = Meters(registry)
    meters.pulse.wait_for(LEASE, REDIS)
    application = Application(registry, meters.pulse)
    with Shutdown(STOP_S, meters.pulse.beat) as stop, _served(settings, application, once=once):
        if settings.engine == "spark":
            ready(settings, wait_s=settings.connect_timeout_s, stop=stop)
        until_s = time.monotonic() + wait_s
        request = Request(force, action, target) if once else None
        while not stop.is_set():
            lease = seize(settings.models) if takeover and not standby else take(settings.models)
            if lease is not None:
                trainer = partial(
                    Trainer, settings=settings, force=force, configure=configure, on_step=on_step
                )
                with lease:
                    return _own(
                        *(trainer, settings, lease, stop, meters),
                        request=request,
                        takeover=takeover,
                    )
            made = _beside(settings, stop, request, standby=standby, until_s=until_s)
            if made is not None:
                return made
    return None


def _served(settings: TrainerSettings, application: Application, *, once: bool) -> Server:
    # What runs once may run beside the trainer that has the port.
    return Server(
        application,
        host=settings.metrics_host,
        port=0 if once else settings.trainer_metrics_port,
        setting="trainer_metrics_port",
    )


def withdraw(settings: TrainerSettings) -> None:
    """Take all lists away: the store holds no plays any more.

    Raises:
        LeaseHeld: a trainer works here.
        ServingError: Redis cannot be reached, or another writer publishes there.
    """
    registry = Registry(settings.models)
    lease = take(settings.models)
    if lease is None:
        raise LeaseHeld(settings.models, registry.state().owner)
    with lease:
        registry.own(Owner.here())
        _claimed(settings, registry, takeover=False).withdraw()


def _beside(
    settings: TrainerSettings,
    stop: Shutdown,
    request: Request | None,
    *,
    standby: bool,
    until_s: float,
) -> int | None:
    """What another trainer here published for us; None once the lease may be free, or on a stop.

    Raises:
        LeaseHeld: that trainer is neither to be asked nor to be waited for.
    """
    registry = Registry(settings.models)
    owner = registry.state().owner
    if request:
        _wait_for_redis(_publisher(settings, registry), settings.connect_timeout_s, stop)
        return _ask(settings, owner, request, until_s=until_s, stop=stop)
    if not standby:
        raise LeaseHeld(settings.models, owner)
    logger.info("Standing by: a trainer (%s) works in %s.", owner, settings.models)
    while is_held(settings.models) and not stop.wait(STANDBY_S):
        pass
    return None


def _own(
    make: Callable[..., Trainer],
    settings: TrainerSettings,
    lease: Lease,
    stop: Shutdown,
    meters: Meters,
    *,
    request: Request | None,
    takeover: bool,
) -> int | None:
    """Train as the one that has the lease; `make` makes a trainer."""
    meters.pulse.got(LEASE)
    registry = Registry(settings.models, settings.models_kept)
    registry.own(Owner.here(), settings.redis_prefix)
    # Before the claim: an absent Redis must not cost a token.
    _wait_for_redis(_publisher(settings, registry), settings.connect_timeout_s, stop)
    if stop.is_set():
        return None
    publisher = _claimed(settings, registry, takeover=takeover)
    meters.redis(is_up=True)
    logger.info("Training from %s.", settings.store)
    arrivals = Arrivals(Hits(settings.models).positions)
    following = Following(settings.store, Snapshots(settings.models), meters, arrivals)
    counting = Counting(following, settings.models)
    trainer = make(
        following=following,
        registry=registry,
        publisher=publisher,
        journal=Journal(settings.models),
        token=publisher.token,
    )
    try:  # once it exists it may have a refit process, which must not outlive us
        if request:
            return _serve_once(trainer, settings, lease, stop, request)
        _follow(trainer, settings, lease, stop, counting)
        logger.info("Trainer stopped.")
    finally:
        trainer.stop()
        counting.count()
    return trainer.generation


def _claimed(settings: TrainerSettings, registry: Registry, *, takeover: bool) -> Publisher:
    """The publisher with a new token, once Redis knows it."""
    before = _publisher(settings, registry)
    live, ours = before.live(), registry.state().registry
    if live.damage:
        logger.warning("The lists in Redis cannot be read (%s); they are replaced.", live.damage)
    generation = live.generation if live.meta.get("registry") == ours else 0
    # Before the next token: Redis refuses one lower than the highest it has seen.
    if registry.catch_up(before.last_token(), generation or 0):
        logger.warning(
            "The registry in %s was restored from a copy older than what it published; "
            "continuing with the numbers after those.",
            settings.models,
        )
    publisher = _publisher(settings, registry, registry.next_token())
    publisher.claim(takeover=takeover)
    return publisher


def _publisher(settings: TrainerSettings, registry: Registry, token: int = 0) -> Publisher:
    state = registry.state()
    return Publisher(
        connect(settings),
        prefix=settings.redis_prefix,
        registry=state.registry,
        token=token,
        owner=state.owner,
    )


def _ask(
    settings: TrainerSettings,
    owner: Owner | None,
    request: Request,
    *,
    until_s: float,
    stop: Shutdown,
) -> int | None:
    """The generation that is live once the running trainer did it; None where it ended, or we.

    Raises:
        NoAnswer: it has not published by then.
        RequestRefused: it could not.
    """
    logger.info("A trainer works here (%s): asking it.", owner)
    spoken_s = time.monotonic()
    with asking(settings.models, request) as asked:
        while not stop.wait(ASK_S):
            made = asked.answer()
            # The answer first: a trainer may publish for us and end at once.
            if made is not None or not is_held(settings.models):
                return made
            if time.monotonic() > until_s:
                raise NoAnswer(
                    f"the trainer ({owner}) has not published in time: see its log, wait longer "
                    "with --wait, or replace it with --takeover if it hangs"
                )
            if time.monotonic() > spoken_s + PROGRESS_S:
                spoken_s = time.monotonic()
                logger.info("Waiting for it; %.0f s are left.", until_s - spoken_s)
    return None


def _wait_for_redis(publisher: Publisher, timeout_s: float, stop: Shutdown) -> None:
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


def _serve_once(
    trainer: Trainer, settings: TrainerSettings, lease: Lease, stop: Shutdown, request: Request
) -> int | None:
    """Do what is asked for without a trainer that stays; returns the live generation."""
    if request.action != "fit" and trainer.obey(request, time.monotonic()) is None:
        return trainer.live_generation
    _publish_once(trainer, settings, lease, stop)
    return trainer.generation


def _publish_once(
    trainer: Trainer, settings: TrainerSettings, lease: Lease, stop: Shutdown
) -> None:
    while trainer.listen(time.monotonic()):
        pass
    if not trainer.has_plays:
        raise NothingToFit.stored(settings.store)
    while trainer.generation is None and not stop.is_set():
        lease.check()
        if not trainer.busy:
            trainer.listen(time.monotonic())
            trainer.begin()
        trainer.collect(time.monotonic())
        if trainer.cut_off:
            raise RefitCutOff.there()
        stop.wait(settings.poll_interval_s)


def _follow(
    trainer: Trainer, settings: TrainerSettings, lease: Lease, stop: Shutdown, counting: Counting
) -> None:
    away, desk, meters = False, Desk(Inbox(settings.models), settings.store), counting.meters
    while not stop.wait(settings.poll_interval_s):
        lease.check()  # before anything is written: it may have been seized
        counting.look(time.monotonic())
        try:
            trainer.tick(time.monotonic())
            desk.serve(trainer, time.monotonic())
            away = False
            meters.redis(is_up=True)
        except (RedisUnreachable, LoginRefused) as error:
            if not away:
                logger.warning("%s; waiting for it.", error)
            away = True
            meters.redis(is_up=False)
            stop.wait(RETRY_S)
        except (ShrinkRefused, RefitRefused, RefitFailed) as error:
            desk.refuse(error)
            logger.error("%s; the live lists stay.", error)  # noqa: TRY400 - no traceback needed
