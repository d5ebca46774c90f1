"""Handmade event rows, and the settling rule in plain Python."""

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from consumer.ids.merges import Merge

TIME = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    {
        "topic_id": pa.string(),
        "partition": pa.int32(),
        "offset": pa.int64(),
        "recorded_at": TIME,
        "digest": pa.int64(),
        "source": pa.string(),
        "event_id": pa.string(),
        "artist_id": pa.string(),
        "venue_id": pa.string(),
        "time": TIME,
        "status": pa.string(),
        "version": pa.int64(),
        "starts_at": TIME,
        "artist_name": pa.string(),
        "venue_name": pa.string(),
    }
)


class Statement(NamedTuple):
    """One stored row; times in milliseconds."""

    event_id: str
    artist_id: str | None = "a"
    venue_id: str | None = "v"
    time: int | None = 0
    status: str = "confirmed"
    version: int | None = None
    starts_at: int | None = None
    source: str = "default"
    recorded_at: int = 0
    topic_id: str = "t"
    partition: int = 0
    offset: int = 0
    digest: int = 0
    artist_name: str | None = None
    venue_name: str | None = None


def tombstone(event_id: str, source: str = "default") -> Statement:
    """The statement that deletes a whole bill."""
    return Statement(event_id, None, None, None, "deleted", source=source)


def table(statements: Iterable[Statement]) -> pa.Table:
    """The rows as the store returns them."""
    rows = [statement._asdict() for statement in statements]
    for row in rows:
        for field in ("time", "starts_at", "recorded_at"):
            row[field] = None if row[field] is None else row[field] * 1000
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def settled(
    statements: Iterable[Statement], merges: Iterable[Merge] = ()
) -> list[tuple[str, str, int]]:
    """The oracle: sorted (artist id, venue id, milliseconds) of every play."""
    return sorted(
        (s.artist_id, s.venue_id, s.time if s.starts_at is None else s.starts_at)
        for s in counting(statements, merges)
    )


def as_of(statements: Iterable[Statement], merges: Iterable[Merge] = ()) -> int | None:
    """The oracle of the data's clock, where no statement is ahead of the machine's."""
    return max((s.time for s in counting(statements, merges)), default=None)


def counting(statements: Iterable[Statement], merges: Iterable[Merge] = ()) -> list[Statement]:
    """The statements that are plays."""
    artists, venues = kept(merges, "artist"), kept(merges, "venue")
    statements = [
        s._replace(
            artist_id=artists.get(s.artist_id, s.artist_id),
            venue_id=venues.get(s.venue_id, s.venue_id),
        )
        for s in statements
    ]
    deleted = {(s.source, s.event_id) for s in statements if s.status == "deleted"}
    greatest: dict[tuple[str, str, str], Statement] = {}
    for s in statements:
        if s.status == "deleted":
            continue
        gig = (s.source, s.event_id, s.artist_id)
        if gig not in greatest or order(s) > order(greatest[gig]):
            greatest[gig] = s
    return [
        s
        for s in greatest.values()
        if s.status != "cancelled" and (s.source, s.event_id) not in deleted
    ]


def kept(merges: Iterable[Merge], side: str) -> dict[str, str]:
    """The id that each merged id counts as: in order; one into itself ends the last."""
    leads = {}
    for merge in sorted(merges):
        if merge.side != side:
            continue
        if merge.gone == merge.kept:
            leads.pop(merge.gone, None)
            continue
        trail = [merge.kept]
        while trail[-1] in leads:
            trail.append(leads[trail[-1]])
        if merge.gone not in trail:
            leads[merge.gone] = merge.kept
    ends = {}
    for gone in leads:
        end = gone
        while end in leads:
            end = leads[end]
        ends[gone] = end
    return ends


def order(s: Statement) -> tuple:
    """The total order of docs/contract/events.md."""
    version = -1 if s.version is None else s.version
    return version, s.time, s.recorded_at, s.topic_id, s.partition, s.offset, s.digest
