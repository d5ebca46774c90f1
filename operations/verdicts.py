"""What became of a record: stored, a duplicate, superseded by another statement, or dead."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from consumer.ids import decisions
from consumer.store import places
from consumer.table.schema import DELETED

Row = Mapping[str, Any]
Name = Literal["stored", "duplicate", "superseded", "deleted", "quarantined", "dead"]
_CONTENT = ("digest", "version", "time", "status", "venue_id", "starts_at")
"""What two records of one statement have in common."""


class Verdict(NamedTuple):
    """What became of a record.

    Attributes:
        name: `stored`: its statement counts, or is a tombstone. `duplicate`: the same statement
            came before. `superseded`: another statement of the gig is greater. `deleted`: a
            tombstone deleted its bill. `quarantined`: its source does not count. `dead`: it broke
            the contract.
        by: the place of the record that decided it; None: none did.
    """

    name: Name
    by: str | None = None


def verdicts(store: Path, rows: Iterable[Row]) -> list[Verdict]:
    """The verdict of each row, by all that is stored of its bill.

    Args:
        store: its folder.
        rows: of `consumer.store.places`.

    Raises:
        ConsumerError: the store cannot be read.
    """
    rows = list(rows)
    events = [row for row in rows if row["kind"] == "event"]
    bills: dict[tuple[str, str], list[Row]] = defaultdict(list)
    if events:
        for row in places.of_bills(store, [row["event_id"] for row in events]):
            bills[row["source"], row["event_id"]].append(row)
    quarantined = decisions.read(store).quarantines if events else {}
    return [_verdict(row, bills, quarantined) for row in rows]


def place(row: Row) -> str:
    """Where a record was: topic id, partition and offset."""
    return f"{row['topic_id']}/{row['partition']}/{row['offset']}"


def _verdict(
    row: Row, bills: Mapping[tuple[str, str], list[Row]], quarantined: Mapping[str, int]
) -> Verdict:
    if row["kind"] == "dead":
        return Verdict("dead")
    since_us = quarantined.get(row["source"])
    if since_us is not None and _us(row["recorded_at"]) >= since_us:
        return Verdict("quarantined")
    return of_bill(row, bills[row["source"], row["event_id"]])


def of_bill(row: Row, bill: Iterable[Row]) -> Verdict:
    """The verdict of a statement by all statements of its bill; pure.

    Args:
        row: one of them.
        bill: all of them, itself included.
    """
    if row["status"] == DELETED:
        return Verdict("stored")
    # A tombstone outlasts every statement of its bill, whatever their order.
    tombstone = next((each for each in bill if each["status"] == DELETED), None)
    if tombstone is not None:
        return Verdict("deleted", place(tombstone))
    gig = [each for each in bill if each["artist_id"] == row["artist_id"]]
    # Before the order is asked: the later of two equal records wins it, and changes nothing.
    earlier = [each for each in gig if _same(each, row) and _came(each) < _came(row)]
    if earlier:
        return Verdict("duplicate", place(min(earlier, key=_came)))
    others = [each for each in gig if not _same(each, row)]
    greatest = max(others, key=places.order, default=None)
    if greatest is not None and places.order(greatest) > places.order(row):
        return Verdict("superseded", place(greatest))
    return Verdict("stored")


def _same(one: Row, other: Row) -> bool:
    return all(one[name] == other[name] for name in _CONTENT)


def _came(row: Row) -> tuple[Any, ...]:
    return row["recorded_at"], row["topic_id"], row["partition"], row["offset"]


def _us(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000_000)
