"""Rankings by a fitted model, under the published weights or under others."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.splits import View
from trainer.evaluation.tuning import SIDES, asked_input
from trainer.model.fit import Model
from trainer.ranking.part import ScorePart, ScoringInput
from trainer.ranking.score import TERMS, LinearScore, joined
from trainer.ranking.topn import top_n
from trainer.recipe import START, Weights

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
        # By identity: `==` of two views would compare arrays.
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
