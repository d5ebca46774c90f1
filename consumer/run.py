"""The consumer process: composes the loop, and leaves in time when a signal comes."""

import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from consumer.errors import Stopped
from consumer.events.framing import Unframe
from consumer.ingest import compiled, rows
from consumer.ingest.batch import FlushPolicy
from consumer.ingest.brake import Brake
from consumer.ingest.loop import Ingest
from consumer.kafka.client import consumer_options
from consumer.kafka.group import membership, names_members, rejoin_while_held
from consumer.kafka.outage import Watch
from consumer.kafka.topic import identify
from consumer.kafka.topic_check import TopicCheck, refuse_another
from consumer.maintenance.supervisor import PROGRAM, Supervisor
from consumer.registry.connect import schema_registry
from consumer.settings import ConsumerSettings
from consumer.shutdown import LEAST_S, Shutdown
from consumer.store.writer import Store

logger = logging.getLogger(__name__)

_COLLECT_EVERY = 100_000


def run(
    settings: ConsumerSettings,
    *,
    on_step: Callable[[str], None] = lambda _step: None,
    maintenance: Sequence[str] = PROGRAM,
) -> int:
    """Store the topic's events until SIGTERM or SIGINT.

    Args:
        settings: what to read, and where the store lies.
        on_step: called at each step (assigned, fetched, decoded, before_commit, parquet_written,
            after_commit, before_kafka_offset, revoked); tests kill the process there.
        maintenance: the program that maintains the store, where no other consumer runs one.

    Returns:
        0 after a signal: all that was read is stored, the group is left.

    Raises:
        ConsumerError: it cannot continue; one line, with an exit code.
    """
    with (
        _last_resort(settings.stop_timeout_s + LEAST_S),
        Shutdown(settings.stop_timeout_s) as stop,
        schema_registry(settings, stopping=stop.is_set) as unframe,
    ):
        threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
        with suppress(Stopped):  # while a server was waited for: what waits is read again
            _serve(settings, stop, unframe, on_step=on_step, maintenance=maintenance)
            logger.info("Stopped; all that was read is stored")
    return 0


def _serve(
    settings: ConsumerSettings,
    stop: Shutdown,
    unframe: Unframe | None,
    *,
    on_step: Callable[[str], None],
    maintenance: Sequence[str],
) -> None:
    topic = identify(settings, stopping=stop.is_set)
    store = Store.open(settings.store, on_step=on_step)
    refuse_another(topic, store.app_ids, settings)
    watch, brake = Watch(settings.kafka_bootstrap), Brake.from_settings(settings)
    policy = FlushPolicy(
        max_events=settings.flush_max_events,
        max_bytes=settings.flush_max_bytes,
        wait_s=settings.flush_wait_s,
    )

    def ingest() -> None:
        with membership(settings, topic, watch, left_s=stop.left_s) as consumer:
            Ingest(
                consumer=consumer,
                store=store,
                topic=topic,
                options=consumer_options(settings),
                topic_check=TopicCheck(topic=topic, settings=settings),
                accept_loss=settings.kafka_accept_loss,
                policy=policy,
                revoke_s=settings.stop_timeout_s,
                unframe=unframe,
                statuses=settings.statuses,
                watch=watch,
                brake=brake,
                on_step=on_step,
            ).run(stop.is_set, stop_s=stop.left_s)

    logger.info("Reading %s into %s", topic.name, settings.store)
    with Supervisor(settings, maintenance):
        named_by_us = names_members(settings, topic)
        rejoin_while_held(ingest, stopping=stop.is_set, named_by_us=named_by_us)


def _warm_up() -> None:
    """Get ready while the broker and the group are waited for."""
    rows.warm_up()
    gc.freeze()
    # By default it looks for cycles at every 700 messages, which have none.
    gc.set_threshold(_COLLECT_EVERY)


@contextmanager
def _last_resort(end_s: float) -> Iterator[None]:
    """Have compiled code end the process so long after a signal, whatever holds the interpreter.

    No handler of Python's runs then, but its C code still writes a signal's number to a pipe.
    """
    heard, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    if not compiled.exit_after_byte(heard, end_s):
        os.close(heard)
    before = signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(wakeup)
