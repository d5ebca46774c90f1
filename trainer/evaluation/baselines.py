"""Simple rankings that the published lists must beat.

    popular         venues by the number of distinct artists
    plays           venues by the number of plays
    recent          venues by plays, each weighing 0.5 ** (days before the cut / 180)
    rp3             candidates near those played, by a walk that takes 10 ms to make (RP3beta)
    notebook        implicit's ALS(50) on raw counts, as in a first notebook

Artists are ranked for venues in the same way, seen from the other side.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.als.runtime import one_thread
from trainer.evaluation.splits import Split, View
from trainer.model.walk import visits, walk
from trainer.plays.matrix import Plays, counts, decay
from trainer.ranking.score import LinearScore
from trainer.ranking.topn import top_n

RECENT_HALF_LIFE_DAYS = 180.0
NOTEBOOK_FACTORS = 50


class Ranker(Protocol):
    """Answers views."""

    def best(self, view: View, n: int) -> NDArray[np.int32]:
        """The n best candidates of each subject, r x n; -1 where there are fewer."""


class Everywhere:
    """The same ranking for all subjects.

    Args:
        weigh: computes a weight per candidate from plays, subjects x candidates.
        parts: `train` is used.
    """

    def __init__(self, weigh: Callable[[Plays], NDArray[np.float64]], parts: Split) -> None:
        self._weights = {
            "artist_to_venue": weigh(parts.train),
            "venue_to_artist": weigh(parts.train.transposed()),
        }

    def best(self, view: View, n: int) -> NDArray[np.int32]:
        """See `Ranker`."""
        _, order = np.unique(self._weights[view.direction], return_inverse=True)
        return _ranked(
            np.zeros((len(view.subjects), 0), np.float32),
            np.zeros((len(view.candidates), 0), np.float32),
            order[view.candidates].astype(np.float32),  # exact, where a weight would be rounded
            view,
            n,
        )


def popular(parts: Split) -> Ranker:
    """By distinct visitors."""
    return Everywhere(lambda plays: _sums(counts(plays) > 0), parts)


def most_plays(parts: Split) -> Ranker:
    """By plays."""
    return Everywhere(lambda plays: _sums(counts(plays)), parts)


def recent(parts: Split) -> Ranker:
    """By decayed plays."""

    def weigh(plays: Plays) -> NDArray[np.float64]:
        weights = decay(plays.at_ms, parts.cut_ms, RECENT_HALF_LIFE_DAYS)
        return np.bincount(plays.venue, weights, plays.n_venues).astype(np.float64)

    return Everywhere(weigh, parts)


class ItemItem:
    """RP3beta of each direction: the walk between candidates, from the subject's own plays."""

    def __init__(self, parts: Split) -> None:
        self._parts = parts
        self._walks: dict[str, csr_matrix] = {}

    def best(self, view: View, n: int) -> NDArray[np.int32]:
        """See `Ranker`."""
        forward = view.direction == "artist_to_venue"
        plays = view.plays if forward else view.plays.transposed()
        own = visits(plays.for_artists(view.subjects), self._parts.cut_ms)
        size = len(view.candidates)
        near = (own @ self._walk(forward=forward)).tocsr()[:, :size].astype(np.float32)
        near.sort_indices()
        width = np.zeros((len(view.subjects), 0), np.float32), np.zeros((size, 0), np.float32)
        score = LinearScore(
            *width, np.zeros(size, np.float32), np.zeros(len(near.indptr) - 1, np.float32), near
        )
        return top_n(score, n, view.masked).cols

    def _walk(self, *, forward: bool) -> csr_matrix:
        # When it is asked for: between many artists of few venues it takes gigabytes.
        train = self._parts.train
        if (side := "venues" if forward else "artists") not in self._walks:
            plays = train if forward else train.transposed()
            self._walks[side] = walk(plays, self._parts.cut_ms)
        return self._walks[side]


class Notebook:
    """The notebook's model: its call, its defaults, its matrix; rows by first appearance."""

    def __init__(self, parts: Split, seed: int) -> None:
        # Ids that only come later stand behind those of train: the notebook does not know them.
        played = counts(parts.train)[: _seen(parts.train.artist), : _seen(parts.train.venue)]
        with one_thread():
            self._model = AlternatingLeastSquares(factors=NOTEBOOK_FACTORS, random_state=seed)
            self._model.fit(played.astype(np.float32), show_progress=False)

    def best(self, view: View, n: int) -> NDArray[np.int32]:
        """See `Ranker`; newcomers by the library's own `recalculate_user` or `..._item`."""
        model, played = self._model, counts(view.plays)
        own, other, solve = model.user_factors, model.item_factors, model.recalculate_user
        if view.direction == "venue_to_artist":
            own, other, solve, played = other, own, model.recalculate_item, played.T.tocsr()
        vectors = np.zeros((len(view.subjects), own.shape[1]), np.float32)
        fitted = view.subjects < len(own)
        vectors[fitted] = own[view.subjects[fitted]]
        new = view.subjects[~fitted]
        if len(new):
            with one_thread():
                vectors[~fitted] = solve(new, played[new][:, : len(other)].astype(np.float32))
        return _ranked(vectors, other, np.zeros(len(other), np.float32), view, n)


def _ranked(
    rows: NDArray[np.float32],
    cols: NDArray[np.float32],
    bias: NDArray[np.float32],
    view: View,
    n: int,
) -> NDArray[np.int32]:
    score = LinearScore(rows, cols, bias, np.zeros(len(rows), np.float32))
    return top_n(score, n, view.masked).cols


def _sums(matrix: csr_matrix) -> NDArray[np.float64]:
    return np.asarray(matrix.sum(axis=0), np.float64).ravel()


def _seen(rows: NDArray[np.int32]) -> int:
    return int(rows.max(initial=-1)) + 1
