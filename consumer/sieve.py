"""Takes out of rows what is of erased ids, or speaks of them."""

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consumer import mentions, merges
from consumer.erasures import Erasures, masked
from consumer.mentions import Hashed, Test
from consumer.merges import Side
from consumer.rows import raw_headers

Gone = Callable[[Side, str], bool]

LOOKED_AT = {
    "event": ("artist_id", "venue_id", "extra"),
    "dead": ("raw", "raw_key", "raw_headers"),
    merges.KIND: merges.COLUMNS,
}
"""By kind, the columns that tell whether anything is to be taken out."""


class Sifted(NamedTuple):
    """What a sieve leaves: the rows, how many fell out, how many lost a part of ``extra``."""

    rows: pa.Table
    dropped: int = 0
    scrubbed: int = 0


class Sieve:
    """Rows of one kind in, those that may stay out.

    Args:
        gone: whether an id of an artist or of a venue is erased.
        test: whether a text speaks of one.
    """

    def __init__(self, gone: Gone, test: Test) -> None:
        self._gone = gone
        self._test = test
        self._kinds = {"event": self._events, "dead": self._dead, merges.KIND: self._merges}

    def sift(self, kind: str, rows: pa.Table) -> Sifted:
        """Take out rows of erased ids, and what others say of them; other kinds hold no ids.

        Args:
            kind: of all the rows.
            rows: with all columns of the store, or with those of `LOOKED_AT` for the kind.
        """
        if kind not in self._kinds or not rows.num_rows:
            return Sifted(rows)
        kept, scrubbed = self._kinds[kind](rows)
        return Sifted(kept, rows.num_rows - kept.num_rows, scrubbed)

    def _events(self, rows: pa.Table) -> tuple[pa.Table, int]:
        for side in ("artist", "venue"):
            rows = rows.filter(pc.invert(self._of(side, rows[f"{side}_id"])))
        return self._scrubbed(rows)

    def _dead(self, rows: pa.Table) -> tuple[pa.Table, int]:
        # What the reason says it has from the record.
        kept = [not self._speaks(row) for row in rows.select(LOOKED_AT["dead"]).to_pylist()]
        return rows.filter(pa.array(kept, pa.bool_())), 0

    def _merges(self, rows: pa.Table) -> tuple[pa.Table, int]:
        kept = [
            not (self._gone(merge.side, merge.gone) or self._gone(merge.side, merge.kept))
            for merge in merges.read(rows)
        ]
        return rows.filter(pa.array(kept, pa.bool_())), 0

    def _of(self, side: Side, ids: pa.ChunkedArray) -> pa.Array:
        return masked(ids, lambda identity: self._gone(side, identity))

    def _scrubbed(self, rows: pa.Table) -> tuple[pa.Table, int]:
        if rows["extra"].null_count == rows.num_rows:
            return rows, 0
        at, texts = rows.schema.get_field_index("extra"), rows["extra"].to_pylist()
        kept = [text and mentions.without(text, self._test) for text in texts]
        changed = sum(text != left for text, left in zip(texts, kept, strict=True))
        if not changed:
            return rows, 0
        return rows.set_column(at, rows.schema.field(at), pa.array(kept, pa.string())), changed

    def _speaks(self, row: dict[str, object]) -> bool:
        values, headers = [row["raw"], row["raw_key"]], row["raw_headers"]
        for name, value in raw_headers(headers if isinstance(headers, str) else None):
            values += [name.encode(), value]
        return any(mentions.in_bytes(v, self._test) for v in values if isinstance(v, bytes))


def of(erasures: Erasures) -> Sieve:
    """What every append goes through."""
    return Sieve(erasures.gone, Hashed(erasures.either))


def sifted(table: pa.Table, erasures: Erasures) -> pa.Table:
    """Rows of all kinds without what is of erased ids; the same table where nothing is."""
    if not erasures:
        return table
    sieve = of(erasures)
    kinds = pc.unique(table["kind"]).to_pylist()
    groups = [(kind, table.filter(pc.equal(table["kind"], kind))) for kind in kinds]
    left = [sieve.sift(kind, rows).rows for kind, rows in groups]
    return pa.concat_tables([table.schema.empty_table(), *left])
