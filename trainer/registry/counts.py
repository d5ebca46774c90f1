"""What the trainer counts of what it has settled: the file `counts.json` in `models/`.

It is for `status`, which would otherwise settle the whole store to count plays. It holds no ids,
so that an erasure leaves it as it is, and nothing depends on it: without it, `status` counts less.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.table import durable
from consumer.table.extent import Extent

if TYPE_CHECKING:  # who only reads the file needs no numpy
    from trainer.plays.interactions import Interactions

FILE = "counts.json"
_NOT_SETTLED = ("dead",)


@dataclass(frozen=True)
class Counts:
    """Counts of one state of the store.

    Attributes:
        table: id of the table.
        rows: that were settled, by kind; `event` has all statements.
        version: of the store, as they were counted.
        as_of_ms: the data's clock, epoch ms; None without plays.
        ahead: gigs that count whose statements are over a day ahead of the machine's clock.
        unmatched: bills that a tombstone deletes and of which no gig was stated.
        hidden: how many ids are hidden, by side.
    """

    table: str
    rows: Mapping[str, int]
    version: int
    plays: int
    artists: int
    venues: int
    pairs: int
    cancelled: int
    as_of_ms: int | None
    ahead: int
    unmatched: int
    hidden: Mapping[str, int]

    def are_of(self, extent: Extent) -> bool:
        """Whether the store still holds what was counted, and nothing else."""
        return (self.table, self.rows) == (extent.table, settled_rows(extent))

    def missing(self, extent: Extent) -> int | None:
        """Statements that are not counted yet; None: the counts are of another store."""
        if self.table != extent.table:
            return None
        return extent.rows.get("event", 0) - self.rows.get("event", 0)


def settled_rows(extent: Extent) -> dict[str, int]:
    """How many rows there are of each kind that settling reads."""
    return {kind: rows for kind, rows in extent.rows.items() if kind not in _NOT_SETTLED}


def count(interactions: "Interactions", extent: Extent, version: int, now_ms: int) -> Counts:
    """Count what is settled.

    Args:
        interactions: what is settled.
        extent: of the store that it was read from.
        version: of that store.
        now_ms: this machine's clock, epoch ms.
    """
    totals, clock = interactions.totals(), interactions.clock(now_ms)
    return Counts(
        table=extent.table,
        rows=settled_rows(extent),
        version=version,
        plays=totals.plays,
        artists=totals.artists,
        venues=totals.venues,
        pairs=totals.pairs,
        cancelled=totals.cancelled,
        as_of_ms=clock.as_of_ms,
        ahead=clock.ahead,
        unmatched=interactions.unmatched,
        hidden={side: len(ids) for side, ids in interactions.hidden.items()},
    )


def save(models: Path, counts: Counts) -> None:
    """Replace the file.

    Raises:
        OSError: the disk is full, or the folder is not ours to write.
    """
    durable.write(models / FILE, json.dumps(asdict(counts)).encode())


def load(models: Path) -> Counts | None:
    """What was counted last; None where there is nothing that can be read."""
    try:
        return Counts(**json.loads((models / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
