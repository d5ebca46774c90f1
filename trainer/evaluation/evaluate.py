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
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

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
from trainer.evaluation.metrics import Interval, Marks, averaged, intervals, marks
from trainer.evaluation.segments import Segment, by_history, by_popularity, plays_by_candidate
from trainer.evaluation.splits import DIRECTIONS, Gigs, Split, View, ordered, paired, split, views
from trainer.evaluation.tuning import SIDES, Tuned, asked_input, tune
from trainer.model.fit import Model, fit
from trainer.ranking.part import ScorePart, ScoringInput
from trainer.ranking.score import TERMS, LinearScore, joined
from trainer.ranking.topn import top_n
from trainer.recipe import START, Recipe, Weights

K = 10
TEST_K = 20
SPLITS = (0.8, 0.7, 0.9)
"""The first is the one whose figures are quoted."""
NOTEBOOK_SEEDS = (1, 2, 3)

Progress = Callable[[float], None]
Report = dict[str, Any]
_UNDATED = date(1970, 1, 1)


ROWS: Mapping[str, Weights] = {
    "start": START,
    "two": Weights({"popularity": 1, "als": 1}, {"popularity": 1, "als": 1}),
    "als": Weights({"als": 1}, {"als": 1}),
    "own": Weights({"own": 1}, {"own": 1}),
}
"""Rows of the fitted model under other weights."""


class Fitted:
    """A fitted model, asked about one view after another under several weights."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._view: View | None = None
        self._given: ScoringInput | None = None
        self._parts: dict[str, ScorePart] = {}

    def scored(self, view: View, weights: Weights) -> LinearScore:
        """The score for a view; each term is computed once for all weights."""
        given = self._asked(view)
        side = SIDES[view.direction]
        terms, of_side = TERMS[side], getattr(weights, side)
        for name in of_side:
            if of_side[name] and name not in self._parts:
                self._parts[name] = terms[name](given)
        parts = [self._parts[name].times(weight) for name, weight in of_side.items() if weight]
        return joined(parts, len(view.subjects), len(view.candidates))

    def _asked(self, view: View) -> ScoringInput:
        if self._given is None or self._view is not view:
            self._view, self._given, self._parts = view, asked_input(self._model, view), {}
        return self._given


class Live:
    """The lists that the trainer would publish, or those of other weights."""

    def __init__(self, fitted: Fitted, weights: Weights) -> None:
        self._fitted = fitted
        self._weights = weights

    def best(self, view: View, n: int) -> NDArray[np.int32]:
        """See `trainer.evaluation.baselines.Ranker`."""
        return top_n(self._fitted.scored(view, self._weights), n, view.masked).cols


def run(
    path: Path | str,
    *,
    recipe: Recipe,
    splits: Sequence[float] = SPLITS,
    test: Path | str | None = None,
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
    if test is None:
        plays = read_plays(path, columns, reading=reading)
        return evaluate(ordered(plays), recipe, splits, progress=progress)
    train, found = (
        read_plays(each, columns, reading=reading, assume_date=_UNDATED) for each in (path, test)
    )
    return evaluate_pairs(ordered(train), found, recipe, progress)


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
) -> Report:
    """Evaluate dated plays at several cuts; see `run`."""
    cuts = []
    for number, share in enumerate(splits):
        cuts.append(_at_cut(split(gigs, share), share, recipe))
        (progress or _ignore)((number + 1) / len(splits))
    report = cuts[0]
    report["splits"] = {f"{cut['split']:g}": cut for cut in cuts[1:]}
    report["recipe"] = recipe.model_dump(mode="json")
    return report


def evaluate_pairs(
    gigs: Gigs, test: pa.Table, recipe: Recipe, progress: Progress | None = None
) -> Report:
    """Fit on all of `gigs`, find the undated pairs of `test`; see `run`."""
    parts, view = paired(gigs, test)
    if not len(view.subjects):
        raise NothingToFit("every test pair is in train; give test pairs that are to be found")
    model, _ = fitted(parts, recipe)  # without dates there is no past to tune on
    report = _report(parts, [view], _rankers(parts, model), TEST_K)
    (progress or _ignore)(1.0)
    return report | {"recipe": recipe.model_dump(mode="json")}


def _ignore(_: float) -> None:
    """Ignore the progress."""


def _rankers(parts: Split, model: Model) -> dict[str, list[Ranker]]:
    """By row of the report; a row with several is their mean."""
    asked, rows = Fitted(model), {"live": model.weights, **ROWS}
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


def _at_cut(parts: Split, share: float, recipe: Recipe) -> Report:
    asked = [view for direction in DIRECTIONS for view in views(parts, direction)]
    model, tuned = fitted(parts, recipe)
    report = _report(parts, asked, _rankers(parts, model), K)
    return {"split": share, "tuning": tuned.report()} | report


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
        _put(report["targets"], view, counted)
        best = {
            row: [ranker.best(view, n) for ranker in several] for row, several in rankers.items()
        }
        marked = {
            row: averaged([marks(lists, view.targets) for lists in several])
            for row, several in best.items()
        }
        _add(report, view, marked, n)
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


def _add(report: Report, view: View, marked: dict[str, Marks], n: int) -> None:
    """Every row's figures, and by how much `live` is better than each other row."""
    live = np.stack(marked["live"], axis=1)
    blocks = [np.stack(row, axis=1) for row in marked.values()]
    found = intervals(np.hstack([*blocks, *(live - block for block in blocks)]))
    triples = [found[start : start + 3] for start in range(0, len(found), 3)]
    metrics = [f"ndcg{n}", f"recall{n}", f"mrr{n}"]
    for row, own, gained in zip(marked, triples, triples[len(blocks) :], strict=False):
        _put(report["models"].setdefault(row, {}), view, _cell(metrics, own))
        if row != "live":
            beaten = report["differences"].setdefault(f"live - {row}", {})
            _put(beaten, view, _cell(metrics, gained))


def _expose(report: Report, view: View, best: Mapping[str, list[NDArray[np.int32]]]) -> None:
    """How each row spreads the places of its lists; of several rankers, the first one's."""
    played = plays_by_candidate(view)
    for row, several in best.items():
        found = exposure(several[0], played)._asdict()
        known = {name: value if np.isfinite(value) else None for name, value in found.items()}
        _put(report["exposure"].setdefault(row, {}), view, known)


def _divide(report: Report, view: View, marked: Marks, best: NDArray[np.int32]) -> None:
    """The figures of `live` by segment."""
    segments = {
        "history": by_history(view, marked),
        "popularity": by_popularity(view, best),
    }
    rows = {name: list(map(_segment, found)) for name, found in segments.items()}
    _put(report["segments"], view, rows)


def _segment(found: Segment) -> Report:
    mean, low, high = found.figure
    return {"name": found.name, "number": found.number, "figure": mean, "interval": [low, high]}


def _put(tree: Report, view: View, value: Report) -> None:
    tree.setdefault(view.direction, {})[view.name] = value


def _cell(metrics: list[str], found: list[Interval]) -> Report:
    """JSON knows no NaN: a view without subjects has nulls."""
    known = [triple if np.isfinite(triple.mean) else (None,) * 3 for triple in found]
    cell: Report = {metric: mean for metric, (mean, _, _) in zip(metrics, known, strict=True)}
    ranges = {metric: [low, high] for metric, (_, low, high) in zip(metrics, known, strict=True)}
    return cell | {"interval": ranges}
