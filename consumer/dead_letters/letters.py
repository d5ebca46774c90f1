"""Dead letters: rows of the store whose records broke the contract.

Words used here:
    address: ``topic_id/partition/offset`` of a record; it identifies a dead letter.
    replayed: the record was sent again, and a row of the store, valid or dead, names its address.
    open: not replayed. A replay that is dead as well is a dead letter of its own, and open.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from consumer.errors import StoreDamaged
from consumer.events.headers import Headers
from consumer.table import delta_log, parquet, schema

KEYS = ("topic_id", "partition", "offset")
ORDER = [(name, "ascending") for name in KEYS]
"""Of the records of a partition, first to last."""

_FACTS = (*KEYS, "recorded_at", "reason", "field")
_ALL = (*_FACTS, "raw", "raw_key", "raw_headers", "replay_of")
_ATTEMPTS = 5
_FILES_GONE = "files that its log names are missing"


@dataclass(frozen=True)
class DeadLetter:
    """One record that broke the contract, as it came, with the reason.

    Attributes:
        recorded_ms: the record's own timestamp, epoch milliseconds.
        replay_of: the address of the dead letter that this record repeats; None: it is no replay.
    """

    topic_id: str
    partition: int
    offset: int
    recorded_ms: int
    value: bytes | None
    key: bytes | None
    headers: Headers
    reason: str
    field: str
    replay_of: str | None

    @property
    def address(self) -> str:
        """What identifies it."""
        return f"{self.topic_id}/{self.partition}/{self.offset}"


@dataclass(frozen=True)
class Filter:
    """Which dead letters to select; None: no condition.

    Attributes:
        field: exactly this one.
        reason: a part of it, upper or lower case.
        since: recorded then or later.
        until: recorded before.
        is_open: only those not replayed.
    """

    field: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    partition: int | None = None
    offset: int | None = None
    is_open: bool = False

    def select(self, rows: pa.Table) -> pa.Table:
        """The selected ones of these rows (with the columns of ``read``)."""
        for mask in self._masks():
            rows = rows.filter(mask)
        return rows

    def _masks(self) -> Iterator[pc.Expression]:
        for name in ("field", "partition", "offset"):
            wanted = getattr(self, name)
            if wanted is not None:
                yield pc.field(name) == wanted
        if self.reason is not None:
            yield pc.match_substring(pc.field("reason"), self.reason, ignore_case=True)
        if self.since is not None:
            yield pc.field("recorded_at") >= pa.scalar(self.since)
        if self.until is not None:
            yield pc.field("recorded_at") < pa.scalar(self.until)
        if self.is_open:
            yield ~pc.field("replayed")


def scan(path: Path, files: Sequence[delta_log.File], columns: Sequence[str] = KEYS) -> pa.Table:
    """Columns of the dead rows, and where each row is: columns ``file`` and ``row``.

    Args:
        path: the store's folder.
        files: of the store; those of other kinds are skipped.
        columns: of the store.

    Raises:
        FileNotFoundError: a file was compacted away: take a newer snapshot.
        StoreDamaged: a file is unreadable.
    """
    wanted = schema.columns(columns)
    tables = [_located(wanted.empty_table(), "")]
    tables += [
        _located(parquet.read(path, file, wanted), file.path)
        for file in files
        if file.kind == "dead"
    ]
    return pa.concat_tables(tables)


def _located(rows: pa.Table, file: str) -> pa.Table:
    number = rows.num_rows
    rows = rows.append_column("file", pa.repeat(pa.scalar(file), number))
    return rows.append_column("row", pa.array(range(number), pa.int64()))


def rows_of(path: Path, found: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Columns of rows found by ``scan``, in their order.

    Args:
        path: the store's folder.
        found: rows of ``scan``.
        wanted: the columns.

    Raises:
        FileNotFoundError, StoreDamaged: as ``scan`` does.
    """
    tables, order = [wanted.empty_table()], list[int]()
    # File by file, so that each is read once, whatever the order of the rows.
    for name in pc.unique(found["file"]).to_pylist():
        file = delta_log.File(name, "dead", -1, -1)
        ours = pc.equal(found["file"], name)
        tables.append(parquet.read(path, file, wanted).take(found.filter(ours)["row"]))
        order += pc.indices_nonzero(ours.combine_chunks()).to_pylist()
    return pa.concat_tables(tables).take(pc.sort_indices(pa.array(order, pa.int64())))


