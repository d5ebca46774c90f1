"""Liveness: z[-log(1 + days since the last gig)].

Venues close and artists stop. Popularity notices that late, as old gigs decay slowly. A venue's gig
counts if its artist played at another venue too; a venue without one has 0. Frozen at the fit, as
popularity is.

Source: measured on real gigs (docs/quality.md).
Cost: one number per candidate.
To people: "It is active: the last gig was a few days ago."
"""

from trainer.ranking.part import ScorePart, ScoringInput


def liveness(given: ScoringInput) -> ScorePart:
    """z[-log(1 + days since the last gig)]."""
    return ScorePart(bias=given.candidates.liveness)
