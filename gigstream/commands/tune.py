"""`tune`: search the settings of the fit on past windows, and write them as a recipe file."""

import time
from pathlib import Path
from typing import Any

import click

from consumer.table import durable
from gigstream.commands.evaluate import changed
from gigstream.commands.file_columns import column_options, columns_and_reading
from gigstream.settings import Settings, load
from gigstream.terminal import Report, Terminal, command
from operations.clocks import now_ms
from trainer.errors import NothingToFit, Unwritable
from trainer.evaluation.evaluate import read_plays
from trainer.evaluation.splits import Gigs, ordered
from trainer.evaluation.windows import past
from trainer.plays.read import settled
from trainer.recipe import Recipe
from trainer.recipe_file import RecipeFile
from trainer.search.search import Search
from trainer.search.study import Budget, check_installed


@command("tune")
@click.argument("events", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    default="recipe.json",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the recipe file is written.",
)
@click.option(
    "--study",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the trials: the same call continues it.  [default: OUT with .trials behind]",
)
@click.option(
    "--trials",
    default=40,
    show_default=True,
    type=click.IntRange(1),
    help="End after this many, earlier ones in the study included.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="End after this time.")
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0, 10**9), help="Of what is tried."
)
@click.option(
    "--setting", "changes", multiple=True, metavar="NAME=VALUE", help="Of the fit to begin with."
)
@column_options
def tune(
    terminal: Terminal,
    events: Path | None,
    *,
    out: Path,
    study: Path | None,
    changes: tuple[str, ...],
    trials: int,
    seconds: float | None,
    seed: int,
    **given: Any,  # noqa: ANN401 - the column options
) -> Report:
    """Search the settings of the fit on past gigs, and write a recipe file.

    EVENTS is a file of gigs; without it the store's are used. Trials end with the latest tenth of
    the gigs left out, on which the best recipe is then compared with the one that it began with.
    The file holds the better one: name it as GIGSTREAM_RECIPE_FILE.
    """
    check_installed()  # before minutes are spent on reading
    settings = load()
    search = Search(
        gigs=_gigs(settings, events, given),
        start=changed(settings.recipe(), changes),
        study=study or out.with_name(out.name + ".trials"),
        budget=Budget(trials, seconds),
        seed=seed,
    )
    found = _run(terminal, search)
    _write(out, found)
    terminal.say(*_lines(found), f"Written to {out}.")
    return Report({"path": str(out), **found.model_dump(mode="json")})


def _run(terminal: Terminal, search: Search) -> RecipeFile:
    best, began_s = 0.0, time.monotonic()
    with terminal.progress("Tuning") as progress:

        def on_trial(recipe: Recipe, figure: float, number: int) -> None:
            nonlocal best
            progress(search.budget.used(number, time.monotonic() - began_s))
            if figure > best:
                best = figure
                told = f"trial {number}: {figure:.4f}, the best of this call, with"
                terminal.remark(f"{told} {_named(recipe)}")

        return search.run(on_trial)


def _gigs(settings: Settings, events: Path | None, given: dict[str, Any]) -> Gigs:
    if events is not None:
        columns, reading = columns_and_reading(given)
        return ordered(read_plays(events, columns, reading=reading))
    # As a refit reads it: quarantined sources and gigs that are far ahead do not count.
    found = settled(settings.store, None)
    if found is None or not len(found[0].plays()):
        raise NothingToFit.stored(settings.store)
    known = found[0]
    as_of_ms = known.clock(now_ms()).as_of_ms or 0
    return past(known.plays(), known.artists.ids, known.venues.ids, as_of_ms)


def _write(path: Path, found: RecipeFile) -> None:
    try:
        durable.write(path, found.model_dump_json(indent=1).encode())
    except OSError as error:
        raise Unwritable(
            f"{path} cannot be written: {error.strerror}; name a folder that takes files"
        ) from error


def _lines(found: RecipeFile) -> list[str]:
    evidence = found.evidence
    windows, later = evidence.windows, evidence.slice
    searched = (
        f"{windows.trials} trials on {len(windows.cuts)} past windows of {evidence.data.plays:,}"
    )
    figures = f"{windows.start:.4f} at the start, {windows.found:.4f} at best"
    lines = [f"{searched} plays; mean NDCG@10 {figures}; gain {_gain(*windows.gain)}"]
    if later:
        lines.append(
            f"On the plays after {later.cut}: {later.figures['live']:.4f} and "
            f"{later.figures['judged']:.4f}; gain {_gain(*later.gain)}"
        )
    took = "Taken" if evidence.won else "The start stays"
    return [*lines, f"{took}: {evidence.reason}.", _shown(found.recipe)]


def _gain(mean: float, low: float, high: float) -> str:
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


def _named(recipe: Recipe) -> str:
    names = ("factors", "alpha", "regularization", "als_half_life_days")
    return _shown({name: getattr(recipe, name) for name in names})


def _shown(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
