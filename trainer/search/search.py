"""From plays to a recipe file: search on past windows, then compare on the latest plays.

The search sees the plays before the gate's slice (`trainer.evaluation.judgement`). Its best recipe
wins if it is better than the start on the windows, beyond the 95 % interval, and better on the
slice too. Otherwise the file holds the start: it never makes lists worse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from trainer.errors import NothingToFit
from trainer.evaluation.judgement import SHARE, Judgement, Setting, judge
from trainer.evaluation.splits import Gigs, split
from trainer.evaluation.tuning import Gain, tune_on
from trainer.evaluation.windows import past, windows
from trainer.plays.fingerprints import fingerprints
from trainer.plays.ids import Ids
from trainer.recipe import Recipe
from trainer.recipe_file import Data, Evidence, OnSlice, OnWindows, Range, RecipeFile, lead
from trainer.search.objective import Objective
from trainer.search.space import searched
from trainer.search.study import Best, Budget, Study

_SPREAD = 1.96

OnTrial = Callable[[Recipe, float, int], None]


@dataclass(frozen=True)
class Search:
    """What is searched, and with what means.

    Attributes:
        gigs: the plays, in date order.
        start: the recipe to begin with.
        study: path of the file of trials.
        budget: when to end.
        seed: of what is tried.
    """

    gigs: Gigs
    start: Recipe
    study: Path
    budget: Budget
    seed: int = 1

    def run(self, on_trial: OnTrial = lambda _recipe, _figure, _number: None) -> RecipeFile:
        """Search, compare, and state what came of it.

        Args:
            on_trial: called after each trial with its recipe, figure and number.

        Raises:
            NothingToFit: the plays are too few for a window.
            SearchNotInstalled: the extra `tune` is missing.
        """
        before = _before_slice(self.gigs)
        # Tuned once: weights tuned for each trial would reward chance.
        objective = Objective(before, tune_on(before, self.start).weights)
        if not objective.marks(self.start)[1]:
            raise NothingToFit(
                "no past window has 50 artists or venues to rank for; tune on more plays"
            )
        study = Study(self.study, self._name(), self.start, dated=True, seed=self.seed)
        study.run(objective.figure, self.budget, on_trial)
        best = study.best() or Best(self.start, objective.figure(self.start), 0)
        # Fitted again: subjects are paired, which the stored figures cannot be.
        gain = objective.gain(self.start, best.recipe)
        return self._file(best, objective.figure(self.start), gain, _cuts(before))

    def _name(self) -> str:
        """Differs where figures cannot be compared: other plays, or another start."""
        # Without the threads: a fit is the same for any number of them.
        facts = f"{digest(self.gigs)} {self.start.model_dump_json(exclude={'threads'})} {self.seed}"
        return sha256(facts.encode()).hexdigest()[:16]

    def _file(self, best: Best, start: float, gain: Gain, cuts: tuple[date, ...]) -> RecipeFile:
        compared = compare(self.gigs, self.start, best.recipe)
        reason = why_not(best.recipe == self.start, gain, compared)
        found, kept = (_values(each) for each in (best.recipe, self.start))
        return RecipeFile(
            recipe=kept if reason else found,
            evidence=Evidence(
                won=not reason,
                reason=reason or "better on the past windows and on the latest plays",
                found=found,
                start=kept,
                seed=self.seed,
                data=data(self.gigs),
                windows=OnWindows(
                    trials=best.trials,
                    cuts=cuts,
                    start=start,
                    found=best.figure,
                    gain=_range(gain),
                ),
                slice=_on_slice(compared),
                lead=None if compared is None else lead(_kept_figures(compared, reason)),
            ),
        )


def compare(gigs: Gigs, start: Recipe, found: Recipe) -> Judgement | None:
    """The gate's comparison of two recipes, each with the weights that it tunes for itself.

    Args:
        gigs: in date order; the latest are ranked.
        start: in the row `live`.
        found: in the row `judged`.
    """
    before = _before_slice(gigs)
    live, new = (Setting(each, tune_on(before, each).weights) for each in (start, found))
    return judge(gigs, new, live)


def why_not(is_start: bool, gain: Gain, compared: Judgement | None) -> str:
    """Why the best recipe does not win; "" where it does.

    Args:
        is_start: whether it is the one that the search began with.
        gain: on the windows.
        compared: on the latest plays.
    """
    if is_start:
        return "no trial was better than the start"
    if gain.mean <= _SPREAD * gain.error:
        return "the gain on the past windows is within its 95 % interval"
    if compared is None:
        return "the latest plays are too few to compare on"
    if compared.gains["live"].mean <= 0:
        return "it is not better on the latest plays"
    return ""


def data(gigs: Gigs) -> Data:
    """The version of some plays."""
    plays = gigs.plays
    first, last = (_day(int(each)) for each in (plays.at_ms[0], plays.at_ms[-1]))
    return Data(
        plays=len(plays),
        artists=int(np.count_nonzero(plays.per_artist)),
        venues=int(np.count_nonzero(plays.per_venue)),
        first=first,
        last=last,
        digest=digest(gigs),
    )


def digest(gigs: Gigs) -> str:
    """A hash of the plays, independent of their order."""
    # Sums of hashes, so that the order of a file does not matter.
    by_artist = fingerprints(gigs.plays, Ids(gigs.artist_ids), Ids(gigs.venue_ids)).artists
    return f"{int(by_artist.sum(dtype=np.uint64)):016x}"


def _before_slice(gigs: Gigs) -> Gigs:
    parts = split(gigs, SHARE)
    return past(parts.train, parts.artist_ids, parts.venue_ids, parts.cut_ms)


def _cuts(gigs: Gigs) -> tuple[date, ...]:
    return tuple(_day(parts.cut_ms) for parts in windows(gigs))


def _values(recipe: Recipe) -> dict[str, float]:
    return {name: getattr(recipe, name) for name in searched(recipe, dated=True)}


def _range(gain: Gain) -> Range:
    spread = _SPREAD * gain.error
    return Range(gain.mean, gain.mean - spread, gain.mean + spread)


def _on_slice(compared: Judgement | None) -> OnSlice | None:
    if compared is None:
        return None
    return OnSlice(
        cut=_day(compared.cut_ms),
        figures=dict(compared.figures),
        gain=Range(*compared.gains["live"]),
    )


def _kept_figures(compared: Judgement, reason: str) -> dict[str, float]:
    """Of the file's recipe as `judged`, which is the start where the best one did not win."""
    figures = dict(compared.figures)
    return figures | {"judged": figures["live"]} if reason else figures


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()
