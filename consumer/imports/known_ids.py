"""Which event ids of an import the store holds already."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer.events import Event
from consumer.imports.ledger import Numbers, hashed
from consumer.table import delta_log, parquet, schema
from consumer.table.reader_marks import Mark

_READ = schema.columns(["source", "event_id"])
_ROWS_AT_ONCE = 1 << 18


def count(store: Path, events: Iterable[Event]) -> tuple[int, int]:
    """How many ids of these statements are new to the store, and how many it knows.

    Args:
        store: The store's folder; there may be none yet.
        events: Statements.

    Raises:
        StoreDamaged, StoreNewer: The store cannot be read.
    """
    by_source: dict[str, list[int]] = {}
    for event in events:
        # Hashes of this process: 8 bytes for an id of any length.
        by_source.setdefault(event.source, []).append(hash(event.event_id))
    ids = {source: np.unique(np.array(each, np.int64)) for source, each in by_source.items()}
    stored = _stored(store, list(ids))
    known = sum(int(np.isin(each, stored[source]).sum()) for source, each in ids.items())
    return sum(map(len, ids.values())) - known, known


def _stored(store: Path, sources: list[str]) -> dict[str, Numbers]:
    """The hashes of the ids that the store has of some sources."""
    found: dict[str, list[Numbers]] = {source: [] for source in sources}
    with closing(Mark(store)):  # keeps the files until they are read
        snapshot = delta_log.replay(store)
        files = snapshot.files.values() if snapshot else ()
        for file in (each for each in files if each.kind == "event"):
            for rows in parquet.stream(store, file, _READ, _ROWS_AT_ONCE):
                for source, hashes in found.items():
                    hashes.append(_ids_of(rows, source))
    return {
        source: np.concatenate([*each, np.empty(0, np.int64)]) for source, each in found.items()
    }


def _ids_of(rows: pa.Table, source: str) -> Numbers:
    of_source = rows.filter(pc.equal(rows["source"], source))
    return np.unique(hashed(of_source["event_id"].to_pylist()))
