"""Dead letters: rows of the store whose records broke the contract, and what became of them.

Words used here:
    place: ``topic_id/partition/offset`` of a record; it names a dead letter.
    replayed: a stored row, good or dead, is of this record sent again.
    open: not replayed. A replay that died as well is a dead letter of its own, and open.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from consumer import log, parts
from consumer.errors import ConsumerError, StoreDamaged
from consumer.events import Headers
from consumer.rows import SCHEMA, raw_headers

KEYS = ("topic_id", "partition", "offset")
ORDER = [(name, "ascending") for name in KEYS]
"""Of the records of a partition, first to last."""

_FACTS = (*KEYS, "recorded_at", "reason", "field")
_ALL = (*_FACTS, "raw", "raw_key", "raw_headers", "replay_of")
_AT_ONCE = 1_000
_ATTEMPTS = 5


@dataclass(frozen=True)
class DeadLetter:
    """One record that broke the contract, as it came, and why it did.

    Attributes:
        recorded_ms: the record's own timestamp, epoch milliseconds.
        replay_of: the place of the dead letter that this record was sent for; None: of none.
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
    def place(self) -> str:
        """What names it."""
        return f"{self.topic_id}/{self.partition}/{self.offset}"


@dataclass(frozen=True)
class Filter:
    """Which dead letters are meant; what is None does not matter.

    Attributes:
        field: exactly this one.
        reason: a part of it, in any case.
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

    def of(self, rows: pa.Table) -> pa.Table:
        """Those of these rows (columns as ``read`` makes them) that are meant."""
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


def scan(path: Path, files: Sequence[log.File], columns: Sequence[str] = KEYS) -> pa.Table:
    """These columns of the dead rows, and where each lies: columns ``file`` and ``row``.

    Args:
        path: the store's folder.
        files: of the store; those of other kinds are passed over.
        columns: of ``rows.SCHEMA``.

    Raises:
        FileNotFoundError: a file is gone, compacted for one: take a newer snapshot.
        StoreDamaged: a file is unreadable.
    """
    schema = pa.schema([SCHEMA.field(name) for name in columns])
    tables = [_placed(schema.empty_table(), "")]
    tables += [
        _placed(parts.read(path, file, schema), file.path) for file in files if file.kind == "dead"
    ]
    return pa.concat_tables(tables)


def _placed(rows: pa.Table, file: str) -> pa.Table:
    number = rows.num_rows
    rows = rows.append_column("file", pa.repeat(pa.scalar(file), number))
    return rows.append_column("row", pa.array(range(number), pa.int64()))


def load(path: Path, rows: pa.Table) -> list[DeadLetter]:
    """The dead letters of these rows (of ``scan``), in their order, with all they hold.

    Raises:
        FileNotFoundError, StoreDamaged: as ``scan`` does.
    """
    found: dict[tuple[str, int], DeadLetter] = {}
    schema = pa.schema([SCHEMA.field(name) for name in _ALL])
    schema = schema.set(_ALL.index("recorded_at"), pa.field("recorded_at", pa.int64()))
    for name in pc.unique(rows["file"]).to_pylist():
        numbers = rows.filter(pc.field("file") == name)["row"]
        there = parts.read(path, log.File(name, "dead", -1, -1), schema).take(numbers)
        for number, row in zip(numbers.to_pylist(), there.to_pylist(), strict=True):
            found[name, number] = _letter(row)
    named = zip(rows["file"].to_pylist(), rows["row"].to_pylist(), strict=True)
    return [found[each] for each in named]


def load_in_turn(path: Path, rows: pa.Table) -> Iterator[DeadLetter]:
    """As ``load``, with few of them in memory at a time.

    Raises:
        ConsumerError: the store was compacted meanwhile, and the rows lie elsewhere now.
        StoreDamaged: a file is unreadable.
    """
    for start in range(0, rows.num_rows, _AT_ONCE):
        try:
            yield from load(path, rows.slice(start, _AT_ONCE))
        except FileNotFoundError:
            raise ConsumerError(f"store {path} was compacted meanwhile; start again") from None


def _letter(row: dict[str, Any]) -> DeadLetter:
    return DeadLetter(
        topic_id=row["topic_id"],
        partition=row["partition"],
        offset=row["offset"],
        recorded_ms=row["recorded_at"] // 1000,
        value=row["raw"],
        key=row["raw_key"],
        headers=raw_headers(row["raw_headers"]),
        reason=row["reason"],
        field=row["field"],
        replay_of=row["replay_of"],
    )


def read(path: Path) -> pa.Table:
    """All dead letters of the store without their bytes; none where there is no store.

    Returns:
        Columns topic_id, partition, offset, recorded_at, reason, field, file, row, and replayed
        (bool); in no order.

    Raises:
        StoreDamaged: the store cannot be read.
        StoreNewer: a newer gigstream has written it.
    """
    for _ in range(_ATTEMPTS):
        snapshot = log.replay(path)
        files = [] if snapshot is None else list(snapshot.files.values())
        try:
            rows = scan(path, files, _FACTS)
            replays = _replays(path, files) if rows.num_rows else []
        except FileNotFoundError:
            continue  # compacted while it was read
        replayed = pc.is_in(places(rows), pa.array(replays, pa.string()))
        return rows.append_column("replayed", replayed)
    raise StoreDamaged(path, "files that its log names are missing")


def places(rows: pa.Table) -> pa.ChunkedArray:
    """The place of each row, as text."""
    texts = [rows[name].cast(pa.string()) for name in KEYS]
    return pc.binary_join_element_wise(*texts, "/")


def _replays(path: Path, files: Iterable[log.File]) -> list[str]:
    """Places of which a record that was sent again is stored."""
    schema, found = pa.schema([SCHEMA.field("replay_of")]), set[str]()
    for file in files:
        if file.kind in {"event", "dead"}:
            column = parts.read(path, file, schema)["replay_of"]
            found.update(pc.unique(column.drop_null()).to_pylist())
    return list(found)
