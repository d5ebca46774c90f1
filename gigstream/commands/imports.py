"""`import`: files of past gigs, through Kafka."""

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gigstream.commands.columns import Day, column_options, columns
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from consumer.imports import Progress


@command("import")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@column_options
@click.option(
    "--id", "id_column", metavar="COL", help="Column with each gig's id; else rows are hashed."
)
@click.option("--assume-date", type=Day(), help="The date of gigs that have none.")
@click.option("--name", help="Name of the source instead of the file's.")
def import_(
    terminal: Terminal,
    files: tuple[Path, ...],
    assume_date: dt.date | None,
    name: str | None,
    **given: Any,  # noqa: ANN401 - the column options
) -> Report:
    """Send gigs of TSV, CSV or Parquet files to Kafka; doing so again changes nothing."""
    from consumer.imports import run
    from gigstream.settings import load

    settings = load()
    with file_progress(terminal, files) as progress:
        done = run(
            files,
            settings,
            columns=columns(**given),
            assume_date=assume_date,
            name=name,
            progress=progress,
        )
    rate = done.events / max(done.seconds, 1e-9)
    terminal.say(f"{done.events:,} events sent in {done.seconds:.1f} s ({rate:,.0f} per s)")
    return Report({"files": done.files, "events": done.events, "seconds": round(done.seconds, 3)})


@contextlib.contextmanager
def file_progress(terminal: Terminal, files: Sequence[Path]) -> Iterator["Progress"]:
    """One bar for all files, each with an equal part of it."""
    with terminal.progress(f"Importing {', '.join(path.name for path in files)}") as shown:
        yield lambda path, share: shown((files.index(path) + share) / len(files))
