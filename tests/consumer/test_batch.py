"""What waits, and when it is stored: no clock, no Kafka, no disk."""

import pytest

from consumer import rows
from consumer.batch import Batch, FlushPolicy, Pending
from consumer.store import Span
from support.records import message

POLICY = FlushPolicy(max_events=100, max_bytes=1_000, wait_s=0.05, quiet_s=1.0)


VALUE = b"0123456789"


@pytest.fixture
def batch():
    return Batch(rows.Gathering(topic_id="T"))


def read(batch, partition, *offsets, now_s=0.0) -> int:
    messages = [message(offset, VALUE, partition=partition) for offset in offsets]
    return batch.take(messages, now_s).rows


@pytest.mark.parametrize(
    ("pending", "now_s", "due"),
    [
        (Pending(), 1e9, False),
        (Pending(events=1, bytes=1, since_s=5.0), 5.04, False),
        (Pending(events=1, bytes=1, since_s=5.0), 5.05, True),
        (Pending(events=100, bytes=1, since_s=5.0), 5.0, True),
        (Pending(events=1, bytes=1_000, since_s=5.0), 5.0, True),
        (Pending(since_s=5.0), 5.9, False),
        (Pending(since_s=5.0), 6.0, True),
    ],
)
def test_a_batch_is_stored_when_full_or_after_its_wait(pending, now_s, due):
    assert POLICY.should_flush(pending, now_s) is due


def test_a_message_below_the_position_is_not_taken_again(batch):
    batch.own(0, 10)

    assert read(batch, 0, 9, 10, 10, 12, 11) == 2
    assert read(batch, 0, 12, 13) == 1
    assert read(batch, 1, 20) == 0
    assert batch.rows()["offset"].to_pylist() == [10, 12, 13]


def test_a_span_starts_at_the_stores_position_whatever_the_first_offset(batch):
    batch.own(0, 10)
    batch.own(1, None)
    batch.own(2, 5)
    read(batch, 0, 14, 15)
    read(batch, 1, 50)

    assert batch.spans() == {0: Span(10, 16), 1: Span(None, 51)}


def test_the_end_of_a_partition_moves_its_position_past_markers(batch):
    batch.own(0, 10)
    batch.reach(0, 13, now_s=2.0)

    assert batch.spans() == {0: Span(10, 13)}
    assert batch.pending == Pending(since_s=2.0)


def test_the_end_of_a_partition_never_moves_a_position_back(batch):
    batch.own(0, 10)
    read(batch, 0, 12)
    batch.reach(0, 11, now_s=0.0)

    assert batch.spans() == {0: Span(10, 13)}


def test_the_end_of_an_empty_partition_is_nothing_to_store(batch):
    batch.own(0, None)
    batch.reach(0, 0, now_s=0.0)
    batch.reach(7, 5, now_s=0.0)

    assert batch.spans() == {}
    assert batch.pending == Pending()


def test_rows_wait_from_the_first_of_them(batch):
    batch.own(0, 0)
    batch.reach(0, 3, now_s=1.0)
    read(batch, 0, 3, now_s=2.0)
    read(batch, 0, 4, now_s=3.0)

    assert batch.pending == Pending(events=2, bytes=20, since_s=2.0)


def test_what_is_stored_waits_no_more_and_the_next_span_starts_there(batch):
    batch.own(0, None)
    read(batch, 0, 3)
    batch.stored(batch.spans())

    assert batch.pending == Pending()
    assert batch.rows().num_rows == 0
    assert batch.spans() == {}
    read(batch, 0, 4)
    assert batch.spans() == {0: Span(4, 5)}


def test_a_partition_that_is_not_ours_any_more_leaves_no_rows_and_no_span(batch):
    batch.own(0, 0)
    batch.own(1, 0)
    read(batch, 0, 1, 2, now_s=1.0)
    read(batch, 1, 5, now_s=2.0)
    batch.disown([0])

    assert batch.spans() == {1: Span(0, 6)}
    assert batch.rows()["offset"].to_pylist() == [5]
    assert batch.pending.events == 1
    assert batch.pending.since_s == 1.0


def test_when_the_last_partition_is_gone_nothing_waits(batch):
    batch.own(0, 0)
    batch.reach(0, 9, now_s=1.0)
    batch.disown([0])

    assert batch.pending == Pending()
