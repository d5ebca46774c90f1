"""Files of past gigs become statements on Kafka, and so take the same path as live ones.

Importing a file again, or a re-sorted copy of it, changes nothing: a gig's `event_id` is that of
the file's id column, else a hash of (artist, venue, date, k), where k counts the equal rows before
it. Its `time` is its day or, for a future gig, the start of the import, so that later statements
of the booking system are newer. The `source` is `import:<name>`; the name is the file's unless
given, and equal rows of files imported under one name are counted together.
"""

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from consumer.events import DAY_MS, MAX_START_MS, Event
from consumer.imports.files import BadFile, Columns, batches
from consumer.imports.row_counter import RowCounter
from consumer.imports.sender import Sender
from consumer.settings import ConsumerSettings

_ID_BYTES = 16
_SEPARATOR = "\x1f"  # no id holds a control character, so fields cannot run together

Progress = Callable[[Path, float], None]


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    files: int
    events: int
    seconds: float


def run(
    paths: Sequence[Path],
    settings: ConsumerSettings,
    *,
    columns: Columns | None = None,
    assume_date: dt.date | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Sends the gigs of all files to Kafka and waits until the broker has them.

    Args:
        paths: The files, read one after the other.
        settings: Where the broker, the topic and the store are.
        columns: Which column is what, the same for all files.
        assume_date: The date of rows that have none.
        name: The source's name instead of each file's.
        progress: Called with the file and the share of it that was read, 0 to 1.

    Raises:
        BadFile: A file, column or row is invalid.
        ConsumerError: The broker cannot be reached, or takes no more.
    """
    started_ms, began_s, sent = time.time_ns() // 1_000_000, time.monotonic(), 0
    # One counter per source: files under one name are one file in parts.
    counter: defaultdict[str, RowCounter] = defaultdict(RowCounter)
    with Sender(settings) as sender:
        for path in paths:
            source = f"import:{name or path.name.split('.')[0]}"
            tables = batches(
                path,
                columns,
                assume_date=assume_date,
                progress=progress and (lambda share, path=path: progress(path, share)),
            )
            for event in events(tables, path, source, started_ms, counter[source]):
                sender.send(event)
                sent += 1
    return Imported(len(paths), sent, time.monotonic() - began_s)


def events(
    tables: Iterator[pa.Table], path: Path, source: str, started_ms: int, counter: RowCounter
) -> Iterator[Event]:
    """The rows of a file as statements, in file order.

    Args:
        tables: Of `consumer.imports.files.batches`, with dates.
        path: For errors.
        source: Of all statements.
        started_ms: When the import began, epoch ms: the time of statements about later gigs.
        counter: Counts equal rows; changed.

    Raises:
        BadFile: A date is too far ahead.
    """
    for table in tables:
        starts_ms = _starts_ms(table, path, started_ms)
        ids = _event_ids(table, counter)
        # Never in the future: what the booking system says of the gig later must be newer.
        times_ms = np.minimum(starts_ms, started_ms)
        rows = zip(
            ids,
            table["artist_id"].to_pylist(),
            table["venue_id"].to_pylist(),
            times_ms.tolist(),
            starts_ms.tolist(),
            _names(table, "artist_name"),
            _names(table, "venue_name"),
            strict=True,
        )
        for event_id, artist, venue, time_ms, starts, artist_name, venue_name in rows:
            yield Event(
                event_id=event_id,
                artist_id=artist,
                venue_id=venue,
                time_ms=time_ms,
                source=source,
                starts_at_ms=starts,
                artist_name=artist_name,
                venue_name=venue_name,
            )


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


def _event_ids(table: pa.Table, counter: RowCounter) -> list[str]:
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
