"""Which event ids of an import the store holds already."""

from array import array
from collections.abc import Iterable, Mapping
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


def count(store: Path, ids: Mapping[str, Numbers]) -> dict[str, tuple[int, int]]:
    """By source, how many of its ids are new to the store, and how many it knows.

    Args:
        store: The store's folder; there may be none yet.
        ids: Hashes of event ids by source, see `consumer.imports.ledger.hashed`.

    Raises:
        StoreDamaged, StoreNewer: The store cannot be read.
    """
    stored = _stored(store, list(ids))
    found = {}
    for source, hashes in ids.items():
        distinct = np.unique(hashes)
        known = int(np.isin(distinct, stored[source]).sum())
        found[source] = len(distinct) - known, known
    return found


def of_events(events: Iterable[Event]) -> dict[str, Numbers]:
    """The ids of statements, by source, as `count` takes them."""
    by_source: dict[str, array[int]] = {}
    for event in events:
        # Hashes of this process: 8 bytes for an id of any length.
        by_source.setdefault(event.source, array("q")).append(hash(event.event_id))
    return {source: np.array(each, np.int64) for source, each in by_source.items()}


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
