"""Rows of the store by where they were in Kafka, or by their bill, and their commits."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from consumer.errors import StoreDamaged
from consumer.table import delta_log, schema
from consumer.table.reader_marks import Mark

_ATTEMPTS = 5
_FARTHEST = 20_000
"""Commits that are looked at, the newest first."""
_KINDS = ("event", "dead")


class Commit(NamedTuple):
    """When a record was stored.

    Attributes:
        version: of the store with it.
        at_ms: when the commit was made, epoch ms.
    """

    version: int
    at_ms: int | None


def at(path: Path, partition: int, offset: int) -> list[dict[str, Any]]:
    """The rows of one place of a partition, of every topic that the store holds.

    Args:
        path: the store's folder.
        partition: its number.
        offset: of the record.

    Raises:
        StoreDamaged, StoreNewer: the store cannot be read.
    """
    return rows(path, (pc.field("partition") == partition) & (pc.field("offset") == offset))


def of_bills(path: Path, event_ids: Iterable[str]) -> list[dict[str, Any]]:
    """All statements of some bills, whatever their source.

    Args:
        path: the store's folder.
        event_ids: of the bills.

    Raises:
        StoreDamaged, StoreNewer: the store cannot be read.
    """
    wanted = pa.array(sorted(set(event_ids)), pa.string())
    return rows(path, pc.field("event_id").isin(wanted), kinds=("event",))


def rows(
    path: Path, wanted: pc.Expression, *, kinds: Sequence[str] = _KINDS
) -> list[dict[str, Any]]:
    """The rows for which a condition holds, by column name, with `kind`.

    Args:
        path: the store's folder.
        wanted: a condition on columns.
        kinds: of the rows.

    Raises:
        StoreDamaged, StoreNewer: the store cannot be read.
    """
    for _ in range(_ATTEMPTS):
        with closing(Mark(path)):  # keeps the files until they are read
            snapshot = delta_log.replay(path)
            # After the mark: clean-up now keeps what this snapshot names.
            files = snapshot.files.values() if snapshot else ()
            try:
                return [row for kind in kinds for row in _rows(path, files, kind, wanted)]
            except FileNotFoundError:
                continue  # compacted while it was read
    raise StoreDamaged(path, "files that its log names are missing")


def commit_of(path: Path, app_id: str, offset: int) -> Commit | None:
    """The commit that stored an offset of a partition; None: the log does not reach back so far.

    Args:
        path: the store's folder.
        app_id: of the partition.
        offset: of the record.

    Raises:
        StoreDamaged, StoreNewer: the store cannot be read.
    """
    found: int | None = None
    # Positions only grow: the last commit, looking back, whose position is behind the offset.
    for version in reversed(delta_log.versions(path)[-_FARTHEST:]):
        try:
            position = delta_log.read_entry(path, version).positions.get(app_id)
        except (FileNotFoundError, delta_log.TornEntry):
            continue
        if position is None:
            continue
        if position <= offset:
            return None if found is None else Commit(found, made_at_ms(path, found))
        found = version
    if found is None or _position_at_begin(path, app_id) > offset:
        return None
    return Commit(found, made_at_ms(path, found))


def _position_at_begin(path: Path, app_id: str) -> int:
    """The position of a partition where the log begins: after a clean-up that is a checkpoint."""
    begin = delta_log.begin(path)
    known = delta_log.replay(path, begin) if begin else None
    return known.positions.get(app_id, 0) if known else 0


def made_at_ms(path: Path, version: int) -> int | None:
    """When a commit was made, epoch ms; None: its entry is gone, or does not tell."""
    try:
        first, *_ = delta_log.entry_path(path, version).read_bytes().splitlines()
        at_ms = msgspec.json.decode(first).get("commitInfo", {}).get("timestamp")
    except (FileNotFoundError, ValueError, msgspec.DecodeError):
        return None
    return int(at_ms) if isinstance(at_ms, int) else None


def order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key of the total order of statements (ADR 0003): the greatest of a gig counts.

    Args:
        row: of `rows`.
    """
    version = -1 if row["version"] is None else row["version"]
    instants = (_ms(row["time"]), _ms(row["recorded_at"]))
    place = (row["topic_id"], row["partition"], row["offset"])
    return (version, *instants, *place, row["digest"])


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _rows(
    path: Path, files: Iterable[delta_log.File], kind: str, wanted: pc.Expression
) -> list[dict[str, Any]]:
    names = [str(path / file.path) for file in files if file.kind == kind]
    if not names:
        return []
    # Row groups tell their offsets: of others nothing is read.
    found = ds.dataset(names, schema=schema.STORED, format="parquet").to_table(filter=wanted)
    made: list[dict[str, Any]] = schema.with_kind(found, kind).to_pylist()
    return made
