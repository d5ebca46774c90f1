"""A chunk: the rows of some commits, at once or, where they may be many, piece by piece."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from consumer import parts
from consumer.erasures import NONE, Erasures
from consumer.log import File
from consumer.merges import Merge
from consumer.rows import SCHEMA

AT_ONCE = 1 << 20
"""Events of a piece, at most."""

_READ_ROWS = 1 << 18
_IDS = [SCHEMA.field("artist_id"), SCHEMA.field("venue_id")]


@dataclass(frozen=True)
class Chunk:
    """Rows of one or more commits, or of the whole store where ``anew``.

    Attributes:
        version: the store's version after them.
        anew: forget everything read before.
        events: rows of kind ``event``, columns of ``EVENT_SCHEMA`` (or those asked for).
        dead: how many rows of kind ``dead`` there are beside them.
        positions: app id to next offset, of all partitions, at this version.
        merges: all that there are at this version, earlier ones included.
        erasures: likewise; the events are without what is of an erased id.
    """

    version: int
    anew: bool
    events: pa.Table
    dead: int
    positions: dict[str, int]
    merges: tuple[Merge, ...] = ()
    erasures: Erasures = NONE


class Pieces(NamedTuple):
    """A chunk whose events are still in the files.

    Attributes:
        chunk: without its events.
        rows: how many events are new by the log, which counts those of erased ids too.
        events: them, once; a piece is in memory until its reader lets it go. Raises
            FileNotFoundError where a file is gone, and StoreDamaged where one cannot be read.
    """

    chunk: Chunk
    rows: int
    events: Iterator[pa.Table]


def gathered(pieces: Pieces) -> Chunk:
    """All of it, in memory."""
    events = list(pieces.events)
    return replace(pieces.chunk, events=pa.concat_tables(events)) if events else pieces.chunk


def rows_of(files: Iterable[File]) -> int:
    """How many events these files hold, as far as the log tells."""
    return sum(max(file.rows, 0) for file in files if file.kind == "event")


def events_of(
    path: Path, files: Iterable[File], schema: pa.Schema, erasures: Erasures
) -> Iterator[pa.Table]:
    """The events of these files of the table at `path`, `AT_ONCE` of them in memory at most.

    Raises:
        FileNotFoundError, StoreDamaged: see `parts.read`.
    """
    held: list[pa.Table] = []
    rows = 0
    for events in _visible(path, files, schema, erasures):
        held.append(events)
        rows += len(events)
        if rows > AT_ONCE - _READ_ROWS:
            yield pa.concat_tables(held)
            held, rows = [], 0
    if held:
        yield pa.concat_tables(held)


def _visible(
    path: Path, files: Iterable[File], schema: pa.Schema, erasures: Erasures
) -> Iterator[pa.Table]:
    ids = [field for field in _IDS if erasures and field.name not in schema.names]
    wider = pa.schema([*schema, *ids])
    for file in files:
        if file.kind == "event":
            for events in parts.stream(path, file, wider, _READ_ROWS):
                yield erasures.visible(events).select(schema.names)
