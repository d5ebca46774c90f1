"""Merges: two ids that turned out to be one artist, or one venue.

A merge is a row of the store (kind ``merge``), in a commit that moves no Kafka position:

    recorded_at  when it was requested
    field        ``artist`` or ``venue``
    event_id     the id that goes
    artist_id or venue_id, by ``field``: the id that stays

Every statement of the id that goes, stored or to come, counts as one of the id that stays. A row
with the same id in both places ends the merge of that id. The result does not depend on the order
in which rows are read: see `resolve`.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pyarrow as pa

from consumer.table import schema
from consumer.table.schema import Side

KIND = "merge"

COLUMNS = ("recorded_at", "field", "event_id", "artist_id", "venue_id")
"""The columns that a merge's row uses."""


class Merge(NamedTuple):
    """From `recorded_us` on (microseconds since 1970), and for all history, `gone` is `kept`.

    The order of the fields is the order in which merges are applied.
    """

    recorded_us: int
    gone: str
    kept: str
    side: Side

    @property
    def ends(self) -> bool:
        """Whether this ends the merge of `gone`, which then counts as itself again."""
        return self.gone == self.kept


def table(merge: Merge) -> pa.Table:
    """The row of a merge."""
    row = {
        "kind": KIND,
        "recorded_at": merge.recorded_us,
        "field": merge.side,
        "event_id": merge.gone,
        f"{merge.side}_id": merge.kept,
    }
    return schema.table([row])


def read(rows: pa.Table) -> list[Merge]:
    """The merges of stored rows, `COLUMNS` of them."""
    recorded = rows["recorded_at"].cast(pa.int64()).to_pylist()
    sides, gone = rows["field"].to_pylist(), rows["event_id"].to_pylist()
    # The id that stays is in the id column of its side; the other column is null.
    kept = {"artist": rows["artist_id"].to_pylist(), "venue": rows["venue_id"].to_pylist()}
    return [Merge(recorded[at], gone[at], kept[side][at], side) for at, side in enumerate(sides)]


def resolve(merges: Iterable[Merge], side: Side) -> dict[str, str]:
    """Which id each merged id counts as, chains followed to their end.

    Merges apply in the order of (recorded_at, gone, kept): a later one of the same id replaces
    the earlier, one into itself ends it, and one that would close a cycle when it applies does
    nothing. So the result is a function of the set of merges.

    Args:
        merges: in any order.
        side: only merges of this one count.
    """
    into = links(merges, side)
    return {gone: _end(into, gone) for gone in into}


def links(merges: Iterable[Merge], side: Side) -> dict[str, str]:
    """Which id each merged id is merged into directly; see `resolve`."""
    into: dict[str, str] = {}
    # Sorted, so that readers that saw the rows in other orders come to the same result; a set, as
    # a rebuild or a carried decision may repeat a row.
    for merge in sorted(set(merges)):
        if merge.side != side:
            continue
        if merge.ends:
            into.pop(merge.gone, None)
        # If `kept` already leads to `gone`, this merge would close a cycle: it is ignored.
        elif not leads_to(into, merge.kept, merge.gone):
            into[merge.gone] = merge.kept
    return into


def leads_to(into: Mapping[str, str], identity: str, wanted: str) -> bool:
    """Whether `identity` is `wanted`, or was merged into it, directly or by a chain.

    Args:
        into: of `links`.
        identity: the id to follow.
        wanted: the id to reach.
    """
    while identity != wanted and identity in into:
        identity = into[identity]
    return identity == wanted


def _end(into: Mapping[str, str], identity: str) -> str:
    # It ends: `links` lets no merge close a cycle.
    while identity in into:
        identity = into[identity]
    return identity
