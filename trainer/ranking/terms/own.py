"""Own history: z[log(1 + 5 * decayed plays)] of the subject's own plays, half-life 180 days.

It is constant over candidates that the subject never played, so it changes the order of the
returns views alone.

Source: measured on real gigs (docs/quality.md).
Cost: linear in the subject's plays.
To people: "You played here five times, last in spring."
"""

import numpy as np

from trainer.plays.matrix import decayed, moved
from trainer.ranking.part import ScorePart, ScoringInput, standardised

HALF_LIFE_DAYS = 180.0
STEEPNESS = 5.0


def own(given: ScoringInput) -> ScorePart:
    """z[log(1 + 5 * decayed plays)]."""
    matrix = decayed(given.own, given.as_of_ms, HALF_LIFE_DAYS)
    matrix.data = np.log1p(STEEPNESS * matrix.data)
    return standardised(moved(matrix, given.candidates.index, len(given.candidates)))
