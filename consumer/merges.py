"""Merges: two ids that turned out to be one artist, or one venue.

A merge is a row of the store (kind ``merge``), in a commit that moves no Kafka position:

    recorded_at  when it was asked for
    field        ``artist`` or ``venue``
    event_id     the id that goes
    artist_id or venue_id, by ``field``: the id that stays

Every statement of the id that goes, stored or to come, counts as one of the id that stays.
Whatever order the rows are read in, they come to the same: see `resolve`.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import pyarrow as pa

from consumer.rows import SCHEMA

KIND = "merge"

Side = Literal["artist", "venue"]
COLUMNS = ("recorded_at", "field", "event_id", "artist_id", "venue_id")
"""The columns of a merge's row that say something."""


class Merge(NamedTuple):
    """From `recorded_us` on (microseconds since 1970), and for all history, `gone` is `kept`.

    The order of the fields is the order in which merges are applied.
    """

    recorded_us: int
    gone: str
    kept: str
    side: Side


def table(merge: Merge) -> pa.Table:
    """The row of a merge."""
    said = {
        "kind": KIND,
        "recorded_at": merge.recorded_us,
        "field": merge.side,
        "event_id": merge.gone,
        f"{merge.side}_id": merge.kept,
    }
    arrays = [pa.array([said.get(name)], kind) for name, kind in _columns()]
    return pa.table(arrays, schema=SCHEMA)


def read(rows: pa.Table) -> list[Merge]:
    """The merges of stored rows, `COLUMNS` of them."""
    recorded = rows["recorded_at"].cast(pa.int64()).to_pylist()
    sides, gone = rows["field"].to_pylist(), rows["event_id"].to_pylist()
    kept = {"artist": rows["artist_id"].to_pylist(), "venue": rows["venue_id"].to_pylist()}
    return [Merge(recorded[at], gone[at], kept[side][at], side) for at, side in enumerate(sides)]


def resolve(merges: Iterable[Merge], side: Side) -> dict[str, str]:
    """Which id each merged one counts as, chains followed to their end.

    Merges apply in the order of (recorded_at, gone, kept): a later one of the same id replaces
    the earlier, and one that would close a circle at its turn does nothing. So the result is a
    function of the set of merges.
    """
    into = links(merges, side)
    return {gone: _end(into, gone) for gone in into}


def links(merges: Iterable[Merge], side: Side) -> dict[str, str]:
    """Which id each merged one goes into at once, as `resolve` says."""
    into: dict[str, str] = {}
    for merge in sorted(set(merges)):
        if merge.side == side and not leads_to(into, merge.kept, merge.gone):
            into[merge.gone] = merge.kept
    return into


def leads_to(into: Mapping[str, str], identity: str, wanted: str) -> bool:
    """Whether an id is another one, or was merged into it, directly or by a chain."""
    while identity != wanted and identity in into:
        identity = into[identity]
    return identity == wanted


def _end(into: Mapping[str, str], identity: str) -> str:
    while identity in into:
        identity = into[identity]
    return identity


def _columns() -> list[tuple[str, pa.DataType]]:
    return list(zip(SCHEMA.names, SCHEMA.types, strict=True))
