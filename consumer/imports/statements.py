"""Files of past gigs become statements on Kafka, and so take the same path as live ones.

Importing a file again, or a re-sorted copy of it, changes nothing: a gig's `event_id` is that of
the file's id column, else a hash of (artist, venue, date, k), where k counts the equal rows before
it. Its `time` is its day or, for a future gig, the start of the import, so that later statements
of the booking system are newer. The `source` is `import:<name>`; the name is the file's unless
given, and equal rows of files imported under one name are counted together.

Rows with an id or a status have a `version` as well: the start of the import and the row's
position. So the later import counts, and in one import the last row, whichever way a date moved;
`time` alone would prefer the later date, and `as_of` must not follow the clock of an import.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from consumer.imports.columns import Columns
from consumer.imports.file_set import FileSet
from consumer.imports.problems import Problems, Strict
from consumer.imports.reading import Reading
from consumer.imports.row_events import events
from consumer.imports.sender import Sender
from consumer.imports.stated import Stated
from consumer.settings import ConsumerSettings

__all__ = ["Imported", "Progress", "Sent", "events", "run", "send"]

Progress = Callable[[Path, float], None]


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    files: int
    events: int
    seconds: float


@dataclass
class Sent:
    """What was handed to the broker's client so far.

    Attributes:
        events: How many statements.
        artist: That of the first one.
        stated: All that they state.
    """

    events: int = 0
    artist: str = ""
    stated: Stated = field(default_factory=Stated)


def run(
    paths: Sequence[Path],
    settings: ConsumerSettings,
    *,
    columns: Columns | None = None,
    reading: Reading | None = None,
    assume_date: dt.date | None = None,
    name: str | None = None,
    problems: Problems | None = None,
    progress: Progress | None = None,
    sent: Sent | None = None,
) -> Imported:
    """Sends the gigs of all files to Kafka and waits until the broker has them.

    Args:
        paths: The files, read one after the other.
        settings: Where the broker, the topic and the store are.
        columns: Which column is what, the same for all files.
        reading: How they are read, the same for all files.
        assume_date: The date of rows that have none.
        name: The source's name instead of each file's.
        problems: Takes bad rows, which are then left out; the first one is raised where None.
        progress: Called with the file and the share of it that was read, 0 to 1.
        sent: Counts what is sent; changed.

    Raises:
        BadFile: A file, column or row is invalid.
        ConsumerError: The broker cannot be reached, or takes no more.
    """
    files = FileSet(
        paths,
        columns=columns,
        reading=reading,
        assume_date=assume_date,
        name=name,
        statuses=settings.statuses,
    )
    return send(files, settings, problems=problems, progress=progress, sent=sent)


def send(
    files: FileSet,
    settings: ConsumerSettings,
    *,
    problems: Problems | None = None,
    progress: Progress | None = None,
    sent: Sent | None = None,
) -> Imported:
    """As `run`, for files that were looked at already.

    Args:
        files: The files.
        settings: Where the broker, the topic and the store are.
        problems: Takes bad rows, which are then left out; the first one is raised where None.
        progress: Called with the file and the share of it that was read, 0 to 1.
        sent: Counts what is sent; changed.

    Raises:
        ConsumerError: See `run`.
    """
    began_s, sent = time.monotonic(), sent or Sent()
    with Sender(settings) as sender:
        for event in files.statements(problems or Strict(), progress):
            sender.send(event)
            sent.events += 1
            sent.artist = sent.artist or event.artist_id
            sent.stated.add(event)
    return Imported(len(files.paths), sent.events, time.monotonic() - began_s)
