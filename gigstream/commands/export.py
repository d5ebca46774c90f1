"""`export`: the live model as a file that implicit and joblib read without our code."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from trainer.export import Live


@command("export")
@click.argument("path", metavar="MODEL.joblib", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--live",
    type=click.Choice(["artists", "venues"]),
    help="The variant whose `recommend` ranks as the live lists for these do.",
)
def export(terminal: Terminal, path: Path, live: "Live | None") -> Report:
    """Write the live model as a joblib file, and the ids of its rows beside it."""
    from gigstream.published import published
    from gigstream.settings import load
    from trainer import export as exports

    generation, following = published(load())
    ids_path = exports.export(generation.model, following.plays, path, live=live)
    totals = following.interactions.totals()
    terminal.say(f"{path}: {totals.artists:,} artists, {totals.venues:,} venues; ids in {ids_path}")
    return Report(
        {
            "path": str(path),
            "ids": str(ids_path),
            "artists": totals.artists,
            "venues": totals.venues,
            "bytes": path.stat().st_size,
        },
    )
