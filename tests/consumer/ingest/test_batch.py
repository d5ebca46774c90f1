"""What waits, and when it is stored: no clock, no Kafka, no disk."""

import pytest

from consumer.ingest import rows
from consumer.ingest.batch import MOVES, Batch, CommitTiming, FlushPolicy, Pending, State
from consumer.table.delta_log import Span
from support.data.records import message

POLICY = FlushPolicy(max_events=100, max_bytes=1_000, wait_s=0.25, quiet_s=1.0, idle_factor=3.0)


VALUE = b"0123456789"


@pytest.fixture
def batch():
    return Batch(rows.RowBuilder(topic_id="T"))


def read(batch, partition, *offsets, now_s=0.0) -> int:
    messages = [message(offset, VALUE, partition=partition) for offset in offsets]
    return batch.take(messages, now_s).rows


@pytest.mark.parametrize(
    ("pending", "now_s", "due"),
    [
        (Pending(), 1e9, False),
        (Pending(events=1, bytes=1, since_s=100.0), 100.0, True),
        (Pending(events=1, bytes=1, since_s=5.0), 5.05, False),
        (Pending(events=1, bytes=1, since_s=5.0), 5.06, True),
        (Pending(events=99, bytes=999, since_s=5.05), 5.06, True),
        (Pending(events=100, bytes=1, since_s=5.0), 5.0, True),
        (Pending(events=1, bytes=1_000, since_s=5.0), 5.0, True),
        (Pending(since_s=5.0), 5.9, False),
        (Pending(since_s=5.0), 6.0, True),
    ],
)
def test_a_row_is_stored_at_once_unless_a_commit_ended_just_now(pending, now_s, due):
    after_20_ms = CommitTiming(ended_s=5.0, took_s=0.02)

    assert POLICY.should_flush(pending, after_20_ms, now_s) is due


def test_no_row_waits_for_company_longer_than_its_bound_however_slow_the_commits():
    slow = CommitTiming(ended_s=5.0, took_s=10.0)
    row = Pending(events=1, bytes=1, since_s=6.0)

    assert POLICY.wait_left_s(row, slow, 6.0) == pytest.approx(0.25)
    assert POLICY.should_flush(row, slow, 6.25)


@pytest.mark.parametrize("per_s", [5, 20, 200, 2_000])
@pytest.mark.parametrize("took_s", [0.005, 0.015, 0.06])
def test_a_steady_trickle_leaves_commits_a_quarter_of_the_time_at_most(per_s, took_s):
    now_s, busy_s, longest_s, pace, pending = 0.0, 0.0, 0.0, CommitTiming(), Pending()
    while now_s < 10:
        now_s += 1 / per_s
        pending = Pending(1, 1, now_s) if not pending.events else pending
        left_s = POLICY.wait_left_s(pending, pace, now_s)
        if left_s < 1 / per_s:
            begin_s = now_s + left_s
            longest_s = max(longest_s, begin_s - pending.since_s)
            pace, pending = CommitTiming(begin_s + took_s, took_s), Pending()
            busy_s, now_s = busy_s + took_s, max(now_s, pace.ended_s)

    assert busy_s / now_s <= 0.26
    assert longest_s <= min(POLICY.wait_s, 3 * took_s) + 1e-9


def batch_of(load_per_s, commit_s, commits=40) -> list[int]:
    """Rows of each batch when a load meets commits of that cost, a fixed part and one per row."""
    policy = FlushPolicy(max_events=100_000, max_bytes=10**9, wait_s=0.5)
    found, now_s, since_s, pace = [], 0.0, 0.0, CommitTiming()
    for _ in range(commits):
        left_s = policy.wait_left_s(Pending(1, 1, since_s), pace, now_s)
        full_s = since_s + policy.max_events / load_per_s
        begin_s = max(now_s, min(now_s + left_s, full_s))
        rows_of = min(policy.max_events, 1 + int((begin_s - since_s) * load_per_s))
        took_s = commit_s(rows_of)
        found.append(rows_of)
        now_s = since_s = begin_s + took_s
        since_s = begin_s  # read on meanwhile
        pace = CommitTiming(now_s, took_s)
    return found


def test_under_load_batches_grow_with_what_comes_meanwhile_up_to_their_bound():
    def commit_s(count):
        return 0.02 + count * 0.3e-6

    light, heavy = batch_of(10_000, commit_s), batch_of(1_000_000, commit_s)

    assert light[0] == 1
    assert 700 <= light[-1] <= 900
    assert heavy[-1] == 100_000


def test_a_message_below_the_position_is_not_taken_again(batch):
    batch.assign(0, 10)

    assert read(batch, 0, 9, 10, 10, 12, 11) == 2
    assert read(batch, 0, 12, 13) == 1
    assert read(batch, 1, 20) == 0
    assert batch.rows()["offset"].to_pylist() == [10, 12, 13]


def test_a_span_starts_at_the_stores_position_whatever_the_first_offset(batch):
    batch.assign(0, 10)
    batch.assign(1, None)
    batch.assign(2, 5)
    read(batch, 0, 14, 15)
    read(batch, 1, 50)

    assert batch.spans() == {0: Span(10, 16), 1: Span(None, 51)}


