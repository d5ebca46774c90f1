"""A chunk: the rows of one or more commits, in memory or streamed in pieces."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from consumer.ids.erasures import NONE, Erasures
from consumer.ids.merges import Merge
from consumer.ids.quarantines import Quarantines
from consumer.ids.visibility import Visibility
from consumer.table import parquet
from consumer.table.delta_log import File
from consumer.table.schema import SCHEMA

AT_ONCE = 1 << 20
"""Events of a piece, at most."""

_READ_ROWS = 1 << 18
_IDS = [SCHEMA.field("artist_id"), SCHEMA.field("venue_id")]


@dataclass(frozen=True)
class Chunk:
    """Rows of one or more commits, or of the whole store where ``reset``.

    Attributes:
        version: the store's version after them.
        reset: forget everything read before.
        events: rows of kind ``event``, columns of ``EVENT_SCHEMA`` or those asked for, without
            events of erased ids.
        dead: how many rows of kind ``dead`` were added.
        positions: app id to next offset, of all partitions, at this version.
        merges: all merges at this version, earlier ones included.
        erasures: all erasures at this version.
        quarantines: which sources are quarantined at this version; ``events`` holds theirs too.
        visibility: all decisions about hidden ids at this version, earlier ones included.
    """

    version: int
    reset: bool
    events: pa.Table
    dead: int
    positions: dict[str, int]
    merges: tuple[Merge, ...] = ()
    erasures: Erasures = NONE
    quarantines: Quarantines = field(default_factory=dict)
    visibility: tuple[Visibility, ...] = ()


class Pieces(NamedTuple):
    """A chunk whose events are still in the files.

    Attributes:
        chunk: without its events.
        rows: number of new events by the log, which counts those of erased ids too.
        events: an iterator over them; a piece is in memory as long as its reader keeps it. Raises
            FileNotFoundError where a file is gone, and StoreDamaged where one cannot be read.
    """

    chunk: Chunk
    rows: int
    events: Iterator[pa.Table]


def load(pieces: Pieces) -> Chunk:
    """The chunk with all its events in memory."""
    events = list(pieces.events)
    return replace(pieces.chunk, events=pa.concat_tables(events)) if events else pieces.chunk


def count_events(files: Iterable[File]) -> int:
    """How many events these files hold by the log."""
    return sum(max(file.rows, 0) for file in files if file.kind == "event")


def stream_events(
    path: Path, files: Iterable[File], schema: pa.Schema, erasures: Erasures
) -> Iterator[pa.Table]:
    """The events of files, at most `AT_ONCE` of them in memory.

    Args:
        path: the table's folder.
        files: of the table; those of other kinds are skipped.
        schema: the columns to read.
        erasures: events of these ids are left out.

    Raises:
        FileNotFoundError, StoreDamaged: see `parquet.read`.
    """
    held: list[pa.Table] = []
    rows = 0
    for events in _visible(path, files, schema, erasures):
        held.append(events)
        rows += len(events)
        # Before the next read could exceed the limit, not after it has.
        if rows > AT_ONCE - _READ_ROWS:
            yield pa.concat_tables(held)
            held, rows = [], 0
    if held:
        yield pa.concat_tables(held)


def _visible(
    path: Path, files: Iterable[File], schema: pa.Schema, erasures: Erasures
) -> Iterator[pa.Table]:
    # Erased ids can only be recognised by the id columns, so they are read even if not asked for.
    ids = [field for field in _IDS if erasures and field.name not in schema.names]
    wider = pa.schema([*schema, *ids])
    for file in files:
        if file.kind == "event":
            for events in parquet.stream(path, file, wider, _READ_ROWS):
                yield erasures.visible(events).select(schema.names)
