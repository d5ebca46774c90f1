"""The near horizon: a fit every DAYS, each scored by the plays of the DAYS that follow.

The views of one cut ask for years; a trainer that refits every day is asked for weeks. Weights are
those of the first cut. A figure is the mean over subjects of their mean over steps.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.baselines import ItemItem, Ranker, popular, recent
from trainer.evaluation.figures import Report, add
from trainer.evaluation.metrics import Marks, marks
from trainer.evaluation.scored import ROWS, Fitted, Live
from trainer.evaluation.splits import DIRECTIONS, Gigs, Split, View, until, views
from trainer.model.fit import Model, fit
from trainer.plays.matrix import DAY_MS

DAYS = 60
MOST_STEPS = 12
"""Where there are more, they are taken at equal distances."""
VIEWS = ("known", "new", "returns")
K = 10

Seen = dict[tuple[str, str], list[tuple[View, Mapping[str, Marks]]]]


def rolling(gigs: Gigs, parts: Split, model: Model) -> Report:
    """Figures of the plays after a cut, step by step.

    Args:
        gigs: all plays.
        parts: the cut.
        model: fitted on the plays before it; later fits start from it and keep its weights.
    """
    seen: Seen = {}
    cuts = [*_cuts(parts)]
    for cut_ms in cuts:
        step = until(gigs, cut_ms, cut_ms + DAYS * DAY_MS)
        ids = step.artist_ids, step.venue_ids
        # Warm: the plays of 60 days change little, and a sweep or two is enough.
        model = fit(step.train, *ids, cut_ms, model.recipe, start=model)
        _rank(step, _rankers(step, model), seen)
    return {"days": DAYS, "cuts": [_day(each) for each in cuts], **_figures(seen)}


def _rank(step: Split, rows: Mapping[str, Ranker], seen: Seen) -> None:
    # View by view: a fitted model computes the terms of a view once for all weights.
    for view in (each for direction in DIRECTIONS for each in views(step, direction)):
        if view.name in VIEWS and len(view.subjects):
            seen.setdefault((view.direction, view.name), []).append((view, _marked(rows, view)))


def _cuts(parts: Split) -> Iterator[int]:
    if not len(parts.later):
        return
    # Whole steps: a last, shorter one would have fewer targets than the others.
    number = max(1, int((parts.later.at_ms[-1] - parts.cut_ms) // (DAYS * DAY_MS)))
    for step in np.unique(np.linspace(0, number - 1, min(number, MOST_STEPS)).astype(int)):
        # Steps do not overlap: a play is a target once.
        yield parts.cut_ms + int(step) * DAYS * DAY_MS


def _rankers(parts: Split, model: Model) -> dict[str, Ranker]:
    asked = Fitted(model)
    return {
        "live": Live(asked, model.weights),
        "start": Live(asked, ROWS["start"]),
        "two": Live(asked, ROWS["two"]),
        "rp3": ItemItem(parts),
        "popular": popular(parts),
        "recent": recent(parts),
    }


def _marked(rows: Mapping[str, Ranker], view: View) -> dict[str, Marks]:
    # A walk between many artists takes seconds a step: rp3 ranks venues for artists alone.
    asked = [name for name in rows if name != "rp3" or view.direction == DIRECTIONS[0]]
    return {name: marks(rows[name].best(view, K), view.targets) for name in asked}


def _figures(seen: Seen) -> dict[str, Any]:
    report: Report = {"targets": {}, "models": {}, "differences": {}}
    for (direction, name), steps in seen.items():
        subjects = np.concatenate([view.subjects for view, _ in steps])
        marked = {
            row: _by_subject(subjects, [found[row] for _, found in steps]) for row in steps[0][1]
        }
        counted = {
            "subjects": len(np.unique(subjects)),
            "pairs": sum(int(view.targets.nnz) for view, _ in steps),
        }
        report["targets"].setdefault(direction, {})[name] = counted
        add(report, steps[0][0], marked, K)
    return report


def _by_subject(subjects: NDArray[np.int32], steps: list[Marks]) -> Marks:
    """Means over steps, so that a subject counts once in intervals too."""
    _, index, times = np.unique(subjects, return_inverse=True, return_counts=True)
    columns = (np.concatenate(column) for column in zip(*steps, strict=True))
    return Marks(*(np.bincount(index, column) / times for column in columns))


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
