"""What the store holds of each source: statements and dead letters, and since when."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from consumer.ingest import tallies
from consumer.ingest.tallies import Source
from consumer.table import delta_log, parquet, schema
from consumer.table.reader_marks import Mark

_AT = schema.SCHEMA.field("recorded_at")
_READ = {
    "event": pa.schema([("source", schema.CODES), _AT]),
    "dead": schema.columns(["raw", "raw_headers", "recorded_at"]),
}
_ROWS_AT_ONCE = 1 << 18
_FACTS = [("at", "count"), ("at", "min"), ("at", "max")]
_NAMES = ["source", "at_count", "at_min", "at_max"]


class Seen(NamedTuple):
    """Of one source.

    Attributes:
        statements: stored, tombstones included, whether they count or not.
        dead: dead letters.
        first_us: when the first of both was recorded, epoch us.
        last_us: when the last of both was recorded, epoch us.
    """

    statements: int
    dead: int
    first_us: int
    last_us: int

    def plus(self, other: "Seen") -> "Seen":
        """Both together."""
        first_us, last_us = min(self.first_us, other.first_us), max(self.last_us, other.last_us)
        return Seen(self.statements + other.statements, self.dead + other.dead, first_us, last_us)


def sources(path: Path) -> dict[Source, Seen]:
    """All sources that the store has rows of; None: dead letters that tell no source.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    with closing(Mark(path)):  # keeps the files until they are read
        snapshot = delta_log.replay(path)
        return _counted(path, snapshot.files.values() if snapshot else ())


def _counted(path: Path, files: Iterable[delta_log.File]) -> dict[Source, Seen]:
    found: dict[Source, Seen] = {}
    for file in (each for each in files if each.kind in _READ):
        for rows in parquet.stream(path, file, _READ[file.kind], _ROWS_AT_ONCE):
            for name, seen in _seen(file.kind, rows):
                found[name] = found[name].plus(seen) if name in found else seen
    return found


def _seen(kind: str, rows: pa.Table) -> Iterator[tuple[Source, Seen]]:
    # A dead letter's source is in its bytes, if anywhere.
    names = rows["source"] if kind == "event" else pa.array(tallies.sources(rows), pa.string())
    rows = pa.table({"source": names, "at": rows["recorded_at"].cast(pa.int64())})
    for row in rows.group_by("source").aggregate(_FACTS).select(_NAMES).to_pylist():
        name, count, *at = row.values()
        yield name, Seen(count if kind == "event" else 0, count if kind == "dead" else 0, *at)
