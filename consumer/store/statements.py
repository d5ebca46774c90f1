"""The statements about one id, as sources sent them, cancellations included."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from consumer.errors import StoreDamaged
from consumer.ids import decisions
from consumer.store.survey import merged_into
from consumer.table import delta_log, parquet, schema
from consumer.table.reader_marks import Mark
from consumer.table.schema import Side

COLUMNS = (
    "recorded_at",
    "source",
    "event_id",
    "artist_id",
    "venue_id",
    "time",
    "status",
    "version",
    "starts_at",
)
_ROWS_AT_ONCE = 200_000
_ATTEMPTS = 5
_NEWEST = [("recorded_at", "descending"), ("time", "descending")]


def latest(path: Path, side: Side, identity: str, most: int) -> pa.Table:
    """The statements about an id that were recorded last, newest first.

    Args:
        path: the table's folder.
        side: of the id.
        identity: the id; those that were merged into it count as it.
        most: how many at most.

    Returns:
        `COLUMNS`; no row where there is no store.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    for _ in range(_ATTEMPTS):
        try:
            # The mark keeps vacuum from the files that are read.
            with closing(Mark(path)):
                return _read(path, side, identity).sort_by(_NEWEST).slice(0, most)
        except FileNotFoundError:
            continue  # compacted while it was read
    raise StoreDamaged(path, "files that its log names are missing")


def _read(path: Path, side: Side, identity: str) -> pa.Table:
    snapshot = delta_log.replay(path)
    wanted = schema.columns(COLUMNS)
    if snapshot is None:
        return wanted.empty_table()
    ids = [identity, *merged_into(decisions.read(path), side, identity)]
    files = [file for file in snapshot.files.values() if file.kind == "event"]
    found = (rows for file in files for rows in _rows_of(path, file, side, ids))
    return pa.concat_tables([wanted.empty_table(), *found])


def _rows_of(path: Path, file: delta_log.File, side: Side, ids: Sequence[str]) -> list[pa.Table]:
    asked = pa.array(ids, pa.string())
    runs = parquet.stream(path, file, schema.columns(COLUMNS), _ROWS_AT_ONCE)
    # Filtered run by run: a store may be larger than the memory.
    return [rows.filter(pc.is_in(rows[f"{side}_id"], asked)) for rows in runs]