def load(path: Path, rows: pa.Table) -> list[DeadLetter]:
    """The dead letters of rows found by ``scan``, complete, in the order of the rows.

    Raises:
        FileNotFoundError, StoreDamaged: as ``scan`` does.
    """
    wanted = schema.columns(_ALL)
    wanted = wanted.set(_ALL.index("recorded_at"), pa.field("recorded_at", pa.int64()))
    return list(map(_letter, rows_of(path, rows, wanted).to_pylist()))


def _letter(row: dict[str, Any]) -> DeadLetter:
    return DeadLetter(
        topic_id=row["topic_id"],
        partition=row["partition"],
        offset=row["offset"],
        recorded_ms=row["recorded_at"] // 1000,
        value=row["raw"],
        key=row["raw_key"],
        headers=schema.raw_headers(row["raw_headers"]),
        reason=row["reason"],
        field=row["field"],
        replay_of=row["replay_of"],
    )


def read(path: Path) -> pa.Table:
    """All dead letters of the store, without the records' bytes; none where there is no store.

    Returns:
        Columns topic_id, partition, offset, recorded_at, reason, field, file, row, and replayed
        (bool); in no defined order.

    Raises:
        StoreDamaged: the store cannot be read.
        StoreNewer: a newer gigstream has written it.
    """
    for _ in range(_ATTEMPTS):
        snapshot = delta_log.replay(path)
        files = [] if snapshot is None else list(snapshot.files.values())
        try:
            rows = scan(path, files, _FACTS)
            replays = _replays(path, files) if rows.num_rows else []
        except FileNotFoundError:
            continue  # compacted meanwhile
        replayed = pc.is_in(addresses(rows), pa.array(replays, pa.string()))
        return rows.append_column("replayed", replayed)
    raise StoreDamaged(path, _FILES_GONE)


def count_open(path: Path) -> int:
    """How many dead letters were not replayed; reads as little as will do.

    Raises:
        StoreDamaged, StoreNewer: see `read`.
    """
    for _ in range(_ATTEMPTS):
        snapshot = delta_log.replay(path)
        files = [] if snapshot is None else list(snapshot.files.values())
        dead = [file for file in files if file.kind == "dead"]
        try:
            replays = _replays(path, files) if dead else []
            # Most often nothing was replayed; then the log has the number.
            rows = scan(path, dead) if replays else None
        except FileNotFoundError:
            continue  # compacted meanwhile
        if rows is None:
            return sum(int(file.rows) for file in dead)
        done = pc.is_in(addresses(rows), pa.array(replays, pa.string()))
        return len(rows) - int(pc.sum(done).as_py() or 0)
    raise StoreDamaged(path, _FILES_GONE)


def addresses(rows: pa.Table) -> pa.ChunkedArray:
    """The address of each row."""
    texts = [rows[name].cast(pa.string()) for name in KEYS]
    return pc.binary_join_element_wise(*texts, "/")


def _replays(path: Path, files: Iterable[delta_log.File]) -> list[str]:
    """Addresses of dead letters of which a replay is stored."""
    wanted, found = schema.columns(["replay_of"]), set[str]()
    for file in files:
        # A replay that is valid now is an event; one that is dead again is a dead row.
        if file.kind in {"event", "dead"} and not parquet.is_null(path, file, "replay_of"):
            column = parquet.read(path, file, wanted)["replay_of"]
            found.update(pc.unique(column.drop_null()).to_pylist())
    return list(found)
