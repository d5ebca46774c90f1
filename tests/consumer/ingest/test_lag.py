from consumer.ingest import rows
from consumer.ingest.batch import Flush, Pending
from consumer.ingest.lag import PartitionLag, Reading, newest_recorded
from consumer.table.delta_log import Span
from support.data.records import CREATE_TIME, message


def test_nothing_waits_where_all_is_stored():
    assert PartitionLag().read(5, 5, 100) == Reading(0, 0)


def test_an_event_after_a_long_calm_waits_since_it_was_seen():
    lag = PartitionLag()
    lag.read(5, 5, 100)
    lag.newest_s = 1.0

    assert lag.read(5, 6, 5_000) == Reading(1, 0)
    assert lag.read(5, 9, 5_003) == Reading(4, 3)


def test_the_oldest_that_waits_counts():
    lag = PartitionLag()
    lag.read(5, 5, 100)
    lag.read(5, 7, 101)
    lag.read(5, 9, 102)

    assert lag.read(6, 9, 105) == Reading(3, 4)
    assert lag.read(7, 9, 106) == Reading(2, 4)
    assert lag.read(9, 9, 107) == Reading(0, 0)


def test_a_backlog_at_the_start_is_as_old_as_the_newest_stored_record():
    lag = PartitionLag()
    lag.read(0, 1_000, 100)
    lag.newest_s = 40.0

    assert lag.read(500, 1_000, 110) == Reading(500, 70)


def test_a_clock_ahead_of_ours_makes_no_lag_below_nothing():
    lag = PartitionLag()
    lag.read(0, 1_000, 100)
    lag.newest_s = 400.0

    assert lag.read(500, 1_000, 110) == Reading(500, 0)


def test_a_partition_that_stands_still_for_days_takes_bounded_memory():
    lag = PartitionLag()
    lag.read(0, 0, 0)
    for second in range(1, 100_000):
        reading = lag.read(0, second, second)

    assert reading == Reading(99_999, 99_998)
    assert len(lag._seen) <= 1_000


def test_the_newest_row_of_each_partition_is_found():
    messages = [
        message(0, partition=2, timestamp=(CREATE_TIME, 9_000)),
        message(0, partition=0, timestamp=(CREATE_TIME, 1_000)),
        message(1, partition=2, timestamp=(CREATE_TIME, 5_000)),
    ]
    flush = Flush(
        rows.table(messages, topic_id="t"),
        {0: Span(None, 1), 1: Span(None, 7), 2: Span(None, 2), 9: Span(None, 1)},
        Pending(),
    )

    assert newest_recorded(flush) == {0: 1.0, 2: 5.0}
