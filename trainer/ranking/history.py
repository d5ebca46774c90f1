"""The plays of all subjects, as terms read them: for a few rows, or for all of them in blocks."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.plays.matrix import Plays, decayed
from trainer.plays.nights import Nights, codes_of, nights_of

Rows = NDArray[np.integer]

MATES_PLAY_HALF_LIFE_DAYS = 120.0


class History:
    """Reads plays of single rows, or computes matrices of all rows once and takes rows of them.

    Both give the same values. The first costs time linear in the plays of those rows, for every
    call; the second pays where the lists of all rows are made.

    Args:
        plays: all plays, subjects x candidates.
        as_of_ms: the date from which plays age.
        whole: compute matrices of all rows at their first use.
    """

    def __init__(self, plays: Plays, as_of_ms: int, *, whole: bool = False) -> None:
        self.plays = plays
        self._as_of_ms = as_of_ms
        self._whole = whole
        self._recent: csr_matrix | None = None
        self._nights: Nights | None = None

    @cached_property
    def _by_candidate(self) -> Plays:
        # Once: of plain plays every new one would sort all of them.
        return self.plays.transposed()

    def recent_of(self, rows: Rows) -> csr_matrix:
        """log(1 + decayed plays) of these subjects, over the root of the row's sum.

        The half-life is 120 days.
        """
        if not self._whole:
            return self._recent_plays(self.plays.for_artists(rows))
        if self._recent is None:
            self._recent = self._recent_plays(self.plays)
        return self._recent[rows]

    def nights_shared_by(self, own: Plays) -> Nights:
        """All nights of these plays, with everyone who played then; perhaps further nights."""
        if not self._whole:
            return self._nights_of(own)
        if self._nights is None:
            self._nights = nights_of(self.plays)
        return self._nights

    def _nights_of(self, own: Plays) -> Nights:
        candidates = np.unique(own.venue)
        there = self._by_candidate.for_artists(candidates)
        rows = candidates[there.artist]
        # A busy venue has thousands of plays, and the subject was there on a few nights.
        kept = np.isin(codes_of(rows, there.at_ms), codes_of(own.venue, own.at_ms))
        return nights_of(Plays(there.venue[kept], rows[kept], there.at_ms[kept], *self.plays.shape))

    def _recent_plays(self, plays: Plays) -> csr_matrix:
        matrix = decayed(plays, self._as_of_ms, MATES_PLAY_HALF_LIFE_DAYS)
        values = np.log1p(matrix.data)
        row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        total = np.bincount(row, values, matrix.shape[0])
        inverse = np.divide(1, np.sqrt(total), out=np.zeros(len(total)), where=total > 0)
        return csr_matrix(
            (values * inverse[row], matrix.indices, matrix.indptr), shape=matrix.shape
        )
