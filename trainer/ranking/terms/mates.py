"""Bill-mates: m / (m + 5) * z[sum over mates b of U[a, b] * P[b, v]]: where mates play now.

    U[a, b] = sum over shared nights of 0.5 ** (age / 365 d) / (artists of the night - 1)
    P[b, v] = log(1 + decayed plays) / sqrt(the sum of b's row), half-life 120 days

m is the number of distinct mates: one mate says little. Without mates the term is 0. Nights of more
than 200 artists are left out (`trainer.plays.nights.LARGEST_BILL`).

Source: user-based neighbourhoods (Herlocker et al. 1999), with shared bills for similarity.
Cost: linear in the plays of the mates; 21 mates of 4 venues are typical.
To people: "Artists you shared a bill with play here now."
"""

import numpy as np
from scipy.sparse import csr_matrix

from trainer.plays.matrix import moved
from trainer.plays.nights import shared
from trainer.ranking.part import ScorePart, ScoringInput, standardised

SHRINKAGE = 5.0


def mates(given: ScoringInput) -> ScorePart:
    """M / (m + 5) * z[where mates play]."""
    nights = given.history.nights_shared_by(given.own)
    known = shared(given.own, given.wanted, nights, given.as_of_ms)
    found = np.unique(known.indices)
    # Only the mates' plays are read: a fold-in does not look at everybody.
    columns = np.searchsorted(found, known.indices)
    weights = csr_matrix((known.data, columns, known.indptr), shape=(known.shape[0], len(found)))
    plays = weights @ given.history.recent_of(found)
    number = np.diff(known.indptr)
    found_plays = moved(plays.tocsr(), given.candidates.index, len(given.candidates))
    return standardised(found_plays, number / (number + SHRINKAGE))
