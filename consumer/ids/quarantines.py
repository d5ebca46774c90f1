"""Quarantines: sources whose statements do not count for now.

A decision is a row of the store (kind ``quarantine``), in a commit that moves no Kafka position:

    recorded_at  when it was made
    source       the source, as its statements name it
    status       ``quarantined`` or ``released``
    time         of a quarantine: statements recorded from then on do not count; null: none does

Statements stay stored, and come in, as before: settling leaves them out. Of the decisions about one
source the latest applies, whatever the order in which the rows are read: see `resolve`.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consumer.table import schema

KIND = "quarantine"
COLUMNS = ("recorded_at", "source", "status", "time")
"""The columns that a decision's row uses."""
QUARANTINED, RELEASED = "quarantined", "released"

ALL = -(1 << 63)
"""`since_us` of a quarantine of all statements."""

Quarantines = Mapping[str, int]
"""By quarantined source: its statements recorded from then on do not count, epoch us."""


class Quarantine(NamedTuple):
    """One decision about one source; sorted, decisions are in the order in which they apply."""

    recorded_us: int
    source: str
    status: str
    since_us: int


def table(decision: Quarantine) -> pa.Table:
    """The row of a decision."""
    row = {
        "kind": KIND,
        "recorded_at": decision.recorded_us,
        "source": decision.source,
        "status": decision.status,
        "time": None if decision.since_us == ALL else decision.since_us,
    }
    return schema.table([row])


def read(rows: pa.Table) -> list[Quarantine]:
    """The decisions of stored rows, `COLUMNS` of them."""
    recorded, since = (rows[name].cast(pa.int64()) for name in ("recorded_at", "time"))
    columns = recorded, rows["source"], rows["status"], pc.fill_null(since, ALL)
    return [Quarantine(*row) for row in zip(*(each.to_pylist() for each in columns), strict=True)]


def resolve(decisions: Iterable[Quarantine]) -> Quarantines:
    """Which sources are quarantined, by the latest decision about each."""
    # Sorted, so that readers that saw the rows in other orders come to the same result.
    latest = {each.source: each for each in sorted(decisions)}
    held = (each for each in latest.values() if each.status == QUARANTINED)
    return {each.source: each.since_us for each in held}


def counting(events: pa.Table, quarantines: Quarantines) -> pa.Table:
    """The events whose statements count.

    Args:
        events: rows with the columns `source` (text or codes) and `recorded_at`.
        quarantines: of `resolve`.
    """
    for source, since_us in quarantines.items():
        theirs = pc.is_in(events["source"], pa.array([source], pa.string()))
        if since_us != ALL and pc.any(theirs).as_py():
            since = pc.greater_equal(events["recorded_at"].cast(pa.int64()), since_us)
            theirs = pc.and_(theirs, since)
        # Most tables hold no such row: they are not copied.
        if pc.any(theirs).as_py():
            events = events.filter(pc.invert(theirs))
    return events
