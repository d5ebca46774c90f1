"""What becomes of a fit: published, refused, or held until a person has looked."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

PUBLISHED = "published"
REFUSED = "refused"
HELD = "held"

ENOUGH = 1000
"""Plays of both generations, from which on they are compared."""
GROWTH = 1.1
"""With this many times the plays of the last judgement, a recipe is judged again."""

FIRST = "not judged: there was no live model to compare it with"
FEW = "not judged: too few plays"
FORCED = "not judged: published by force"
SAME = "not judged again: recipe, weights and volume are nearly those of the generation before"
RECOUNTED = "not judged again: the recipe is that of the generation before, other sources count"
WARM = "not judged again: a warm fit has the recipe and weights of the generation before"


@dataclass(frozen=True)
class Verdict:
    """A decision.

    Attributes:
        verdict: `published`, `refused` or `held`.
        reasons: why it is not published; they may name ids.
        summary: the same in a few words, without ids.
        note: why it was not judged; "" where it was.
    """

    verdict: str = PUBLISHED
    reasons: Sequence[str] = ()
    summary: str = ""
    note: str = ""

    @property
    def is_published(self) -> bool:
        """Whether there is no reason against it."""
        return self.verdict == PUBLISHED

    def __str__(self) -> str:
        """For logs and errors, with the remedy."""
        remedy = {
            HELD: "; the live lists stay: look, then publish it with `gigstream accept`",
            REFUSED: "; the live lists stay: correct the cause, or publish the next one with "
            "`gigstream train --once --force`",
        }
        return f"{self.verdict}: {'; '.join(self.reasons)}{remedy.get(self.verdict, '')}"

    def as_json(self) -> dict[str, Any]:
        """As objects and texts."""
        return asdict(self) | {"reasons": list(self.reasons)}


def decide(
    worse: Sequence[str],
    insane: Sequence[str],
    lost: Sequence[str],
    drifted: Sequence[str],
    *,
    note: str = "",
) -> Verdict:
    """The verdict from what was found; a refusal goes before a hold.

    Args:
        worse: why its recipe is worse than what is live.
        insane: why the fit is not what was judged.
        lost: what is gone without an explanation.
        drifted: which venue or source takes over.
        note: why it was not judged.
    """
    found: Mapping[str, Sequence[str]] = {
        "ranks worse than what is live": worse,
        "is not what was judged": insane,
        "plays are gone": lost,
        "a venue or source takes over": drifted,
    }
    summary = ", ".join(name for name, reasons in found.items() if reasons)
    # No person can make a worse model better, so a refusal is not offered for acceptance.
    if worse or insane:
        return Verdict(REFUSED, (*worse, *insane), summary, note)
    if lost or drifted:
        return Verdict(HELD, (*lost, *drifted), summary, note)
    return Verdict(note=note)


def is_asked(judged: Mapping[str, Any] | None, plays: int, *, is_same: bool) -> bool:
    """Whether a recipe must be judged again.

    Args:
        judged: the last judgement, None where there was none.
        plays: that count now.
        is_same: whether recipe and weights are those of the live generation.
    """
    # Fewer plays do not ask for it: what is gone without a decision is held.
    return not is_same or judged is None or plays > GROWTH * judged["plays"]
