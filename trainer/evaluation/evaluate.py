"""Offline quality: lists as of a date, scored by the plays after it.

    live        fit with the recipe on the plays before the cut, as_of = the cut, newcomers
                folded in, ranked by the published score: its weights are tuned on those plays too
    start       the same with the weights that tuning starts from
    two         popularity and ALS, each with weight 1
    als, own    that term alone
    popular, recent, notebook, rp3    see `trainer.evaluation.baselines`

`trainer.evaluation.splits` defines the tasks, `trainer.evaluation.metrics` scores the rankings.
With a file of undated test pairs there is no cut: everything in the first file is train.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer.imports.columns import Columns
from consumer.imports.files import batches
from consumer.imports.reading import Reading
from trainer.errors import NothingToFit
from trainer.evaluation.baselines import ItemItem, Notebook, Ranker, popular, recent
from trainer.evaluation.exposure import exposure
from trainer.evaluation.figures import Report, add, put
from trainer.evaluation.metrics import Marks, averaged, marks
from trainer.evaluation.pairs import held_out, is_undated
from trainer.evaluation.places import Places, near, read_places
from trainer.evaluation.rolling import rolling
from trainer.evaluation.scored import ROWS, Fitted, Live
from trainer.evaluation.segments import Segment, by_history, by_popularity, plays_by_candidate
from trainer.evaluation.splits import DIRECTIONS, Gigs, Split, View, ordered, paired, split, views
from trainer.evaluation.tuning import Tuned, tune
from trainer.model.fit import Model, fit
from trainer.recipe import UNDATED, Recipe

K = 10
TEST_K = 20
SPLITS = (0.8, 0.7, 0.9)
"""The first is the one whose figures are quoted."""
HELD_OUT = 0.2
"""Share of the pairs that undated plays are tested on, where no test pairs are given."""
NOTEBOOK_SEEDS = (1, 2, 3)

Progress = Callable[[float], None]
_UNDATED = date(1970, 1, 1)


def run(
    path: Path | str,
    *,
    recipe: Recipe,
    splits: Sequence[float] = SPLITS,
    test: Path | str | None = None,
    undated: bool = False,
    places: Path | None = None,
    columns: Columns | None = None,
    reading: Reading | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate an events file.

    Args:
        path: events with dates; with `test`, dates may be missing.
        recipe: of the row `live`.
        splits: shares before the cut; the first fills the report, the others its `splits`.
        test: undated pairs as targets; then `splits` is not used.
        undated: dates are not read, and without `test` a fifth of the pairs is held out at random.
        places: a file with coordinates of venues, for the view `near`.
        columns: which column of both files is what.
        reading: how both files are read.
        progress: called with the share done, 0 to 1.

    Returns:
        What `gigstream evaluate --json` prints.

    Raises:
        BadFile: a file cannot be read.
        NothingToFit: a part has no plays.
        BadSplit: a split is not between 0 and 1.
    """
    progress = progress or _ignore
    if test is None and not undated:
        plays = ordered(read_plays(path, columns, reading=reading))
        located = read_places(places) if places else None
        return evaluate(plays, recipe, splits, progress=progress, places=located)
    if undated:
        columns = replace(columns or Columns(), date=None)
    train, *tests = (
        read_plays(each, columns, reading=reading, assume_date=_UNDATED)
        for each in (path, test)
        if each is not None
    )
    return evaluate_pairs(ordered(train), tests[0] if tests else None, recipe, progress)


def read_plays(
    path: Path | str,
    columns: Columns | None = None,
    *,
    reading: Reading | None = None,
    assume_date: date | None = None,
) -> pa.Table:
    """The plays of a file: `artist_id`, `venue_id`, `date`, in file order.

    Args:
        path: the file.
        columns: which column is what.
        reading: how it is read.
        assume_date: the date of rows that have none.

    Raises:
        BadFile: see `consumer.imports.files.batches`.
        NothingToFit: it has no rows, or no dates.
    """
    whole = read_gigs(path, columns, reading=reading, assume_date=assume_date)
    return whole.select(["artist_id", "venue_id", "date"])


def read_gigs(
    path: Path | str,
    columns: Columns | None = None,
    *,
    reading: Reading | None = None,
    assume_date: date | None = None,
) -> pa.Table:
    """The gigs of a file, without cancelled ones, with all columns found in it, such as names.

    Args:
        path: of the file.
        columns: which column is what.
        reading: how it is read.
        assume_date: of rows without a date.
    """
    read = list(batches(path, columns, reading=reading, assume_date=assume_date))
    if not sum(map(len, read)):
        raise NothingToFit(f"{path} holds no plays; give a file with at least one row")
    whole = pa.concat_tables(read)
    if "date" not in whole.column_names:
        raise NothingToFit(f"{path} has no dates; name their column or give pairs to test on")
    if "status" in whole.column_names:
        whole = whole.filter(pc.not_equal(whole["status"], "cancelled"))
    return whole


