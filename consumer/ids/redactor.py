"""Removes from rows what belongs to erased ids or mentions them."""

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consumer.ids import mentions, merges, visibility
from consumer.ids.erasures import Erasures, masked
from consumer.ids.mentions import HashedIdMatcher, Matcher
from consumer.table.schema import Side, raw_headers

Gone = Callable[[Side, str], bool]

READ_BY_KIND = {
    "event": ("artist_id", "venue_id", "extra"),
    "dead": ("raw", "raw_key", "raw_headers"),
    merges.KIND: merges.COLUMNS,
    visibility.KIND: visibility.COLUMNS,
}
"""By kind, the columns that decide whether anything is to be removed."""


class Redacted(NamedTuple):
    """The rows left, how many were dropped, how many lost a part of ``extra``."""

    rows: pa.Table
    dropped: int = 0
    scrubbed: int = 0


class Redactor:
    """Removes rows of erased ids, and mentions of them in other rows.

    Args:
        gone: whether an id of an artist or of a venue is erased.
        matcher: whether a text mentions one.
    """

    def __init__(self, gone: Gone, matcher: Matcher) -> None:
        self._gone = gone
        self._matcher = matcher
        self._kinds = {
            "event": self._events,
            "dead": self._dead,
            merges.KIND: self._merges,
            visibility.KIND: self._visibility,
        }

    def redact(self, kind: str, rows: pa.Table) -> Redacted:
        """Remove rows of erased ids, and mentions in others; other kinds hold no ids.

        Args:
            kind: of all the rows.
            rows: with all columns of the store, or with those of `READ_BY_KIND` for the kind.
        """
        if kind not in self._kinds or not rows.num_rows:
            return Redacted(rows)
        kept, scrubbed = self._kinds[kind](rows)
        return Redacted(kept, rows.num_rows - kept.num_rows, scrubbed)

    def _events(self, rows: pa.Table) -> tuple[pa.Table, int]:
        # Whole rows of erased ids first; what is left can only mention them in `extra`.
        for side in ("artist", "venue"):
            rows = rows.filter(pc.invert(self._mask(side, rows[f"{side}_id"])))
        return self._scrubbed(rows)

    def _dead(self, rows: pa.Table) -> tuple[pa.Table, int]:
        # Column `reason` only quotes the record, so it need not be searched.
        kept = [not self._mentions(row) for row in rows.select(READ_BY_KIND["dead"]).to_pylist()]
        return rows.filter(pa.array(kept, pa.bool_())), 0

    def _merges(self, rows: pa.Table) -> tuple[pa.Table, int]:
        kept = [
            not (self._gone(merge.side, merge.gone) or self._gone(merge.side, merge.kept))
            for merge in merges.read(rows)
        ]
        return rows.filter(pa.array(kept, pa.bool_())), 0

    def _visibility(self, rows: pa.Table) -> tuple[pa.Table, int]:
        kept = [not self._gone(each.side, each.identity) for each in visibility.read(rows)]
        return rows.filter(pa.array(kept, pa.bool_())), 0

    def _mask(self, side: Side, ids: pa.ChunkedArray) -> pa.Array:
        return masked(ids, lambda identity: self._gone(side, identity))

    def _scrubbed(self, rows: pa.Table) -> tuple[pa.Table, int]:
        # The common case, and the cheap one: nothing to parse.
        if rows["extra"].null_count == rows.num_rows:
            return rows, 0
        at, texts = rows.schema.get_field_index("extra"), rows["extra"].to_pylist()
        kept = [text and mentions.without(text, self._matcher) for text in texts]
        changed = sum(text != left for text, left in zip(texts, kept, strict=True))
        if not changed:
            return rows, 0
        return rows.set_column(at, rows.schema.field(at), pa.array(kept, pa.string())), changed

    def _mentions(self, row: dict[str, object]) -> bool:
        values, headers = [row["raw"], row["raw_key"]], row["raw_headers"]
        for name, value in raw_headers(headers if isinstance(headers, str) else None):
            # A header's name is the sender's choice too.
            values += [name.encode(), value]
        return any(mentions.in_bytes(v, self._matcher) for v in values if isinstance(v, bytes))


def redacted(table: pa.Table, erasures: Erasures) -> pa.Table:
    """Rows of all kinds without erased ids and mentions of them; every append calls this."""
    if not erasures:
        return table
    redactor = Redactor(erasures.gone, HashedIdMatcher(erasures.either))
    # By kind, since each kind keeps ids in other columns. The order of rows means nothing.
    kinds = pc.unique(table["kind"]).to_pylist()
    groups = [(kind, table.filter(pc.equal(table["kind"], kind))) for kind in kinds]
    left = [redactor.redact(kind, rows).rows for kind, rows in groups]
    return pa.concat_tables([table.schema.empty_table(), *left])
