"""`evaluate`: how good the lists would have been, beside the baselines; needs no server."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gigstream.commands.columns import column_options, columns
from gigstream.errors import WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from trainer.settings import Recipe


@command("evaluate")
@click.argument("events", type=click.Path(path_type=Path))
@click.option("--test", type=click.Path(path_type=Path), help="Score these gigs; no split by time.")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of the gigs, oldest first, to learn from; may be repeated.  [default: 0.8 0.7 0.9]",
)
@click.option("--setting", "changes", multiple=True, metavar="NAME=VALUE", help="Of the fit.")
@column_options
def evaluate(
    terminal: Terminal,
    events: Path,
    test: Path | None,
    splits: tuple[float, ...],
    changes: tuple[str, ...],
    **given: Any,  # noqa: ANN401 - the column options
) -> Report:
    """Offline quality of the live score on a file of gigs, beside the baselines."""
    from gigstream.settings import load
    from trainer import evaluate as evaluation

    recipe = changed(load().recipe(), changes)
    with terminal.progress(f"Evaluating {events.name}") as progress:
        report = evaluation.run(
            events,
            splits=splits or evaluation.SPLITS,
            recipe=recipe,
            test=test,
            columns=columns(**given),
            progress=progress,
        )
    terminal.say(evaluation.text(report))
    return Report(report)


def changed(recipe: "Recipe", changes: tuple[str, ...]) -> "Recipe":
    """The recipe with `NAME=VALUE` changes.

    Raises:
        WrongUse: A name or a value cannot be.
    """
    from pydantic import ValidationError

    given = dict(change.partition("=")[::2] for change in changes)
    unknown = [name for name in given if name not in type(recipe).model_fields]
    if unknown:
        known = ", ".join(type(recipe).model_fields)
        raise WrongUse(f"--setting {unknown[0]}: no setting of the fit; these are: {known}")
    try:
        return type(recipe).model_validate({**recipe.model_dump(), **given})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise WrongUse(
            f"--setting {problem['loc'][0]}={problem['input']}: {problem['msg']}; mend the value",
        ) from None
