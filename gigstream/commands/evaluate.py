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
from trainer.evaluation.text import text
from trainer.recipe import Recipe


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
    "--setting", "changes", multiple=True, metavar="NAME=VALUE", help="A setting of the fit."
)
@column_options
def evaluate(
    terminal: Terminal,
    events: Path,
    test: Path | None,
    splits: tuple[float, ...],
    changes: tuple[str, ...],
    **given: Any,  # noqa: ANN401 - the column options
) -> Report:
    """Measure the quality of the live score and of baselines on a file of gigs."""
    recipe = changed(load().recipe(), changes)
    columns, reading = columns_and_reading(given)
    with terminal.progress(f"Evaluating {events.name}") as progress:
        report = evaluation.run(
            events,
            splits=splits or evaluation.SPLITS,
            recipe=recipe,
            test=test,
            columns=columns,
            reading=reading,
            progress=progress,
        )
    terminal.say(text(report))
    return Report(report)


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
