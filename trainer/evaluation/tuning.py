"""Weights of the score's terms, tuned on past windows of the same plays, guarded.

From the start weights one weight at a time is tried at FACTORS times its value (a weight of 0 at
FROM_ZERO). The best change is taken if its mean gain in NDCG@10, over windows and views, exceeds
GUARD standard errors; the search ends when none does. Subjects are paired: both weightings rank for
the same ones. Where a view has fewer than FEWEST subjects it is left out, and without any view the
start weights stay.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.ballot import Ballot, ballot
from trainer.evaluation.pairs import is_undated
from trainer.evaluation.splits import DIRECTIONS, Direction, Gigs, Split, View, views
from trainer.evaluation.windows import past, windows
from trainer.model.fit import Model, SideModel, fit
from trainer.model.foldin import folded
from trainer.plays.matrix import Plays
from trainer.ranking.part import ScoringInput
from trainer.ranking.score import TERMS, Subjects, scoring_input
from trainer.recipe import START, UNDATED, Recipe, Weights, usable

FACTORS = (0.0, 0.5, 1 / 1.5, 1.5, 2.0)
FROM_ZERO = (0.3, 1.0)
GREATEST = 4.0
GUARD = 2.0
"""Of some thirty changes the best is taken, and views share subjects: one error is no evidence."""
FEWEST = 50
MOST = 300
"""Subjects of one view of one window; drawn where there are more."""
VIEWS = ("known", "new", "returns")

SIDES: Mapping[Direction, Subjects] = {"artist_to_venue": "artists", "venue_to_artist": "venues"}
_NO_ROWS = np.empty(0, np.int32)


class Gain(NamedTuple):
    """A mean paired difference of NDCG@10 and its standard error."""

    mean: float
    error: float


NO_GAIN = Gain(0.0, 0.0)


@dataclass
class Search:
    """One direction's way from the start weights.

    Attributes:
        weights: where it stands.
        steps: term, new weight and gain of each change.
        subjects: by view, over all windows.
        gain: of the weights over the start weights, on the windows that they were tuned on.
    """

    weights: dict[str, float]
    steps: list[tuple[str, float, Gain]] = field(default_factory=list)
    subjects: dict[str, int] = field(default_factory=dict)
    gain: Gain = NO_GAIN

    def report(self) -> dict[str, Any]:
        """As JSON: weights, steps and gains with their 95 % intervals."""
        return {
            "weights": self.weights,
            **_interval(self.gain),
            "steps": [
                {"term": term, "weight": weight, **_interval(gain)}
                for term, weight, gain in self.steps
            ],
            "subjects": self.subjects,
        }


@dataclass(frozen=True)
class Tuned:
    """Weights of both directions, and how they were found."""

    artists: Search
    venues: Search

    @property
    def weights(self) -> Weights:
        """For the model."""
        return Weights(self.artists.weights, self.venues.weights)

    def report(self) -> dict[str, Any]:
        """For the manifest, `_meta` and `gigstream evaluate`."""
        return {"artists": self.artists.report(), "venues": self.venues.report()}


def tune(
    plays: Plays,
    artist_ids: Sequence[str],
    venue_ids: Sequence[str],
    as_of_ms: int,
    recipe: Recipe,
) -> Tuned:
    """Tune on the past of these plays.

    Args:
        plays: all that are known.
        artist_ids: by row.
        venue_ids: by row.
        as_of_ms: plays after that date are not used.
        recipe: of the fits; its seed also draws subjects.
    """
    return tune_on(past(plays, artist_ids, venue_ids, as_of_ms), recipe)


def tune_on(gigs: Gigs, recipe: Recipe) -> Tuned:
    """The same, on plays in date order."""
    cells: dict[str, list[tuple[str, Ballot]]] = {"artists": [], "venues": []}
    for side, name, prepared in ballots(gigs, recipe):
        cells[side].append((name, prepared))
    # A term whose data are missing is absent, not wrong.
    starts = (UNDATED if is_undated(gigs.plays) else START)._asdict()
    return Tuned(**{side: searched(cells[side], starts[side]) for side in cells})


def searched(cells: Sequence[tuple[str, Ballot]], start: Mapping[str, float]) -> Search:
    """The greedy search over views of windows.

    Args:
        cells: each with the name of its view.
        start: the weights to begin with.
    """
    names, ballots = [name for name, _ in cells], [prepared for _, prepared in cells]
    search = Search(dict(start))
    for name, prepared in cells:
        search.subjects[name] = search.subjects.get(name, 0) + len(prepared.ideal)
    first = best = [each.ndcg(each.summed(start)) for each in ballots]
    while ballots and (found := _best_change(cells, search.weights, best)):
        term, weight, gain, best = found
        search.weights[term] = weight
        search.steps.append((term, weight, gain))
    if ballots:
        search.gain = paired_gain(names, first, best)
    return search


Marks = list[NDArray[np.float64]]


def _best_change(
    cells: Sequence[tuple[str, Ballot]], weights: Mapping[str, float], best: Marks
) -> tuple[str, float, Gain, Marks] | None:
    """The change that gains most, of those that pass the guard."""
    names, ballots = [name for name, _ in cells], [prepared for _, prepared in cells]
    sums = [each.summed(weights) for each in ballots]
    found: tuple[str, float, Gain, Marks] | None = None
    for term, weight in _changes(weights):
        # Closed cells stay minus infinity: a finite step does not move them.
        step = np.float32(weight - weights[term])
        # Only one term changes: the sum of the others is not formed again.
        marks = [
            each.ndcg(held + step * each.terms[term])
            for each, held in zip(ballots, sums, strict=True)
        ]
        gain = paired_gain(names, best, marks)
        if gain.mean > GUARD * gain.error and (found is None or gain.mean > found[2].mean):
            found = term, weight, gain, marks
    return found


def _changes(weights: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for term, weight in weights.items():
        tried = [weight * factor for factor in FACTORS] if weight else FROM_ZERO
        # Never all of them 0: such a score tells no candidate from another.
        others = any(value for name, value in weights.items() if name != term)
        yield from ((term, each) for each in tried if each <= GREATEST and (each or others))


def paired_gain(names: Sequence[str], before: Marks, after: Marks) -> Gain:
    """Mean over views of windows of the mean paired difference, and its standard error.

    The same artists stand in several views of a window: the errors of views add up, as if they were
    fully correlated; those of windows add up as squares.

    Args:
        names: of the views.
        before: by view, NDCG of its subjects.
        after: the same under other weights or another recipe.
    """
    differences = [new - old for old, new in zip(before, after, strict=True)]
    mean = float(np.mean([each.mean() for each in differences]))
    variances: dict[str, float] = {}
    for name, each in zip(names, differences, strict=True):
        # The variance of a mean is var / n: added up over the windows of a view.
        variances[name] = variances.get(name, 0.0) + float(each.var()) / len(each)
    return Gain(mean, sum(variance**0.5 for variance in variances.values()) / len(differences))


def _interval(gain: Gain) -> dict[str, Any]:
    spread = 1.96 * gain.error
    return {"gain": gain.mean, "interval": [gain.mean - spread, gain.mean + spread]}


def ballots(gigs: Gigs, recipe: Recipe) -> Iterator[tuple[str, str, Ballot]]:
    """Side, view and terms, over all windows of these plays."""
    draw = np.random.default_rng(recipe.seed)
    recipe = _local(recipe)
    # Of undated plays, pairs that are held out are no returns.
    names = ("known",) if is_undated(gigs.plays) else VIEWS
    model: Model | None = None
    for parts in windows(gigs):
        asked = [view for direction in DIRECTIONS for view in _asked(parts, direction, names, draw)]
        if not asked:
            continue
        # A window's model starts at that of the window before it: two sweeps instead of ten.
        ids = parts.artist_ids, parts.venue_ids
        model = fit(parts.train, *ids, parts.cut_ms, recipe, start=model)
        for view in asked:
            yield SIDES[view.direction], view.name, _prepared(model, view)


def _asked(
    parts: Split, direction: Direction, names: Sequence[str], draw: np.random.Generator
) -> Iterator[View]:
    for view in views(parts, direction):
        if view.name in names and len(view.subjects) >= FEWEST:
            yield _drawn(view, draw)


def _drawn(view: View, draw: np.random.Generator) -> View:
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


def asked_input(model: Model, view: View) -> ScoringInput:
    """What the terms are given for a view; its new subjects are folded in.

    Args:
        model: fitted on the plays before the view's cut.
        view: the task.
    """
    subjects = SIDES[view.direction]
    side: SideModel = getattr(model, subjects)
    new = view.subjects[~side.fitted[view.subjects]]
    touched = (new, _NO_ROWS) if subjects == "artists" else (_NO_ROWS, new)
    model = folded(model, view.plays, *touched)
    return scoring_input(subjects, model, view.plays, view.subjects, view.candidates)


def _prepared(model: Model, view: View) -> Ballot:
    given, subjects = asked_input(model, view), SIDES[view.direction]
    shape = len(view.subjects), len(view.candidates)
    matrices = {name: term(given).dense(*shape) for name, term in TERMS[subjects].items()}
    return ballot(view, matrices, getattr(START, subjects))


def _local(recipe: Recipe) -> Recipe:
    """The recipe for one machine: windows are small, whatever fits the whole."""
    if recipe.engine != "spark":
        return recipe
    return recipe.model_copy(update={"engine": usable("local")})