def evaluate(
    gigs: Gigs,
    recipe: Recipe,
    splits: Sequence[float] = SPLITS,
    *,
    progress: Progress | None = None,
    places: Places | None = None,
) -> Report:
    """Evaluate dated plays at several cuts; see `run`.

    Args:
        gigs: in date order.
        recipe: of the row `live`.
        splits: shares before the cut; the near horizon is that of the first.
        progress: called with the share done.
        places: of venues.
    """
    cuts: list[Report] = []
    steps = len(splits) + 1
    for number, share in enumerate(splits):
        parts = split(gigs, share)
        model, tuned = fitted(parts, recipe)
        cuts.append({"split": share} | _at_cut(parts, model, tuned, places))
        (progress or _ignore)((len(cuts) + (number > 0)) / steps)
        # Once: at three cuts the steps are mostly the same.
        if not number:
            cuts[0]["rolling"] = rolling(gigs, parts, model)
            (progress or _ignore)(2 / steps)
    report = cuts[0]
    report["splits"] = {f"{cut['split']:g}": cut for cut in cuts[1:]}
    report["recipe"] = recipe.model_dump(mode="json")
    return report


def evaluate_pairs(
    gigs: Gigs, test: pa.Table | None, recipe: Recipe, progress: Progress | None = None
) -> Report:
    """Fit on undated plays, find the pairs of `test` or those that are held out; see `run`.

    Args:
        gigs: the plays.
        test: pairs to find; None: some of `gigs` are held out.
        recipe: of the row `live`.
        progress: called with the share done.
    """
    if test is None:
        parts = held_out(gigs, HELD_OUT, recipe.seed)
        asked = [view for each in DIRECTIONS for view in views(parts, each) if view.name == "known"]
    else:
        parts, view = paired(gigs, test)
        asked = [view]
    if not any(len(view.subjects) for view in asked):
        raise NothingToFit("every test pair is in train; give test pairs that are to be found")
    model, tuned = fitted(parts, recipe)
    report = {"tuning": tuned.report()} | _report(parts, asked, _rankers(parts, model), TEST_K)
    (progress or _ignore)(1.0)
    return report | {"recipe": recipe.model_dump(mode="json")}


def _ignore(_: float) -> None:
    """Ignore the progress."""


def _rankers(parts: Split, model: Model) -> dict[str, list[Ranker]]:
    """By row of the report; a row with several is their mean."""
    asked, rows = Fitted(model), {"live": model.weights, **ROWS}
    if is_undated(parts.train):
        # Mates of one date would be everybody who ever played a venue.
        rows["start"] = UNDATED
    weighted: dict[str, list[Ranker]] = {
        row: [Live(asked, weights)] for row, weights in rows.items()
    }
    return weighted | {
        "rp3": [ItemItem(parts)],
        "popular": [popular(parts)],
        "recent": [recent(parts)],
        "notebook": [Notebook(parts, seed) for seed in NOTEBOOK_SEEDS],
    }


def fitted(parts: Split, recipe: Recipe) -> tuple[Model, Tuned]:
    """What the trainer would fit on the plays before the cut, and how its weights were found."""
    given = parts.train, parts.artist_ids, parts.venue_ids, parts.cut_ms, recipe
    tuned = tune(*given)
    return fit(*given, weights=tuned.weights), tuned


def _at_cut(parts: Split, model: Model, tuned: Tuned, places: Places | None) -> Report:
    asked = [view for direction in DIRECTIONS for view in views(parts, direction)]
    if places:
        known = next(view for view in asked if view.name == "known")
        asked.insert(1, near(known, parts.venue_ids, places))
    report = _report(parts, asked, _rankers(parts, model), K)
    return {"tuning": tuned.report()} | report


def _report(parts: Split, asked: list[View], rankers: dict[str, list[Ranker]], n: int) -> Report:
    report: Report = _facts(parts) | {
        "rows_looked_at": len(rankers),
        "targets": {},
        "models": {},
        "differences": {},
        "exposure": {},
        "segments": {},
    }
    for view in asked:
        counted = {"subjects": len(view.subjects), "pairs": int(view.targets.nnz)}
        put(report["targets"], view, counted)
        best = {
            row: [ranker.best(view, n) for ranker in several] for row, several in rankers.items()
        }
        marked = {
            row: averaged([marks(lists, view.targets) for lists in several])
            for row, several in best.items()
        }
        add(report, view, marked, n)
        _expose(report, view, best)
        _divide(report, view, marked["live"], best["live"][0])
    return report


def _facts(parts: Split) -> Report:
    return {
        "cut": datetime.fromtimestamp(parts.cut_ms / 1000, UTC).date().isoformat(),
        "plays": {"train": len(parts.train), "later": len(parts.later)},
        "artists": int(np.count_nonzero(parts.train.per_artist)),
        "venues": int(np.count_nonzero(parts.train.per_venue)),
    }


def _expose(report: Report, view: View, best: Mapping[str, list[NDArray[np.int32]]]) -> None:
    """How each row spreads the places of its lists; of several rankers, the first one's."""
    played = plays_by_candidate(view)
    for row, several in best.items():
        found = exposure(several[0], played)._asdict()
        known = {name: value if np.isfinite(value) else None for name, value in found.items()}
        put(report["exposure"].setdefault(row, {}), view, known)


def _divide(report: Report, view: View, marked: Marks, best: NDArray[np.int32]) -> None:
    """The figures of `live` by segment."""
    segments = {
        "history": by_history(view, marked),
        "popularity": by_popularity(view, best),
    }
    rows = {name: list(map(_segment, found)) for name, found in segments.items()}
    put(report["segments"], view, rows)


def _segment(found: Segment) -> Report:
    mean, low, high = found.figure
    return {"name": found.name, "number": found.number, "figure": mean, "interval": [low, high]}
