"""Why an entry is in a list: the share of each term in its score, and what it rests on.

The share of a term is weight * z[term], so the shares of an entry add up to its score, as rounded
to float32 there. 0 is a candidate as good as the average one.

The *cause* of a share is the one that contributes most to it: to ALS a venue that the artist played
(or an artist who played the venue), as in implicit's `explain`; to item-item a venue that the
artist played; to bill-mates a mate.

Every term is computed for one subject: sums over its own plays and those of its mates, without a
matrix over all candidates for each. What all subjects share is computed once (`Explainer`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.als.exact import gram
from trainer.als.regularization import ridges
from trainer.als.runtime import one_thread
from trainer.model.fit import Model, SideModel
from trainer.model.walk import WALK_HALF_LIFE_DAYS
from trainer.plays.matrix import confidence, ranges
from trainer.plays.nights import shared
from trainer.ranking.contributions import NO_CAUSE, Candidates, Contributions
from trainer.ranking.history import History
from trainer.ranking.score import Subjects, biases
from trainer.ranking.subject import Subject
from trainer.ranking.terms import als, mates, own

Floats = NDArray[np.float64]
Rows = NDArray[np.integer]


@dataclass(frozen=True)
class Reasons:
    """Of k entries of one list."""

    shares: Mapping[str, Floats]
    """By term that has a weight, k shares."""
    causes: Mapping[str, NDArray[np.int64]]
    """By term that has causes, k rows: mates for `mates`, and for `als` and `rp3` rows of the
    candidates' side that the subject has plays with. `NO_CAUSE` where nothing contributes."""

    @property
    def scores(self) -> Floats:
        """The k sums of the shares."""
        total: Floats = np.sum(list(self.shares.values()), axis=0)
        return total


class _Part(NamedTuple):
    """A term of k entries: z, and its causes where it has some."""

    z: Floats
    causes: NDArray[np.int64] | None = None


