"""A consumer without one of its guards: ``python -m chaos.unguarded GUARD SETTINGS [FAULT]``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from confluent_kafka import TopicPartition
from deltalake import DeltaTable

from consumer.ingest.batch import Batch
from consumer.ingest.loop import Ingest
from consumer.ingest.rows import Taken
from consumer.store.writer import Store
from consumer.table import delta_log
from support.processes import consume

_checks_positions = Store._check_positions
_flush = Ingest._flush
_take = Batch.take
_at = Ingest._at


def _with_a_fresh_handle(store, spans) -> None:
    _checks_positions(store, spans)
    store._table = DeltaTable(store._path)


def _where_kafka_says(ingest, positions) -> list[TopicPartition]:
    """Kafka's committed offsets in place of the store's positions."""
    wanted = _at(ingest, positions)
    committed = ingest._consumer.committed(wanted, timeout=10)
    assert all(kafka.error is None for kafka in committed), committed
    return [
        kafka if kafka.offset >= 0 else ours for ours, kafka in zip(wanted, committed, strict=True)
    ]


def _acknowledged_first(ingest, patience_s) -> None:
    ends = {number: span.end for number, span in ingest._batch.spans().items()}
    if ends:
        ingest._consumer.commit(offsets=_at(ingest, ends), asynchronous=False)
    _flush(ingest, patience_s)


def _takes_all(batch, messages, now_s) -> Taken:
    before = {number: progress.next or 0 for number, progress in batch.progress.items()}
    for progress in batch.progress.values():
        progress.next = None
    taken = _take(batch, messages, now_s)
    for number, progress in batch.progress.items():
        progress.next = max(before[number], progress.next or 0) or None
    return taken


_KAFKAS_OFFSETS = (Ingest, "_at", _where_kafka_says)
_REMOVED: dict[str, list[tuple[object, str, Callable]]] = {
    "guard 1": [(Store, "_check_positions", _with_a_fresh_handle)],
    "guard 2": [(Store, "_check_positions", lambda _store, _spans: None)],
    "positions of the store": [_KAFKAS_OFFSETS],
    "stored before acknowledged": [_KAFKAS_OFFSETS, (Ingest, "_flush", _acknowledged_first)],
    "messages below the position dropped": [(Batch, "take", _takes_all)],
    "torn entries seen": [(delta_log, "_check_end", lambda _actions, _version: None)],
}
GUARDS = tuple(_REMOVED)


@contextmanager
def without(guard: str | None) -> Iterator[None]:
    """Run this process without the guard."""
    with ExitStack() as stack:
        for owner, name, instead in _REMOVED[guard] if guard else ():
            stack.enter_context(patch.object(owner, name, instead))
        yield


if __name__ == "__main__":
    with without(sys.argv[1]):
        sys.exit(consume.main(*sys.argv[2:]))
