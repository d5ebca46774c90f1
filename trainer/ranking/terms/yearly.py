"""Popularity over the year: as `popularity`, with a half-life of 365 days.

Where houses close for a season, days since the last gig and the gigs of the last months tell the
season, not the house. The term starts with weight 0: it counts where tuning finds that it gains.
Frozen at the fit.

Source: measured on real gigs (docs/quality.md).
Cost: one number per candidate.
To people: "Many artists play here over the year."
"""

from trainer.ranking.part import ScorePart, ScoringInput


def yearly(given: ScoringInput) -> ScorePart:
    """z[log(1 + popularity)], half-life 365 days."""
    return ScorePart(bias=given.candidates.yearly)
