"""Rows of files as statements: their ids, times and versions."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from consumer.events import DAY_MS, MAX_START_MS, Event
from consumer.imports.problems import BadFile
from consumer.imports.row_counter import RowCounter

_ID_BYTES = 16
_SEPARATOR = "\x1f"  # no id holds a control character, so fields cannot run together
_ROWS_BITS = 20  # of a version; more rows run into later milliseconds, which no import shares


def events(
    tables: Iterable[pa.Table],
    path: Path,
    source: str,
    started_ms: int,
    counter: RowCounter,
    *,
    first: int = 0,
) -> Iterator[Event]:
    """The rows of a file as statements, in file order.

    Args:
        tables: Of `consumer.imports.files.batches`, with dates.
        path: For errors.
        source: Of all statements.
        started_ms: When the import began, epoch ms: the time of statements about later gigs.
        counter: Counts equal rows; changed.
        first: How many rows of this import came before.

    Raises:
        BadFile: A date is too far ahead.
    """
    for table in tables:
        yield from _stated(table, path, source, started_ms, counter, first)
        first += table.num_rows


def _stated(  # noqa: PLR0917 - as `events`
    table: pa.Table, path: Path, source: str, started_ms: int, counter: RowCounter, first: int
) -> Iterator[Event]:
    starts_ms = _starts_ms(table, path, started_ms)
    # Never in the future: what the booking system says of the gig later must be newer.
    times_ms = np.minimum(starts_ms, started_ms)
    rows = zip(
        event_ids(table, counter),
        table["artist_id"].to_pylist(),
        table["venue_id"].to_pylist(),
        times_ms.tolist(),
        starts_ms.tolist(),
        _names(table, "artist_name"),
        _names(table, "venue_name"),
        _names(table, "status"),
        _versions(table, started_ms, first),
        strict=True,
    )
    for (
        event_id,
        artist,
        venue,
        time_ms,
        starts,
        artist_name,
        venue_name,
        status,
        version,
    ) in rows:
        yield Event(
            event_id=event_id,
            artist_id=artist,
            venue_id=venue,
            time_ms=time_ms,
            source=source,
            status=status or "confirmed",
            version=version,
            starts_at_ms=starts,
            artist_name=artist_name,
            venue_name=venue_name,
        )


def _versions(table: pa.Table, started_ms: int, first: int) -> Iterable[int | None]:
    # Without them no row can correct another one, and an equal row must state the same.
    if not {"event_id", "status"} & set(table.column_names):
        return [None] * table.num_rows
    begin = (started_ms << _ROWS_BITS) + first
    return range(begin, begin + table.num_rows)


def _starts_ms(table: pa.Table, path: Path, started_ms: int) -> NDArray[np.int64]:
    """Midnight UTC of each gig's day, epoch ms."""
    days: NDArray[np.int64] = table["date"].cast(pa.int32()).to_numpy().astype(np.int64)
    if len(days) and days.max() * DAY_MS > started_ms + MAX_START_MS:
        far = int(days.argmax())
        raise BadFile(
            f"{path}: {table['date'][far]} is more than 5 years ahead (artist "
            f"{table['artist_id'][far]}, venue {table['venue_id'][far]}); correct or "
            "remove the row"
        )
    return days * DAY_MS


def _names(table: pa.Table, column: str) -> list[str | None]:
    if column not in table.column_names:
        return [None] * table.num_rows
    names: list[str | None] = table[column].to_pylist()
    return names


def event_ids(table: pa.Table, counter: RowCounter) -> list[str]:
    """The file's own ids, or hashes of the row and of how many equal ones came before it."""
    if "event_id" in table.column_names:
        own: list[str] = table["event_id"].to_pylist()
        return own
    rows = _row_texts(table)
    firsts = [_digest(row, 0) for row in rows]
    # The first 8 of 16 bytes of each digest: enough to count by.
    heads = np.frombuffer(b"".join(firsts), np.uint64)[:: _ID_BYTES // 8]
    numbers = counter.number(heads)
    ids = [digest.hex() for digest in firsts]
    for at in np.flatnonzero(numbers).tolist():
        ids[at] = _digest(rows[at], int(numbers[at])).hex()
    return ids


def _row_texts(table: pa.Table) -> list[bytes]:
    """Each row's identity as one text."""
    days = table["date"].cast(pa.int32()).cast(pa.string())
    columns = table["artist_id"].to_pylist(), table["venue_id"].to_pylist(), days.to_pylist()
    return [_SEPARATOR.join(row).encode() for row in zip(*columns, strict=True)]


def _digest(row: bytes, number: int) -> bytes:
    return blake2b(b"%b\x1f%d" % (row, number), digest_size=_ID_BYTES).digest()
