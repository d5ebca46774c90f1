"""Visibility: ids that no list may recommend for now.

A decision is a row of the store (kind ``visibility``), in a commit that moves no Kafka position:

    recorded_at  when it was made
    field        ``artist`` or ``venue``
    event_id     the id
    status       ``hidden`` or ``shown``

Plays of a hidden id count as before, and it keeps its own lists: ranking leaves it out of the lists
of others. Of the decisions about one id the latest applies, whatever the order in which the rows
are read: see `resolve`.
"""

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from consumer.table import schema
from consumer.table.schema import Side

KIND = "visibility"
COLUMNS = ("recorded_at", "field", "event_id", "status")
"""The columns that a decision's row uses."""
HIDDEN, SHOWN = "hidden", "shown"


class Visibility(NamedTuple):
    """One decision about one id; sorted, decisions are in the order in which they apply."""

    recorded_us: int
    identity: str
    status: str
    side: Side


def table(decision: Visibility) -> pa.Table:
    """The row of a decision."""
    row = {
        "kind": KIND,
        "recorded_at": decision.recorded_us,
        "field": decision.side,
        "event_id": decision.identity,
        "status": decision.status,
    }
    return schema.table([row])


def read(rows: pa.Table) -> list[Visibility]:
    """The decisions of stored rows, `COLUMNS` of them."""
    recorded = rows["recorded_at"].cast(pa.int64())
    columns = recorded, rows["event_id"], rows["status"], rows["field"]
    return [Visibility(*row) for row in zip(*(each.to_pylist() for each in columns), strict=True)]


def resolve(decisions: Iterable[Visibility], side: Side) -> frozenset[str]:
    """The hidden ids of a side, by the latest decision about each.

    Args:
        decisions: in any order.
        side: only decisions of this one count.
    """
    # Sorted, so that readers that saw the rows in other orders come to the same result.
    latest = {each.identity: each for each in sorted(decisions) if each.side == side}
    return frozenset(each.identity for each in latest.values() if each.status == HIDDEN)
