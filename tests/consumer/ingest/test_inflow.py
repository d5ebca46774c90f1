"""The line a minute of what was stored, and the first dead letter of each kind."""

import pyarrow as pa
import pytest

from consumer.ingest.inflow import EVERY_S, Inflow
from consumer.table.schema import SCHEMA


class Clock:
    """A monotonic clock that a test sets."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def inflow(clock, caplog):
    caplog.set_level("INFO")
    return Inflow(clock)


def events(count):
    return pa.Table.from_pylist([{"kind": "event", "source": "a"}] * count, schema=SCHEMA)


def dead(field, source="ill"):
    raw = f'{{"source": "{source}"}}'.encode()
    row = {"kind": "dead", "raw": raw, "field": field, "reason": f"'{field}' is missing"}
    return pa.Table.from_pylist([row], schema=SCHEMA)


def test_a_minute_of_commits_is_one_line(inflow, clock, caplog):
    for _ in range(3):
        inflow.stored(events(10))
        inflow.look()
    inflow.stored(dead("time"))
    clock.now_s = EVERY_S
    caplog.clear()
    inflow.look()
    inflow.look()

    assert caplog.messages == ["Stored 30 events and 1 dead letters in 4 commits within 60 s"]


def test_a_minute_in_which_nothing_came_is_silent(inflow, clock, caplog):
    clock.now_s = 10 * EVERY_S
    inflow.look()

    assert caplog.messages == []


def test_a_minute_begins_with_its_first_commit(inflow, clock, caplog):
    clock.now_s = 1000.0
    inflow.stored(events(1))
    inflow.look()
    assert caplog.messages == []

    clock.now_s += EVERY_S
    inflow.look()
    assert len(caplog.messages) == 1


def test_each_new_kind_of_dead_letter_is_logged_once(inflow, caplog):
    for letter in (dead("time"), dead("time"), dead("venue_id"), dead("time", "other")):
        inflow.stored(letter)

    assert caplog.messages == [
        "A new kind of dead letter: source 'ill', field 'time': 'time' is missing",
        "A new kind of dead letter: source 'ill', field 'venue_id': 'venue_id' is missing",
        "A new kind of dead letter: source 'other', field 'time': 'time' is missing",
    ]
