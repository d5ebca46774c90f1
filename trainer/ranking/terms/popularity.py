"""Recent popularity: z[log(1 + popularity)].

    popularity(v) = sum over artists of k / (k + 1) * min(1, decayed plays), half-life 60 days

k is the number of other venues where the artist played. Frozen at the fit; a venue that came later
gets its value at its first fold-in. Read from the other side it is an artist's activity.

Source: the count of distinct users, the baseline of Cremonesi et al. 2010, decayed.
Cost: one number per candidate.
To people: "Many artists play here these months."
"""

from trainer.ranking.part import ScorePart, ScoringInput


def popularity(given: ScoringInput) -> ScorePart:
    """z[log(1 + popularity)]."""
    return ScorePart(bias=given.candidates.bias)
