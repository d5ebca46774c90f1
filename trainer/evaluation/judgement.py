"""How a recipe with its weights ranks the most recent plays, beside the live one and baselines.

The plays are cut at SHARE of them by date; each row is fitted on what came before and ranks what
came after. A *cell* is one view of one direction (`trainer.evaluation.splits`) with at least
FEWEST subjects. The figure of a row is the mean over cells of their NDCG@10. Intervals are of
paired differences: the subjects of a direction are drawn once for all of its views and all rows,
since the same artists stand in several views.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.errors import NothingToFit
from trainer.evaluation.baselines import ItemItem, Ranker, popular, recent
from trainer.evaluation.metrics import Interval, marks
from trainer.evaluation.scored import Fitted, Live
from trainer.evaluation.splits import DIRECTIONS, Gigs, Split, View, split, views
from trainer.model.fit import Model, fit
from trainer.plays.matrix import Plays
from trainer.recipe import Recipe, Weights, usable

SHARE = 0.9
"""Of the plays, before the cut."""
K = 10
VIEWS = ("known", "new", "returns")
FEWEST = 50
"""Subjects of a cell, at least."""
MOST = 500
"""Subjects of a cell; drawn where there are more."""
DRAWS = 1000
MATERIAL = 0.02
"""A loss of less than this share of the other row's figure refuses nothing: equal subjects make
intervals so narrow that lambda 31 is surely worse than 30."""
REFUSING = ("live", "popular")
"""Rows that a new recipe must not be worse than; the others are for people to compare."""

Floats = NDArray[np.float64]


class Setting(NamedTuple):
    """What a fit is made by: two of them are compared."""

    recipe: Recipe
    weights: Weights


@dataclass(frozen=True)
class Judgement:
    """What came of it.

    Attributes:
        cut_ms: the date of the cut, epoch ms.
        plays: number of all plays, of which the last ones were ranked.
        subjects: by cell.
        figures: mean NDCG@10 by row, of the rows that rank every cell: all are comparable.
        gains: difference of the judged row to each other row, with its 95 % interval, over the
            cells that both rank: `rp3` ranks venues for artists alone.
        model: that was judged, fitted before the cut.
        train: the plays before the cut.
    """

    cut_ms: int
    plays: int
    subjects: Mapping[str, int]
    figures: Mapping[str, float]
    gains: Mapping[str, Interval]
    model: Model
    train: Plays

    @property
    def reasons(self) -> list[str]:
        """Why it must not be published: each row that it is surely and clearly worse than."""
        return [
            f"on the latest plays its NDCG@10 is {self.figures['judged']:.4f}, that of "
            f"{_NAMES[row]} {self.figures[row]:.4f}; the difference is {gain.low:.4f} to "
            f"{gain.high:.4f}"
            for row, gain in self.gains.items()
            if row in REFUSING and gain.high < 0 and gain.mean < -MATERIAL * self.figures[row]
        ]

    def as_json(self) -> dict[str, Any]:
        """As objects, arrays and numbers, without model and plays."""
        names = ("cut_ms", "plays", "subjects", "figures")
        facts = {name: getattr(self, name) for name in names}
        return facts | {"gains": {row: list(gain) for row, gain in self.gains.items()}}


_NAMES = {"live": "the live recipe and weights", "popular": "the popular list"}


def judge(gigs: Gigs, new: Setting, live: Setting) -> Judgement | None:
    """Compare two settings on the latest plays.

    One fit is made, a second one only where the recipes differ.

    Args:
        gigs: plays in date order.
        new: the one to judge.
        live: the one to compare with.

    Returns:
        None where the plays are too few, or not dated.
    """
    try:
        parts = split(gigs, SHARE)
    except NothingToFit:
        return None
    asked = _asked(parts, new.recipe.seed)
    if not asked:
        return None
    model = _fitted(parts, new.recipe)
    rows = _rankers(parts, model, new, live)
    # View by view: the terms of a view are computed once for all rows.
    cells = [(view, _marked(rows, view)) for view in asked]
    # rp3 ranks one direction alone: the first and the last cell together name all rows.
    return Judgement(
        cut_ms=parts.cut_ms,
        plays=len(gigs.plays),
        subjects={f"{view.direction} {view.name}": len(view.subjects) for view in asked},
        figures=_figures([cell for _, cell in cells]),
        gains={
            name: gain(
                [view for view, cell in cells if name in cell],
                [cell["judged"] - cell[name] for _, cell in cells if name in cell],
            )
            for name in {**cells[0][1], **cells[-1][1]}
            if name != "judged"
        },
        model=model,
        train=parts.train,
    )


def _figures(cells: Sequence[Mapping[str, Floats]]) -> dict[str, float]:
    """The mean over cells of each row that ranks all of them.

    A mean over some cells would not compare with one over all: artists are easier than venues,
    or harder. The difference of such a row is paired, cell by cell, and stays.
    """
    whole = [name for name in cells[0] if all(name in cell for cell in cells)]
    return {name: float(np.mean([cell[name].mean() for cell in cells])) for name in whole}


def gain(cells: Sequence[View], differences: Sequence[Floats], seed: int = 1) -> Interval:
    """The mean over cells of mean differences, with its bootstrap interval.

    Args:
        cells: the views.
        differences: by cell, of each subject.
        seed: of the draws.
    """
    draw = np.random.default_rng(seed)
    means = [_drawn(cells, differences, direction, draw) for direction in DIRECTIONS]
    drawn = np.concatenate(means, axis=1).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    whole = np.mean([each.mean() for each in differences])
    return Interval(float(whole), float(low), float(high))


def _drawn(
    cells: Sequence[View], differences: Sequence[Floats], direction: str, draw: np.random.Generator
) -> Floats:
    """Means of the cells of one direction, draws x cells."""
    own = [pair for pair in zip(cells, differences, strict=True) if pair[0].direction == direction]
    if not own:
        return np.empty((DRAWS, 0))
    everyone = np.unique(np.concatenate([view.subjects for view, _ in own]))
    # Poisson counts stand for draws with replacement, and need no sorting.
    times = draw.poisson(1.0, (DRAWS, len(everyone))).astype(np.float64)
    columns = []
    for view, values in own:
        picked = times[:, np.searchsorted(everyone, view.subjects)]
        # At least 1: a draw may leave a cell without any subject.
        columns.append(picked @ values / np.maximum(picked.sum(axis=1), 1))
    return np.stack(columns, axis=1)


def _rankers(parts: Split, model: Model, new: Setting, live: Setting) -> dict[str, Ranker]:
    asked = Fitted(model)
    # Other weights alone need no fit of their own.
    before = asked if live.recipe == new.recipe else Fitted(_fitted(parts, live.recipe))
    return {
        "judged": Live(asked, new.weights),
        "live": Live(before, live.weights),
        "popular": popular(parts),
        "recent": recent(parts),
        "rp3": ItemItem(parts),
    }


def _fitted(parts: Split, recipe: Recipe) -> Model:
    # The plays of the slice fit one machine, whatever engine fits the whole.
    here = recipe.engine if recipe.engine != "spark" else usable("local")
    recipe = recipe.model_copy(update={"engine": here})
    return fit(parts.train, parts.artist_ids, parts.venue_ids, parts.cut_ms, recipe)


def _marked(rows: Mapping[str, Ranker], view: View) -> dict[str, Floats]:
    """NDCG@10 by subject of each row that ranks this view."""
    # A walk between artists may take gigabytes: rp3 ranks venues for artists alone.
    asked = [name for name in rows if name != "rp3" or view.direction == DIRECTIONS[0]]
    return {name: _ndcg(rows[name], view) for name in asked}


def _ndcg(ranker: Ranker, view: View) -> Floats:
    return marks(ranker.best(view, K), view.targets).ndcg


def _asked(parts: Split, seed: int) -> list[View]:
    draw = np.random.default_rng(seed)
    return [
        _some(view, draw)
        for direction in DIRECTIONS
        for view in views(parts, direction)
        if view.name in VIEWS and len(view.subjects) >= FEWEST
    ]


def _some(view: View, draw: np.random.Generator) -> View:
    """The view with at most MOST subjects."""
    if len(view.subjects) <= MOST:
        return view
    kept = np.sort(draw.choice(len(view.subjects), MOST, replace=False))
    return replace(
        view,
        subjects=view.subjects[kept],
        targets=view.targets[kept],
        masked=None if view.masked is None else view.masked[kept],
    )
