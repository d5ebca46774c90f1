"""The ranking score: a weighted sum of standardised terms, as one matrix product.

R(subject, candidate) = sum over terms of weight * z[term]

The terms are in `trainer.ranking.terms`, their weights are part of the model. z standardises over
the candidates. Within a row it only shifts and scales, so R orders candidates as
`scaled row . column + bias of the column + additions to single cells`. Each term yields a
`ScorePart`, and the parts are added into one `LinearScore`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.model.fit import Model, SideModel
from trainer.plays.matrix import Plays
from trainer.ranking.history import History
from trainer.ranking.part import Candidates, Rows, ScorePart, ScoringInput, Term
from trainer.ranking.terms.als import als, als_by_history
from trainer.ranking.terms.liveness import liveness
from trainer.ranking.terms.mates import mates
from trainer.ranking.terms.own import own
from trainer.ranking.terms.popularity import popularity
from trainer.ranking.terms.rp3 import rp3
from trainer.ranking.terms.yearly import yearly

Subjects = Literal["artists", "venues"]

TERMS: Mapping[Subjects, Mapping[str, Term]] = {
    "artists": {
        "popularity": popularity,
        "yearly": yearly,
        "liveness": liveness,
        "mates": mates,
        "als": als_by_history,
        "own": own,
        "rp3": rp3,
    },
    "venues": {
        "popularity": popularity,
        "liveness": liveness,
        "als": als,
        "own": own,
    },
}
"""By the side that is ranked for."""


@dataclass(frozen=True)
class LinearScore:
    """R = rows @ cols.T + bias + shift[:, None] + additions, never formed as a whole.

    Raises:
        ValueError: shapes do not fit.
    """

    rows: NDArray[np.float32]
    """r x F."""
    cols: NDArray[np.float32]
    """c x F."""
    bias: NDArray[np.float32]
    """c."""
    shift: NDArray[np.float32]
    """r."""
    additions: csr_matrix | None = None
    """r x c."""

    def __post_init__(self) -> None:
        shapes = self.rows.shape, self.cols.shape, self.bias.shape, self.shift.shape
        (r, width), (c, _), _, _ = shapes
        if shapes != ((r, width), (c, width), (c,), (r,)):
            raise ValueError(f"rows, cols, bias, shift: shapes {shapes} do not fit together")
        if self.additions is not None and self.additions.shape != (r, c):
            raise ValueError(f"additions: shape {self.additions.shape} is not {(r, c)}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return len(self.rows), len(self.cols)


def venues_for_artists(
    model: Model, plays: Plays | History, rows: Rows, columns: Rows
) -> LinearScore:
    """Venues ranked for artists; see `scoring_input` for the arguments.

    Args:
        model: as there.
        plays: as there.
        rows: artists.
        columns: venues.
    """
    return summed("artists", model, scoring_input("artists", model, plays, rows, columns))


def artists_for_venues(
    model: Model, plays: Plays | History, rows: Rows, columns: Rows
) -> LinearScore:
    """Artists ranked for venues; see `scoring_input` for the arguments.

    Args:
        model: as there.
        plays: as there.
        rows: venues.
        columns: artists.
    """
    return summed("venues", model, scoring_input("venues", model, plays, rows, columns))


def scoring_input(
    subjects: Subjects, model: Model, plays: Plays | History, rows: Rows, columns: Rows
) -> ScoringInput:
    """What the terms are given.

    Args:
        subjects: the side that is ranked for; candidates are of the other one.
        model: aligned to `plays`.
        plays: all plays, artists x venues; or a `History` of subjects x candidates.
        rows: distinct subjects.
        columns: candidates; a tie goes to the earlier.
    """
    forward = subjects == "artists"
    if not isinstance(plays, History):
        plays = History(plays if forward else plays.transposed(), model.as_of_ms)
    side = model.artists if forward else model.venues
    return ScoringInput(
        vectors=side.factors[rows],
        wanted=rows,
        candidates=Candidates(model.venues if forward else model.artists, columns),
        own=plays.plays.for_artists(rows),
        history=plays,
        as_of_ms=model.as_of_ms,
        walk=model.walk,
    )


def biases(side: SideModel) -> dict[str, NDArray[np.float32]]:
    """By term that is the same for all subjects, its values by candidate."""
    return {"popularity": side.bias, "yearly": side.yearly, "liveness": side.liveness}


def everywhere(side: SideModel, weights: Mapping[str, float]) -> NDArray[np.float32]:
    """By candidate, the score for a subject of which nothing is known.

    Args:
        side: of the candidates.
        weights: of the terms.
    """
    shared = biases(side)
    parts = [np.float32(weights[name]) * shared[name] for name in shared if weights.get(name)]
    # Without any weight all candidates would be equal: popularity ranks them then.
    return _total(parts, len(side)) if parts else side.bias


def summed(subjects: Subjects, model: Model, given: ScoringInput) -> LinearScore:
    """The weighted sum of a side's terms; one of weight 0 is not computed.

    Args:
        subjects: the side that is ranked for.
        model: has the weights.
        given: what the terms are computed from.
    """
    weights: Mapping[str, float] = getattr(model.weights, subjects)
    held = {name: term for name, term in TERMS[subjects].items() if weights.get(name)}
    parts = [term(given).times(weights[name]) for name, term in held.items()]
    return joined(parts, len(given.wanted), len(given.candidates))


def joined(parts: Sequence[ScorePart], n_rows: int, n_cols: int) -> LinearScore:
    """The sum of all parts, over n_rows x n_cols.

    Args:
        parts: of the terms.
        n_rows: subjects.
        n_cols: candidates.
    """
    additions = [part.additions for part in parts if part.additions is not None]
    return LinearScore(
        rows=_beside([part.rows for part in parts], n_rows),
        cols=_beside([part.cols for part in parts], n_cols),
        bias=_total([part.bias for part in parts], n_cols),
        shift=_total([part.shift for part in parts], n_rows),
        additions=sum(additions[1:], additions[0]) if additions else None,
    )


def _beside(matrices: Sequence[NDArray[np.float32] | None], size: int) -> NDArray[np.float32]:
    held = [matrix for matrix in matrices if matrix is not None]
    if len(held) == 1:
        return held[0]  # a copy of a million columns saved
    return np.hstack([np.empty((size, 0), np.float32), *held])


def _total(vectors: Sequence[NDArray[np.float32] | None], size: int) -> NDArray[np.float32]:
    held = [vector for vector in vectors if vector is not None]
    total: NDArray[np.float32] = np.sum([np.zeros(size, np.float32), *held], axis=0)
    return total
