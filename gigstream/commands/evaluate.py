"""`evaluate`: offline quality of the lists on a file of gigs; needs no server."""

from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from gigstream.commands.file_columns import column_options, columns_and_reading
from gigstream.errors import WrongUse
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command
from trainer.evaluation import evaluate as evaluation
from trainer.evaluation.plot import check_installed, draw
from trainer.evaluation.text import text
from trainer.recipe import PRESETS, Recipe


@command("evaluate")
@click.argument("events", type=click.Path(path_type=Path))
@click.option(
    "--test", type=click.Path(path_type=Path), help="Test on these gigs instead of a split by time."
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of the gigs, oldest first, to learn from; may be repeated.  [default: 0.8 0.7 0.9]",
)
@click.option(
    "--preset",
    type=click.Choice([*PRESETS]),
    default="dated",
    show_default=True,
    help="undated: dates are not read, and settings fit pairs without dates.",
)
@click.option(
    "--places",
    type=click.Path(path_type=Path),
    help="CSV of venue_id, lat, lng: adds a view of venues within 50 km.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write figures as PNG, and one HTML page with all of them, to this folder.",
)
@click.option(
    "--setting", "changes", multiple=True, metavar="NAME=VALUE", help="A setting of the fit."
)
@column_options
def evaluate(
    terminal: Terminal,
    events: Path,
    *,
    test: Path | None,
    splits: tuple[float, ...],
    preset: str,
    places: Path | None,
    plot: Path | None,
    changes: tuple[str, ...],
    **given: Any,  # noqa: ANN401 - the column options
) -> Report:
    """Measure the quality of the live score and of baselines on a file of gigs."""
    if plot:
        check_installed()
    recipe = changed(preset_recipe(load().recipe(), preset), changes)
    columns, reading = columns_and_reading(given)
    with terminal.progress(f"Evaluating {events.name}") as progress:
        report = evaluation.run(
            events,
            splits=splits or evaluation.SPLITS,
            recipe=recipe,
            test=test,
            undated=preset == "undated",
            places=places,
            columns=columns,
            reading=reading,
            progress=progress,
        )
    terminal.say(text(report))
    if plot:
        terminal.say(f"Figures: {draw(report, plot, events.name)}")
    return Report(report)


def preset_recipe(recipe: Recipe, preset: str) -> Recipe:
    """The recipe with the settings of a preset."""
    return Recipe.model_validate(recipe.model_dump() | dict(PRESETS[preset]))


def changed(recipe: Recipe, changes: tuple[str, ...]) -> Recipe:
    """The recipe with `NAME=VALUE` changes applied.

    Raises:
        WrongUse: A name or a value is invalid.
    """
    given = dict(change.partition("=")[::2] for change in changes)
    unknown = [name for name in given if name not in type(recipe).model_fields]
    if unknown:
        known = ", ".join(type(recipe).model_fields)
        raise WrongUse(f"--setting {unknown[0]}: not a setting of the fit; these are: {known}")
    try:
        # Validated as a whole: some settings restrict each other.
        return type(recipe).model_validate({**recipe.model_dump(), **given})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise WrongUse(
            f"--setting {problem['loc'][0]}={problem['input']}: {problem['msg']}; correct it"
        ) from None
