"""Exposure: how the places in lists are spread over the candidates."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEAD_SHARE = 0.5
"""Share of all plays that the most played candidates, the head, hold; the rest is the long tail."""


class Exposure(NamedTuple):
    """Figures of all lists of one view, each 0 to 1; NaN without lists.

    Attributes:
        coverage: share of the candidates that are in at least one list.
        long_tail: share of the places that candidates outside the head have.
        gini: of the number of lists by candidate; 0: all alike, 1: one has every place.
    """

    coverage: float
    long_tail: float
    gini: float


def exposure(best: NDArray[np.int32], per_candidate: NDArray[np.int64]) -> Exposure:
    """The exposure of some lists.

    Args:
        best: r x K candidates, best first, -1 for none.
        per_candidate: c numbers of plays before the cut.
    """
    places = best[best >= 0]
    if not len(places):
        return Exposure(float("nan"), float("nan"), float("nan"))
    lists = np.bincount(places, minlength=len(per_candidate))
    outside = ~head(per_candidate)
    return Exposure(
        float(np.count_nonzero(lists) / len(lists)),
        float(lists[outside].sum() / len(places)),
        gini(lists),
    )


def head(per_candidate: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The fewest candidates that hold `HEAD_SHARE` of the plays."""
    order = np.argsort(-per_candidate, kind="stable")
    # Plays of those ahead: the candidate that passes the share belongs to the head.
    before = np.cumsum(per_candidate[order]) - per_candidate[order]
    found = np.zeros(len(per_candidate), np.bool_)
    found[order[before < HEAD_SHARE * per_candidate.sum()]] = True
    return found


def gini(counts: NDArray[np.int64]) -> float:
    """The Gini coefficient of counts, of which one at least is positive.

    With counts x_1 <= ... <= x_c: sum((2 i - c - 1) x_i) / (c sum(x_i)).
    """
    size = len(counts)
    weights = 2 * np.arange(1, size + 1) - size - 1
    return float(weights @ np.sort(counts) / (size * counts.sum()))