def test_the_end_of_a_partition_moves_its_position_past_markers(batch):
    batch.assign(0, 10)
    batch.reach(0, 13, now_s=2.0)

    assert batch.spans() == {0: Span(10, 13)}
    assert batch.pending == Pending(since_s=2.0)


def test_the_end_of_a_partition_never_moves_a_position_back(batch):
    batch.assign(0, 10)
    read(batch, 0, 12)
    batch.reach(0, 11, now_s=0.0)

    assert batch.spans() == {0: Span(10, 13)}


def test_the_end_of_an_empty_partition_is_nothing_to_store(batch):
    batch.assign(0, None)
    batch.reach(0, 0, now_s=0.0)
    batch.reach(7, 5, now_s=0.0)

    assert batch.spans() == {}
    assert batch.pending == Pending()


def test_rows_wait_from_the_first_of_them(batch):
    batch.assign(0, 0)
    batch.reach(0, 3, now_s=1.0)
    read(batch, 0, 3, now_s=2.0)
    read(batch, 0, 4, now_s=3.0)

    assert batch.pending == Pending(events=2, bytes=20, since_s=2.0)


def test_what_is_handed_over_waits_no_more_and_the_next_span_starts_there(batch):
    batch.assign(0, None)
    read(batch, 0, 3)
    flush = batch.flush()

    assert flush.rows["offset"].to_pylist() == [3]
    assert flush.spans == {0: Span(None, 4)}
    assert batch.pending == Pending()
    assert batch.rows().num_rows == 0
    assert batch.spans() == {}
    read(batch, 0, 4)
    assert batch.spans() == {0: Span(4, 5)}


def test_a_partition_that_is_not_ours_any_more_leaves_no_rows_and_no_span(batch):
    batch.assign(0, 0)
    batch.assign(1, 0)
    read(batch, 0, 1, 2, now_s=1.0)
    read(batch, 1, 5, now_s=2.0)
    batch.move([0], State.REVOKED)

    assert batch.spans() == {1: Span(0, 6)}
    assert batch.rows()["offset"].to_pylist() == [5]
    assert batch.pending.events == 1
    assert batch.pending.since_s == 1.0


def test_when_the_last_partition_is_gone_nothing_waits(batch):
    batch.assign(0, 0)
    batch.reach(0, 9, now_s=1.0)
    batch.move([0], State.REVOKED)

    assert batch.pending == Pending()


def test_what_was_not_stored_waits_again_with_what_came_since(batch):
    batch.assign(0, 5)
    batch.assign(1, 0)
    read(batch, 0, 5, 6, now_s=1.0)
    batch.reach(1, 3, now_s=1.5)
    flush = batch.flush()
    read(batch, 0, 7, now_s=2.0)
    batch.restore(flush)

    assert batch.spans() == {0: Span(5, 8), 1: Span(0, 3)}
    assert batch.rows()["offset"].to_pylist() == [5, 6, 7]
    assert batch.pending == Pending(events=3, bytes=30, since_s=1.0)
    again = batch.flush()
    assert (again.rows.num_rows, again.spans) == (3, {0: Span(5, 8), 1: Span(0, 3)})


def test_what_was_not_stored_of_a_partition_that_is_not_ours_any_more_is_forgotten(batch):
    batch.assign(0, 0)
    batch.assign(1, 0)
    read(batch, 0, 0, now_s=1.0)
    read(batch, 1, 0, 1, now_s=1.0)
    flush = batch.flush()
    batch.move([1], State.REVOKED)
    batch.restore(flush)

    assert batch.spans() == {0: Span(0, 1)}
    assert batch.rows()["partition"].to_pylist() == [0]
    batch.move([0], State.REVOKED)
    batch.restore(flush)
    assert batch.spans() == {}
    assert batch.rows().num_rows == 0


def allowed() -> list[str]:
    """The table of moves, as lines."""
    return [f"{of.name} > {' '.join(sorted(to.name for to in MOVES[of]))}" for of in State]


def test_the_states_of_a_partition_follow_on_each_other_by_one_table():
    assert allowed() == [
        "OWNED > OUT_OF_RANGE REVOKED REWINDING UNPACKABLE",
        "OUT_OF_RANGE > OWNED REVOKED REWINDING",
        "UNPACKABLE > OWNED REVOKED REWINDING",
        "REWINDING > REVOKED",
        "REVOKED > REWINDING",
    ]


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("new", list(State))
def test_a_change_that_the_table_does_not_name_is_ignored(batch, state, new):
    batch.assign(0, 5)
    batch.partitions[0].state = state
    batch.move([0, 7], new)

    assert batch.partitions[0].state is (new if new in MOVES[state] else state)
    assert (0 in batch.progress) == (
        batch.partitions[0].state.name in "OWNED OUT_OF_RANGE UNPACKABLE"
    )


def test_a_revoked_partition_is_forgotten_with_the_next_call(batch):
    batch.assign(0, 0)
    batch.assign(1, 0)
    batch.move([0], State.REVOKED)
    batch.forget_revoked()

    assert list(batch.partitions) == [1]
