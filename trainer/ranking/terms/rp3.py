"""Item-item: z[sum over the artist's venues w of log(1 + decayed plays at w) * W[w, v]].

W is the walk between venues (`trainer.model.walk`), frozen at the fit; plays are current, with a
half-life of 180 days. A venue that came after the fit has no row in W and is absent.

Artists are not ranked for venues by it: any gig at a near venue would change a venue's list, and on
real gigs it gains nothing there (docs/quality.md).

Source: RP3beta (Paudel et al. 2017).
Cost: 300 cells per venue played.
To people: "Artists who play your venues play here too."
"""

import numpy as np
from scipy.sparse import csr_matrix

from trainer.model.walk import visits
from trainer.plays.matrix import moved
from trainer.ranking.part import ScorePart, ScoringInput, standardised


def rp3(given: ScoringInput) -> ScorePart:
    """Standardised sums over venues, for artists."""
    walk_row = given.candidates.side.walk_row
    played = moved(visits(given.own, given.as_of_ms), walk_row, given.walk.shape[0])
    venues = np.unique(played.indices)
    # Rows of these alone: scipy copies a whole float32 matrix as float64 for each product.
    columns = np.searchsorted(venues, played.indices)
    visited = csr_matrix((played.data, columns, played.indptr), (played.shape[0], len(venues)))
    near = (visited @ given.walk[venues]).tocsr()
    columns = np.full(given.walk.shape[0], -1, np.int32)
    known = walk_row >= 0
    columns[walk_row[known]] = given.candidates.index[known]
    return standardised(moved(near, columns, len(given.candidates)))
