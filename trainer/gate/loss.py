"""Plays that are gone without a decision: a store that was cut, or an older copy of it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from consumer.ids.quarantines import Quarantines
from trainer.plays.matrix import DAY_MS

LEFT = 0.7
"""A generation with less than this share of the live one's gigs is held."""
OLDER_DAYS = 30.0
"""So is one with fewer gigs whose clock is more than these days behind the live one's."""


class Volume(NamedTuple):
    """What a generation was made from.

    Attributes:
        stated: gigs, cancelled ones included: what a source takes back is still stated.
        as_of_ms: the clock of the data.
        decisions: number of erasures and merges, which take gigs away.
        quarantined: sources that do not count.
    """

    stated: int
    as_of_ms: int
    decisions: int
    quarantined: Quarantines

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> "Volume":
        """Of an artifact; earlier versions noted no decisions."""
        counts = manifest["counts"]
        return cls(
            counts["plays"] + counts["cancelled"],
            manifest["as_of_ms"],
            manifest.get("decisions", 0),
            manifest.get("quarantined", {}),
        )


def lost(before: Volume, now: Volume) -> Iterator[str]:
    """Why a generation is to be held.

    Args:
        before: of the live generation.
        now: of the one that is to be published.
    """
    # Cancelled gigs are among those stated, so taking gigs back needs no other explanation.
    is_decided = now.decisions != before.decisions or now.quarantined != before.quarantined
    if is_decided or now.stated >= before.stated:
        return
    if now.stated < LEFT * before.stated:
        yield f"{now.stated:,} gigs are stored, the live generation was made from {before.stated:,}"
    behind = (before.as_of_ms - now.as_of_ms) / DAY_MS
    if behind > OLDER_DAYS:
        yield f"the newest gig that counts is {behind:,.0f} days older than the live generation's"
