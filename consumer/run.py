"""The consumer process: composes the loop, and leaves in time when a signal comes."""

import gc
import logging
import os
import shutil
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
from consumer.metrics import GROUP, KAFKA, Meters
from consumer.registry.connect import schema_registry
from consumer.settings import ConsumerSettings
from consumer.shutdown import LEAST_S, Shutdown
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.telemetry.server import Application, Server, new_registry

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
    registry = new_registry()
    meters = Meters(registry)
    # Before the first probe can come: until these are there we are not ready.
    meters.pulse.wait_for(KAFKA, GROUP)
    stopping = meters.pulse.asked
    with (
        # Entered first and so left last: it also ends a process that cannot leave the others.
        _last_resort(settings.stop_timeout_s + LEAST_S),
        Shutdown(settings.stop_timeout_s) as stop,
        _served(settings, Application(registry, meters.pulse)),
        schema_registry(settings, stopping=stopping(stop.is_set)) as unframe,
    ):
        threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
        with suppress(Stopped):  # while a server was waited for: what waits is read again
            _serve(settings, stop, unframe, meters, on_step=on_step, maintenance=maintenance)
            logger.info("Stopped; all that was read is stored")
    return 0


def _served(settings: ConsumerSettings, application: Application) -> Server:
    return Server(
        application,
        host=settings.metrics_host,
        port=settings.consumer_metrics_port,
        setting="consumer_metrics_port",
    )


def _serve(
    settings: ConsumerSettings,
    stop: Shutdown,
    unframe: Unframe | None,
    meters: Meters,
    *,
    on_step: Callable[[str], None],
    maintenance: Sequence[str],
) -> None:
    topic = identify(settings, stopping=meters.pulse.asked(stop.is_set))
    store = Store.open(settings.store, on_step=on_step)
    # Before anything is read: the offsets of another topic are those of other records.
    refuse_another(topic, store.app_ids, settings)
    _watch_store(settings, meters)
    watch, brake = _watch(settings, meters), Brake.from_settings(settings)

    def ingest() -> None:
        # A member that joins again has no partitions until then.
        meters.pulse.wait_for(GROUP)
        with membership(settings, topic, watch, left_s=stop.left_s) as consumer:
            Ingest(
                consumer=consumer,
                store=store,
                topic=topic,
                options=consumer_options(settings),
                topic_check=TopicCheck(topic=topic, settings=settings),
                accept_loss=settings.kafka_accept_loss,
                policy=_policy(settings),
                revoke_s=settings.stop_timeout_s,
                unframe=unframe,
                statuses=settings.statuses,
                watch=watch,
                brake=brake,
                meters=meters,
                on_step=on_step,
            ).run(stop.is_set, stop_s=stop.left_s)

    logger.info("Reading %s into %s", topic.name, settings.store)
    with Supervisor(settings, maintenance, on_lock=meters.maintains, tell=meters.maintenance):
        named_by_us = names_members(settings, topic)
        stopping = meters.pulse.asked(stop.is_set)
        rejoin_while_held(ingest, stopping=stopping, named_by_us=named_by_us)


def _policy(settings: ConsumerSettings) -> FlushPolicy:
    return FlushPolicy(
        max_events=settings.flush_max_events,
        max_bytes=settings.flush_max_bytes,
        wait_s=settings.flush_wait_s,
    )


def _watch(settings: ConsumerSettings, meters: Meters) -> Watch:
    def report(is_up: bool) -> None:
        meters.kafka(is_up=is_up)

    # Without a reader of the metrics librdkafka need not gather statistics.
    return Watch(settings.kafka_bootstrap, report if settings.consumer_metrics_port else None)


def _watch_store(settings: ConsumerSettings, meters: Meters) -> None:
    store = settings.store
    meters.watch_store(
        lambda: len(delta_log.versions(store)),
        lambda: shutil.disk_usage(store).free,
        lambda: shutil.disk_usage(store).total,
    )


def _warm_up() -> None:
    """Get ready while the broker and the group are waited for."""
    rows.warm_up()
    # What is imported by now stays for ever: no collection needs to look at it.
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
