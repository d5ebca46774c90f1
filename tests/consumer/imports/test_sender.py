"""An embedded broker forgets what is beyond its size: the sender waits for the store."""

import threading

import pytest

from consumer.events import Event
from consumer.imports import sender as module
from consumer.imports.sender import Sender, Stalled
from consumer.kafka.topic import identify
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from consumer.table import schema
from consumer.table.delta_log import Span
from gigstream.local_stack import Broker


@pytest.fixture
def settings(tmp_path, monkeypatch) -> ConsumerSettings:
    monkeypatch.setattr(module, "LIMIT_BYTES", 3_000)
    monkeypatch.setattr(module, "STALL_S", 1.0)
    monkeypatch.setattr(module, "_KEEP", Broker(), raising=False)  # until the test has ended
    return ConsumerSettings(
        home=tmp_path, kafka_bootstrap=module._KEEP.bootstrap, kafka_create_partitions=2
    )


def send(sender: Sender, number: int) -> None:
    """Send this many events of some 100 bytes each."""
    for n in range(number):
        sender.send(Event(event_id=f"e{n}", artist_id="a", venue_id="v", time_ms=1_540_000_000_000))


def store(settings: ConsumerSettings, ends: dict[str, int]) -> None:
    """Store positions alone, as a consumer does whose records are markers."""
    table = Store.open(settings.store)
    held = table.positions(ends)
    table.append(
        schema.SCHEMA.empty_table(), {name: Span(held[name], end) for name, end in ends.items()}
    )


def test_where_nothing_is_stored_it_ends_after_a_while(settings):
    with pytest.raises(Stalled, match="for 1 s nothing was stored"), Sender(settings) as sender:
        send(sender, 100)


def test_it_continues_once_the_store_has_all_that_was_sent(settings, monkeypatch):
    monkeypatch.setattr(module, "STALL_S", 30.0)
    with Sender(settings) as sender:
        sending = threading.Thread(target=send, args=(sender, 40))
        sending.start()
        # It waits with the first events, of which the broker has all, however long that takes.
        sending.join(1)
        assert sending.is_alive()
        topic, first = identify(settings), None
        while sending.is_alive():
            ends = sender._ends(topic)
            first = first or sum(ends.values())
            store(settings, ends)
            sending.join(0.1)
        sender.flush()

        assert 0 < first < 40 == sum(sender._ends(topic).values())
