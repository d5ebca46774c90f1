"""Segments: figures of one ranking by a subject's known plays, and by its targets' plays."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.metrics import Interval, Marks, hits, intervals
from trainer.evaluation.splits import View

HISTORIES = (0, 1, 2, 5, 10, 30)
"""Lower bounds of the bands of a subject's known plays."""

BANDS = ("head", "middle", "tail")
"""Candidates by their plays before the cut, most first: each band holds a third of the plays."""


class Segment(NamedTuple):
    """One band of one view.

    Attributes:
        name: of the band.
        number: subjects, or target pairs, in it.
        figure: NDCG of the subjects, or recall of the pairs.
    """

    name: str
    number: int
    figure: Interval


def by_history(view: View, marked: Marks) -> list[Segment]:
    """NDCG by the number of known plays of a subject; bands without subjects are left out.

    Args:
        view: which was asked.
        marked: of its subjects.
    """
    known = plays_of(view)[view.subjects]
    # A number that is a bound belongs to the band that begins there.
    band = np.searchsorted(HISTORIES, known, side="right") - 1
    return [
        Segment(
            _named(number), int(np.count_nonzero(band == number)), _of(marked.ndcg, band, number)
        )
        for number in np.unique(band).tolist()
    ]


def by_popularity(view: View, best: NDArray[np.int32]) -> list[Segment]:
    """Recall of target pairs by the band of their candidate; bands without pairs are left out.

    Args:
        view: which was asked.
        best: r x K candidates, best first, -1 for none.
    """
    rows, columns = view.targets.nonzero()
    hit = hits(best, view.targets)
    width = view.targets.shape[1]
    # Targets that train never saw are no candidates, and were played least.
    played = np.zeros(width, np.int64)
    played[: len(view.candidates)] = plays_by_candidate(view)
    listed = np.nonzero(hit)[0] * width + best[hit]
    found = np.isin(rows.astype(np.int64) * width + columns, listed).astype(np.float64)
    return list(_recalls(found, bands(played)[columns]))


def bands(per_candidate: NDArray[np.int64]) -> NDArray[np.int64]:
    """The band of each candidate: 0 head, 1 middle, 2 tail."""
    order = np.argsort(-per_candidate, kind="stable")
    before = np.cumsum(per_candidate[order]) - per_candidate[order]
    found = np.empty(len(per_candidate), np.int64)
    found[order] = np.minimum(before * len(BANDS) // max(int(per_candidate.sum()), 1), 2)
    return found


def plays_of(view: View) -> NDArray[np.int64]:
    """Known plays of each subject of a view's side."""
    own = view.plays.artist if view.direction == "artist_to_venue" else view.plays.venue
    size = max(int(own.max(initial=-1)), int(view.subjects.max(initial=-1))) + 1
    return np.bincount(own, minlength=size)


def plays_by_candidate(view: View) -> NDArray[np.int64]:
    """Known plays of each candidate of a view."""
    other = view.plays.venue if view.direction == "artist_to_venue" else view.plays.artist
    return np.bincount(other, minlength=len(view.candidates))[: len(view.candidates)]


def _recalls(found: NDArray[np.float64], band: NDArray[np.int64]) -> Iterator[Segment]:
    for number in np.unique(band).tolist():
        figure = _of(found, band, number)
        yield Segment(BANDS[number], int(np.count_nonzero(band == number)), figure)


def _of(figures: NDArray[np.float64], band: NDArray[np.int64], number: int) -> Interval:
    (found,) = intervals(figures[band == number][:, None])
    return found


def _named(band: int) -> str:
    low = HISTORIES[band]
    if band + 1 == len(HISTORIES):
        return f"{low}+"
    high = HISTORIES[band + 1] - 1
    return str(low) if low == high else f"{low}-{high}"
