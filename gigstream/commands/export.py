"""`export`: the live model as a file that implicit and joblib read without our code."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gigstream.errors import WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from gigstream.settings import Settings
    from trainer.export import Live
    from trainer.following import Following
    from trainer.model import Model


@command("export")
@click.argument("path", metavar="MODEL.joblib", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--live",
    type=click.Choice(["artists", "venues"]),
    help="The variant whose `recommend` ranks as the live lists for these do.",
)
def export(terminal: Terminal, path: Path, live: "Live | None") -> Report:
    """Write the live model as a joblib file, and the ids of its rows beside it."""
    from gigstream.settings import load
    from trainer import export as exports

    model, following = _as_published(load())
    ids_path = exports.export(model, following.plays, path, live=live)
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


def _as_published(settings: "Settings") -> "tuple[Model, Following]":
    """The live model with everything folded in that was stored since, as the lists have it.

    Raises:
        WrongUse: Nothing was published from this home.
    """
    from trainer.following import Following
    from trainer.generation import Generation
    from trainer.registry import Registry

    artifact = Registry(settings.models).load_live()
    if artifact is None:
        raise WrongUse(f"{settings.models} has no model yet; run `gigstream train --once` first")
    following = Following(settings.store)
    following.listen(time.time(), artifact)
    touched = following.pending(sys.maxsize)
    current = Generation.of(0, artifact)
    current.fold(following, touched)
    return current.model, following
