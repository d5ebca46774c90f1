"""Offline quality: what the trainer would have published at a date, marked by what came after.

    live        fit with the recipe on the plays before the cut, as_of = the cut, newcomers
                folded in, ranked by the published score
    popular, recent, notebook    see `trainer.baselines`

`trainer.splits` asks the questions, `trainer.quality` marks the answers. With a file of undated
test pairs there is no cut: everything in the first file is train.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from consumer.files import Columns, batches
from trainer.baselines import Notebook, Ranker, popular, recent
from trainer.errors import NothingToFit
from trainer.foldin import folded
from trainer.matrix import counts
from trainer.model import fit
from trainer.quality import Interval, Marks, averaged, intervals, marks
from trainer.score import artists_for_venues, venues_for_artists
from trainer.settings import Recipe
from trainer.splits import DIRECTIONS, Gigs, Split, View, ordered, paired, split, views
from trainer.topn import top_n

K = 10
TEST_K = 20
SPLITS = (0.8, 0.7, 0.9)
"""The first is the one whose figures are quoted."""
NOTEBOOK_SEEDS = (1, 2, 3)

Progress = Callable[[float], None]
Report = dict[str, Any]
_UNDATED = date(1970, 1, 1)
_NOBODY = np.empty(0, np.int32)


class Live:
    """What the trainer would publish."""

    def __init__(self, parts: Split, recipe: Recipe) -> None:
        ids = parts.artist_ids, parts.venue_ids
        self._model = fit(parts.train, *ids, parts.cut_ms, recipe)

    def best(self, view: View, n: int) -> NDArray[np.int32]:
        """See `trainer.baselines.Ranker`."""
        forward = view.direction == "artist_to_venue"
        side = self._model.artists if forward else self._model.venues
        new = view.subjects[~side.fitted[view.subjects]]
        touched = (new, _NOBODY) if forward else (_NOBODY, new)
        model = folded(self._model, view.plays, *touched)
        scored = venues_for_artists if forward else artists_for_venues
        score = scored(model, counts(view.plays), view.subjects, view.candidates)
        return top_n(score, n, view.masked).cols


def run(
    path: Path | str,
    *,
    recipe: Recipe,
    splits: Sequence[float] = SPLITS,
    test: Path | str | None = None,
    columns: Columns | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate an events file.

    Args:
        path: events with dates; with `test`, dates may be missing.
        recipe: of the row `live`.
        splits: shares before the cut; the first fills the report, the others its `splits`.
        test: undated pairs that are to be found; then `splits` is not used.
        columns: which column of both files is what.
        progress: called with the share done, 0 to 1.

    Returns:
        What `gigstream evaluate --json` prints.

    Raises:
        BadFile: a file cannot be read.
        NothingToFit: a part has no plays.
        BadSplit: a split is not between 0 and 1.
    """
    progress = progress or _nobody
    if test is None:
        return evaluate(ordered(read_plays(path, columns)), recipe, splits, progress=progress)
    train = ordered(read_plays(path, columns, assume_date=_UNDATED))
    return evaluate_pairs(train, read_plays(test, columns, assume_date=_UNDATED), recipe, progress)


def read_plays(
    path: Path | str, columns: Columns | None = None, *, assume_date: date | None = None
) -> pa.Table:
    """The plays of a file: `artist_id`, `venue_id`, `date`, in file order.

    Raises:
        BadFile: see `consumer.files.batches`.
        NothingToFit: it has no rows, or no dates.
    """
    read = list(batches(path, columns, assume_date=assume_date))
    if not sum(map(len, read)):
        raise NothingToFit(f"{path} holds no plays; give a file with at least one row")
    whole = pa.concat_tables(read)
    if "date" not in whole.column_names:
        raise NothingToFit(f"{path} has no dates; name their column or give pairs to test on")
    return whole.select(["artist_id", "venue_id", "date"])


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
        (progress or _nobody)((number + 1) / len(splits))
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
    report = _report(parts, [view], _rankers(parts, recipe), TEST_K)
    (progress or _nobody)(1.0)
    return report | {"recipe": recipe.model_dump(mode="json")}


def text(report: Report) -> str:
    """The report as tables for people: the first metric with its interval."""
    cuts = [report, *report.get("splits", {}).values()]
    return "\n\n".join("\n".join(_paragraph(cut)) for cut in cuts)


def _nobody(_: float) -> None:
    """The progress that nobody watches."""


def _rankers(parts: Split, recipe: Recipe) -> dict[str, list[Ranker]]:
    """By row of the report; a row with several is their mean."""
    return {
        "live": [Live(parts, recipe)],
        "popular": [popular(parts)],
        "recent": [recent(parts)],
        "notebook": [Notebook(parts, seed) for seed in NOTEBOOK_SEEDS],
    }


def _at_cut(parts: Split, share: float, recipe: Recipe) -> Report:
    asked = [view for direction in DIRECTIONS for view in views(parts, direction)]
    return {"split": share} | _report(parts, asked, _rankers(parts, recipe), K)


def _report(parts: Split, asked: list[View], rankers: dict[str, list[Ranker]], n: int) -> Report:
    report: Report = _facts(parts) | {
        "rows_looked_at": len(rankers),
        "targets": {},
        "models": {},
        "differences": {},
    }
    for view in asked:
        counted = {"subjects": len(view.subjects), "pairs": int(view.targets.nnz)}
        _put(report["targets"], view, counted)
        marked = {
            row: averaged([marks(ranker.best(view, n), view.targets) for ranker in several])
            for row, several in rankers.items()
        }
        _add(report, view, marked, n)
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


def _put(tree: Report, view: View, value: Report) -> None:
    tree.setdefault(view.direction, {})[view.name] = value


def _cell(metrics: list[str], found: list[Interval]) -> Report:
    """JSON knows no NaN: a view without subjects has nulls."""
    known = [triple if np.isfinite(triple.mean) else (None,) * 3 for triple in found]
    cell: Report = {metric: mean for metric, (mean, _, _) in zip(metrics, known, strict=True)}
    ranges = {metric: [low, high] for metric, (_, low, high) in zip(metrics, known, strict=True)}
    return cell | {"interval": ranges}


_TITLES = {"artist_to_venue": "Venues for artists", "venue_to_artist": "Artists for venues"}


def _paragraph(cut: Report) -> Iterator[str]:
    plays, size = cut["plays"], f"{cut['artists']:,} artists, {cut['venues']:,} venues"
    share = f"Split {cut['split']:g}: " if "split" in cut else ""
    yield f"{share}{plays['train']:,} plays to {cut['cut']} ({size}), {plays['later']:,} later."
    for direction, targets in cut["targets"].items():
        metric = next(iter(cut["models"]["live"][direction][next(iter(targets))]))
        yield f"{_TITLES[direction]}: {metric.upper()} with its 95 % interval, by view (subjects)"
        yield _line("", [f"{view} ({number['subjects']:,})" for view, number in targets.items()])
        for row, figures in cut["models"].items():
            yield _line(row, [_figure(cell, metric) for cell in figures[direction].values()])


def _line(row: str, cells: Sequence[str]) -> str:
    return f"  {row:<9}" + "".join(f"{cell:<18}" for cell in cells).rstrip()


def _figure(cell: Report, metric: str) -> str:
    if cell[metric] is None:
        return "-"
    low, high = cell["interval"][metric]
    return f"{cell[metric]:.3f} {low:.3f}-{high:.3f}"
