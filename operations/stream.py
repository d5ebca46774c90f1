"""The stream as it comes: partitions with their lag, and a tail of what was stored."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa

from consumer.kafka.inspect import LagMeter
from consumer.table import delta_log, parquet, schema
from operations.settings import OperationSettings
from operations.verdicts import place, verdicts
from trainer.plays.interactions import COLUMNS

KEPT = 500
"""Records of the tail that are kept."""
_COMMITS = 50
"""Commits that one look reads; older ones are passed over."""
_ROWS = 200
"""Records of one look; of more the newest."""
_READ = ("event", "dead")
_SHOWN = ("source", "event_id", "artist_id", "venue_id", "status", "field", "reason")


def partitions(settings: OperationSettings) -> list[dict[str, Any]]:
    """The offsets of each partition, and its lag in events and seconds.

    `lag_s` is null where records wait and the oldest of them did not come in time.

    Raises:
        ConsumerError: the store or the broker cannot be read.
    """
    snapshot, now_s = delta_log.replay(settings.store), time.time()
    with closing(LagMeter(settings)) as meter:
        found = meter.waiting(snapshot.positions if snapshot else {})
    return [
        {
            "partition": each.number,
            "low": each.low,
            "end": each.end,
            "stored": each.stored,
            "lag_events": each.events,
            "lag_s": _age_s(each.events, each.oldest_ms, now_s),
        }
        for each in found
    ]


class Tail:
    """The records that were stored last, with their verdicts; read when somebody looks.

    Args:
        store: its folder.
        interval_s: a look reads the store when the last one is at least so long ago.
    """

    def __init__(self, store: Path, interval_s: float = 0.5) -> None:
        self._store = store
        self._interval_s = interval_s
        self._lock = Lock()
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._version: int | None = None
        self._count = 0
        self._looked_s = float("-inf")

    @property
    def count(self) -> int:
        """How many records were kept so far: where a reader that wants later ones begins."""
        return self._count

    def after(self, number: int) -> list[dict[str, Any]]:
        """The records that are kept and have a higher `number`, oldest first.

        Raises:
            ConsumerError: the store cannot be read.
        """
        # One look for all who watch: each of them would read the same.
        with self._lock:
            if time.monotonic() - self._looked_s >= self._interval_s:
                self._look()
                self._looked_s = time.monotonic()
            return [each for each in self._kept if each["number"] > number]

    def _look(self) -> None:
        there = delta_log.versions(self._store)
        if not there:
            return
        # After a pause with no watcher, or at first: a bounded look at the newest commits.
        first = there[-1] - _COMMITS + 1
        since = first - 1 if self._version is None else max(self._version, first - 1)
        rows: list[dict[str, Any]] = []
        for entry in _entries(self._store, since):
            since = entry.version
            rows += _rows(self._store, entry)
        # Verdicts cost a look at all bills of the rows: a flood is sampled at its end.
        del rows[:-_ROWS]
        for row, (verdict, by) in zip(rows, verdicts(self._store, rows), strict=True):
            self._count += 1
            self._kept.append(_item(self._count, row, verdict, by))
        # Only now: where verdicts cannot be read, the next look finds the same rows.
        self._version = since


def _entries(store: Path, since: int) -> Iterator[delta_log.Entry]:
    # From the oldest entry that is still there, where clean-up was faster.
    there = [version for version in delta_log.versions(store) if version > since]
    return delta_log.following(store, there[0] - 1) if there else iter(())


def _rows(store: Path, entry: delta_log.Entry) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in (each for each in entry.added if each.kind in _READ):
        own = ("reason", "field") if file.kind == "dead" else ()
        try:
            rows = parquet.read(store, file, schema.columns([*COLUMNS, *own]))
        except FileNotFoundError:  # compacted meanwhile: it is passed over
            continue
        found += _with(rows.slice(max(0, rows.num_rows - _ROWS)), file.kind, entry.version)
    return found


def _with(rows: pa.Table, kind: str, version: int) -> list[dict[str, Any]]:
    return [{**row, "kind": kind, "store_version": version} for row in rows.to_pylist()]


def _item(number: int, row: dict[str, Any], verdict: str, by: str | None) -> dict[str, Any]:
    time_of = row["time"]
    return {
        "number": number,
        "place": place(row),
        "received": row["recorded_at"].isoformat(timespec="milliseconds"),
        "store_version": row["store_version"],
        "verdict": verdict,
        "decided_by": by,
        "time": None if time_of is None else time_of.isoformat(),
        **{name: row.get(name) for name in _SHOWN},
    }


def _age_s(events: int, oldest_ms: int | None, now_s: float) -> float | None:
    if not events:
        return 0.0
    return None if oldest_ms is None else round(max(0.0, now_s - oldest_ms / 1000), 3)
