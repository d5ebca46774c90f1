"""The consumer process: composes the loop, hears signals, leaves in time."""

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from consumer import rows
from consumer.batch import FlushPolicy
from consumer.brake import Brake, BrakePolicy
from consumer.errors import Stopped
from consumer.framing import Unframe
from consumer.housekeeper import PROGRAM, Housekeeper
from consumer.incarnation import Incarnation, refuse_another
from consumer.ingest import Ingest
from consumer.membership import is_seated, membership, patiently
from consumer.settings import ConsumerSettings
from consumer.store import Store
from consumer.topic import identify
from consumer.unframing import schema_registry
from consumer.watch import Watch

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LEAST_S = 0.5
_COLLECT_EVERY = 100_000


def run(
    settings: ConsumerSettings,
    *,
    on_step: Callable[[str], None] = lambda _step: None,
    housekeeping: Sequence[str] = PROGRAM,
) -> int:
    """Store the topic's events until SIGTERM or SIGINT.

    Args:
        settings: what to read, and where the store lies.
        on_step: told of each step (assigned, fetched, decoded, before_commit, parquet_written,
            after_commit, before_kafka_offset, revoked); tests kill the process there.
        housekeeping: the program that keeps the store up, where no other consumer's does.

    Returns:
        0 after a signal: all that was read is stored, the group is left.

    Raises:
        ConsumerError: what cannot go on; one line, with an exit code.
    """
    with (
        _signals(settings.stop_timeout_s) as stop,
        schema_registry(settings, stopping=stop.is_set) as unframe,
    ):
        threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
        with suppress(Stopped):  # while a server was waited for: what waits is read again
            _serve(settings, stop, unframe, on_step=on_step, housekeeping=housekeeping)
            logger.info("Stopped; all that was read is stored")
    return 0


def _serve(
    settings: ConsumerSettings,
    stop: "_Stop",
    unframe: Unframe | None,
    *,
    on_step: Callable[[str], None],
    housekeeping: Sequence[str],
) -> None:
    topic = identify(settings, stopping=stop.is_set)
    store = Store.open(settings.store, on_step=on_step)
    refuse_another(topic, store.app_ids, settings)
    watch, brake = Watch(settings.kafka_bootstrap), _brake(settings)

    def ingest() -> None:
        with membership(settings, topic, watch, left_s=stop.left_s) as consumer:
            Ingest(
                consumer=consumer,
                store=store,
                topic=topic,
                incarnation=Incarnation(topic=topic, settings=settings),
                accept_loss=settings.kafka_accept_loss,
                policy=_policy(settings),
                revoke_s=settings.stop_timeout_s,
                unframe=unframe,
                watch=watch,
                brake=brake,
                on_step=on_step,
            ).run(stop.is_set, stop_s=stop.left_s)

    logger.info("Reading %s into %s", topic.name, settings.store)
    with Housekeeper(settings, housekeeping):
        patiently(ingest, stopping=stop.is_set, seated=is_seated(settings, topic))


def _policy(settings: ConsumerSettings) -> FlushPolicy:
    return FlushPolicy(
        max_events=settings.flush_max_events,
        max_bytes=settings.flush_max_bytes,
        wait_s=settings.flush_wait_s,
    )


def _brake(settings: ConsumerSettings) -> Brake:
    share, window = settings.dead_letter_brake_share, settings.dead_letter_brake_window
    return Brake(policy=BrakePolicy(share=share, window=window), store=settings.store)


def _warm_up() -> None:
    """Get ready while the broker and the group are waited for."""
    rows.warm_up()
    gc.freeze()
    # By default it looks for cycles at every 700 messages, which have none.
    gc.set_threshold(_COLLECT_EVERY)


class _Stop:
    """Set by the first SIGTERM or SIGINT; the second one ends the process at once."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._since_s: float | None = None
        # Whatever then holds us up, contention or a disk: what is not stored is read again, and a
        # commit is whole or not at all, so nothing is lost by leaving.
        self._last_resort = threading.Timer(timeout_s + _LEAST_S, os._exit, (0,))
        self._last_resort.daemon = True

    def is_set(self) -> bool:
        """Whether a signal came."""
        return self._since_s is not None

    def left_s(self) -> float:
        """Seconds left for stopping; all of them before a signal came."""
        spent_s = 0.0 if self._since_s is None else time.monotonic() - self._since_s
        return max(_LEAST_S, self._timeout_s - spent_s)

    def note(self, number: int, _frame: FrameType | None) -> None:
        """A signal came."""
        self._since_s = time.monotonic()
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self._last_resort.start()
        logger.info("Stopping on %s", signal.Signals(number).name)

    def over(self) -> None:
        """The stop, if there was one, is done."""
        self._last_resort.cancel()


@contextmanager
def _signals(timeout_s: float) -> Iterator[_Stop]:
    stop = _Stop(timeout_s)
    before = {each: signal.signal(each, stop.note) for each in _SIGNALS}
    try:
        yield stop
    finally:
        stop.over()
        for each, handler in before.items():
            signal.signal(each, handler)
