"""Implicit-feedback matrix factorisation: z[x . y], for artists times h / (h + 1).

x and y are the vectors of subject and candidate, h is the artist's number of plays: one play says
little about an artist. Vectors are frozen at the fit; a changed row is solved again, exactly.

Source: Hu, Koren, Volinsky 2008, "Collaborative filtering for implicit feedback datasets".
Cost: a product of F numbers per pair; 9 us per changed row.
To people: "Artists like this one play here."
"""

import numpy as np
from numpy.typing import NDArray

from trainer.model.fit import SideModel
from trainer.ranking.part import ScorePart, ScoringInput

FLAT = 1e-9
"""Below this deviation of a row's products z is 0: they carry no information. (ALS targets 0 and
1.)"""


def als(given: ScoringInput) -> ScorePart:
    """z[x . y], the standardised product of factors."""
    return _part(given, np.ones(len(given.wanted)))


def als_by_history(given: ScoringInput) -> ScorePart:
    """H / (h + 1) * z[x . y]."""
    history = given.own.per_artist.astype(np.float64)
    return _part(given, history / (history + 1))


def _part(given: ScoringInput, weight: NDArray[np.float64]) -> ScorePart:
    factors = given.vectors.astype(np.float64)
    # Over candidates y, x . y has the mean x . mean and the variance x' C x: no product is formed.
    scaled = factors * (weight * inverse_deviation(factors, given.candidates.side))[:, None]
    return ScorePart(
        rows=scaled.astype(np.float32),
        cols=given.candidates.factors,
        shift=(-scaled @ given.candidates.side.mean).astype(np.float32),
    )


def inverse_deviation(factors: NDArray[np.float64], cols: SideModel) -> NDArray[np.float64]:
    """1 / sqrt(x' C x), C the covariance of the columns; 0 where the root is below FLAT."""
    variance = ((factors @ cols.covariance) * factors).sum(axis=1)
    deviation = np.sqrt(np.maximum(variance, 0))
    inverse: NDArray[np.float64] = np.zeros_like(deviation)
    np.divide(1, deviation, out=inverse, where=deviation > FLAT)
    return inverse
