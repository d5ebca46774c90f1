"""When to ask a person for another search of the recipe: a pure decision from two figures.

    volume    the plays have doubled since the recipe was tuned
    quality   its lead over the best baseline, on the latest plays, has shrunk to LEAST of what
              it was then

The search takes minutes, so the trainer asks for it and does not begin it.
"""

from collections.abc import Mapping
from typing import Any

from trainer.recipe_file import Evidence, lead

GROWTH = 2.0
LEAST = 0.9


def why_tune(evidence: Evidence, plays: int, quality: Mapping[str, Any] | None) -> str:
    """Why the recipe should be tuned again; "" where it need not be.

    Args:
        evidence: of the recipe file that is in use.
        plays: that count now.
        quality: the last judgement of the gate, as a manifest has it; None: there is none.
    """
    then = evidence.data.plays
    if plays >= GROWTH * then:
        return f"{plays:,} plays count now, {then:,} did when it was tuned"
    # A ratio to the baselines: how hard the latest plays are changes with the season.
    figures = ((quality or {}).get("judged") or {}).get("figures")
    now, before = lead(figures) if figures else None, evidence.lead_now
    if not before or now is None or now >= LEAST * before:
        return ""
    told = f"on the latest plays it ranks {now:.2f} times as well as the best baseline"
    return f"{told}, {before:.2f} times when it was tuned"