class Explainer:
    """Explains lists of one side, from one state of model and plays.

    Args:
        subjects: the side that is ranked for.
        model: aligned to `history`.
        history: plays of all subjects x candidates. With `whole`, the first call reads all plays,
            and each later one is faster.
        candidates: all that were ranked: terms are standardised over them.
    """

    def __init__(
        self, subjects: Subjects, model: Model, history: History, candidates: Rows
    ) -> None:
        forward = subjects == "artists"
        self._rows: SideModel = model.artists if forward else model.venues
        self._cols: SideModel = model.venues if forward else model.artists
        self._weights: Mapping[str, float] = getattr(model.weights, subjects)
        self._forward = forward
        self._model = model
        self._history = history
        self._candidates = Candidates(candidates, len(self._cols))
        self._terms: Mapping[str, Callable[[Subject, Rows], _Part]] = {
            "popularity": self._popularity,
            "yearly": self._yearly,
            "liveness": self._liveness,
            "mates": self._mates,
            "als": self._als,
            "own": self._own,
            "rp3": self._rp3,
        }

    def explain(self, row: int, listed: Rows) -> Reasons:
        """The reasons of entries of one subject's list.

        Args:
            row: the subject.
            listed: k rows of candidates.
        """
        plays = self._history.plays.for_artists(np.array([row]))
        return self.explain_subject(
            Subject(row, self._rows.factors[row], plays, self._history), listed
        )

    def explain_subject(self, subject: Subject, listed: Rows) -> Reasons:
        """The reasons of entries of the list of one that may be no row of the model.

        Args:
            subject: whom the list is for.
            listed: k rows of candidates.
        """
        found = {
            name: self._terms[name](subject, listed)
            for name, weight in self._weights.items()
            if weight
        }
        return Reasons(
            {name: self._weights[name] * part.z for name, part in found.items()},
            {name: part.causes for name, part in found.items() if part.causes is not None},
        )

    def explain_popular(self, listed: Rows) -> Reasons:
        """The reasons of entries of the popular list, as of `trainer.ranking.score.everywhere`.

        Args:
            listed: k rows of candidates.
        """
        values = biases(self._cols)
        weights = {name: self._weights.get(name, 0) for name in values}
        # As `everywhere` does: popularity ranks where neither has a weight.
        if not any(weights.values()):
            weights = {"popularity": 1}
        shares = {
            name: weight * values[name][listed].astype(np.float64)
            for name, weight in weights.items()
            if weight
        }
        return Reasons(shares, {})

    def _popularity(self, _: Subject, listed: Rows) -> _Part:
        return _Part(self._cols.bias[listed].astype(np.float64))

    def _yearly(self, _: Subject, listed: Rows) -> _Part:
        return _Part(self._cols.yearly[listed].astype(np.float64))

    def _liveness(self, _: Subject, listed: Rows) -> _Part:
        return _Part(self._cols.liveness[listed].astype(np.float64))

    def _als(self, subject: Subject, listed: Rows) -> _Part:
        factors = subject.vector[None, :].astype(np.float64)
        plays = len(subject.plays)
        # As `als_by_history` has it for artists, and `als` for venues.
        weight = plays / (plays + 1) if self._forward else 1.0
        scaled = weight * factors[0] * als.inverse_deviation(factors, self._cols)[0]
        candidates = self._cols.factors[listed].astype(np.float64)
        return _Part((candidates - self._cols.mean) @ scaled, self._als_causes(subject, candidates))

    def _als_causes(self, subject: Subject, candidates: Floats) -> NDArray[np.int64]:
        """Split the product: x . y = sum over what was played of c_i y_i' A^-1 y.

        A is the matrix of the subject's normal equations, A x = sum of c_i y_i.
        """
        if not len(subject.met):
            return np.full(len(candidates), NO_CAUSE)
        recipe = self._model.recipe
        confident = confidence(subject.plays, self._model.as_of_ms, recipe)
        weight = confident.data.astype(np.float64)
        seen = self._cols.factors[subject.met].astype(np.float64)
        # A = Y'Y + sum of (c_i - 1) y_i y_i' + lambda I over what was played.
        ridge = np.diag(np.repeat(ridges(confident, recipe), len(self._gram)))
        with one_thread():  # small products: more threads only wait for each other
            left = self._gram + (seen.T * (weight - 1)) @ seen + ridge
            parts = weight[:, None] * (seen @ np.linalg.solve(left, candidates.T))
        best = parts.argmax(axis=0)
        return np.where(parts.max(axis=0) > 0, subject.met[best], NO_CAUSE)

    @cached_property
    def _gram(self) -> Floats:
        return gram(self._cols.factors)

    def _own(self, subject: Subject, listed: Rows) -> _Part:
        values = np.log1p(own.STEEPNESS * subject.decayed(self._model.as_of_ms, own.HALF_LIFE_DAYS))
        return _Part(self._candidates.z(subject.met, values, listed))

    def _mates(self, subject: Subject, listed: Rows) -> _Part:
        nights = subject.history.nights_shared_by(subject.plays)
        known = shared(subject.plays, np.array([subject.row]), nights, self._model.as_of_ms)
        found = known.indices
        recent = subject.history.recent_of(found)
        sizes = np.diff(recent.indptr)
        values = np.repeat(known.data, sizes) * recent.data
        cells = Contributions(np.repeat(found, sizes), recent.indices, values)
        return self._summed(cells, listed, len(found) / (len(found) + mates.SHRINKAGE))

    def _rp3(self, subject: Subject, listed: Rows) -> _Part:
        walk = self._model.walk
        step = self._cols.walk_row[subject.met]
        visits = np.log1p(subject.decayed(self._model.as_of_ms, WALK_HALF_LIFE_DAYS))
        known = step >= 0  # a venue that came after the fit has no row in the walk
        first, last = (walk.indptr[step[known] + end].astype(np.int64) for end in (0, 1))
        at, sizes = ranges(first, last), last - first
        column = self._walked[walk.indices[at]]
        there = column >= 0  # a venue that was erased since has no column
        source = np.repeat(subject.met[known], sizes)
        values = np.repeat(visits[known], sizes) * walk.data[at]
        return self._summed(Contributions(source[there], column[there], values[there]), listed)

    @cached_property
    def _walked(self) -> NDArray[np.int64]:
        """By row of the walk, the venue; -1 for one that is not known any more."""
        venue = np.full(self._model.walk.shape[0], -1)
        known = np.flatnonzero(self._cols.walk_row >= 0)
        venue[self._cols.walk_row[known]] = known
        return venue

    def _summed(self, cells: Contributions, listed: Rows, scale: float = 1.0) -> _Part:
        z = scale * self._candidates.z(*cells.summed(len(self._cols)), listed)
        return _Part(z, cells.greatest(listed, len(self._cols)))
