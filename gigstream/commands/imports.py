"""`import`: send files of past gigs to Kafka."""

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from consumer.imports.files import Columns
from consumer.imports.statements import Progress, run
from gigstream.commands.file_columns import column_options, day
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command


@command("import")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@column_options
@click.option(
    "--id", metavar="COL", help="Column of gig ids; without it, ids are hashes of the rows."
)
@click.option(
    "--assume-date", metavar="YYYY-MM-DD", callback=day, help="Date of gigs that have none."
)
@click.option("--name", help="Name of the source; default: the file's name.")
def import_(
    terminal: Terminal,
    files: tuple[Path, ...],
    assume_date: dt.date | None,
    name: str | None,
    **given: Any,  # noqa: ANN401 - the column options
) -> Report:
    """Send files of gigs (TSV, CSV, Parquet) to Kafka; again, it changes nothing."""
    settings = load()
    with file_progress(terminal, files) as progress:
        done = run(
            files,
            settings,
            columns=Columns(**given),
            assume_date=assume_date,
            name=name,
            progress=progress,
        )
    # A small file is sent within the resolution of the clock.
    rate = done.events / max(done.seconds, 1e-9)
    terminal.say(f"{done.events:,} events sent in {done.seconds:.1f} s ({rate:,.0f} per s)")
    return Report({"files": done.files, "events": done.events, "seconds": round(done.seconds, 3)})


@contextlib.contextmanager
def file_progress(terminal: Terminal, files: Sequence[Path]) -> Iterator[Progress]:
    """One progress bar for all files, each with an equal share of it."""
    with terminal.progress(f"Importing {', '.join(path.name for path in files)}") as shown:
        # Files differ in size, but counting rows first would read each twice.
        yield lambda path, share: shown((files.index(path) + share) / len(files))
