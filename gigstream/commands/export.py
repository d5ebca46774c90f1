"""`export`: the live model as a joblib file that `implicit` reads without our code."""

from pathlib import Path

import click

from gigstream.live_model import published
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command
from trainer.ranking import export as exports
from trainer.ranking.export import Live


@command("export")
@click.argument("path", metavar="MODEL.joblib", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--live",
    type=click.Choice(["artists", "venues"]),
    help="Export the variant whose `recommend` ranks by the vectors and biases of the live score.",
)
def export(terminal: Terminal, path: Path, live: Live | None) -> Report:
    """Write the live model as a joblib file, and the ids of its rows."""
    generation, following = published(load())
    # Ids separately: the model knows row numbers only.
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
        }
    )
