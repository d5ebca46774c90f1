"""Whether a fit is of the kind that was judged: its factors, and the lists that they make.

affinity    share of plays whose x · y exceeds that of the same artist with a random venue, by more
            than nothing: vectors that have shrunk to 0 tell no venue from another
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.model.fit import Model, positions
from trainer.plays.matrix import Plays

SAMPLED = 20_000
"""Plays that affinity is measured on."""
NOTHING = 1e-6
"""Differences of x · y that are none: a pair that met has about 1, one that never did about 0."""
LOST = 0.1
"""How much less affinity than the judged model a fit may have."""
BEST = 10
COMMON = 0.25
"""Share of the ten best that lists of both have in common, at least."""


class Sanity(NamedTuple):
    """What a fit and the judged model have in common.

    Attributes:
        affinity: of the fit.
        judged: affinity of the judged model, on plays that it knew.
        overlap: of the ten best of their lists; None: not measured.
    """

    affinity: float
    judged: float
    overlap: float | None

    @property
    def reasons(self) -> list[str]:
        """Why the fit must not be published."""
        found = []
        if self.affinity < self.judged - LOST:
            found.append(
                f"its factors put {self.affinity:.0%} of the plays before a random venue, those of "
                f"the judged model {self.judged:.0%}; see whether the newest gig is years after "
                "most others, since plays age from it"
            )
        if self.overlap is not None and self.overlap < COMMON:
            found.append(
                f"its lists have {self.overlap:.0%} of their ten best in common with those of the "
                "judged model"
            )
        return found


def affinity(model: Model, plays: Plays, seed: int = 1) -> float:
    """See the module; half of the ties count, and what differs by `NOTHING` is one.

    Args:
        model: rows as in the plays.
        plays: that the model was fitted on.
        seed: of the draws.
    """
    draw = np.random.default_rng(seed)
    picked = draw.integers(len(plays), size=min(SAMPLED, len(plays)))
    artist, venue = plays.artist[picked], plays.venue[picked]
    # Among venues with plays: factors of the others are zero and lose each comparison.
    others = draw.choice(np.flatnonzero(plays.per_venue), len(picked))
    own = model.artists.factors[artist].astype(np.float64)
    played = (own * model.venues.factors[venue]).sum(axis=1)
    random = (own * model.venues.factors[others]).sum(axis=1)
    more = played - random
    return float(((more > NOTHING) + 0.5 * (abs(more) <= NOTHING)).mean())


def agreement(model: Model, judged: Model, artist_ids: Sequence[str]) -> float | None:
    """Share of the ten best venues by x · y that both models name for the same artists.

    Args:
        model: the fit.
        judged: the judged model.
        artist_ids: of the artists.

    Returns:
        None where fewer than ten venues or no artists are in both.
    """
    venues = sorted({*judged.venue_ids}.intersection(model.venue_ids))
    in_both = {*judged.artist_ids}
    known = [name for name in artist_ids if name in in_both]
    # The ten best of ten are the same for any two models.
    if len(venues) <= BEST or not known:
        return None
    one, two = (_best(each, known, venues) for each in (model, judged))
    shared = [len(np.intersect1d(a, b)) for a, b in zip(one, two, strict=True)]
    return sum(shared) / (BEST * len(shared))


def _best(model: Model, artists: Sequence[str], venues: Sequence[str]) -> NDArray[np.int64]:
    own = model.artists.factors[positions(model.artist_ids, artists)]
    scores = own @ model.venues.factors[positions(model.venue_ids, venues)].T
    # Sets are compared: the order of the ten does not matter.
    return np.argpartition(-scores, BEST, axis=1)[:, :BEST]
