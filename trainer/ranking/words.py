"""Reasons in words: what each term says to people, and which reasons of an entry are shown."""

from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

SHOWN = 3
"""Reasons of an entry in words; JSON has all."""
LEAST_SHOWN = 0.05
"""Of the sum of all shares above 0."""
NO_REASON = "nothing sets it apart: it is as good as the average"

WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "artist": {
        "popularity": ("many artists play here these months", ""),
        "yearly": ("many artists play here over the year", ""),
        "liveness": ("there were gigs here lately", ""),
        "mates": ("artists you shared a bill with play here now", ", above all {}"),
        "als": ("artists like you play here", ", as your gigs at {} show"),
        "own": ("you played here before", ""),
        "rp3": ("artists who play your venues play here too", ", above all those of {}"),
    },
    "venue": {
        "popularity": ("plays at many venues these months", ""),
        "liveness": ("had gigs lately", ""),
        "als": ("is like artists who play here", ", above all {}"),
        "own": ("has played here before", ""),
    },
}
"""By term: what it says to people, and what its cause adds."""


class Shared(Protocol):
    """A reason: a term with its share in a score."""

    @property
    def share(self) -> float:
        """0 is what the average candidate has."""
        ...


Told = TypeVar("Told", bound=Shared)


class Raising(NamedTuple, Generic[Told]):
    """A reason that is shown, and its part of all that raises the entry."""

    part: float
    reason: Told


def raising(reasons: Sequence[Told]) -> list[Raising[Told]]:
    """What raises an entry most; none where nothing sets it apart.

    Args:
        reasons: of the entry, greatest share first.
    """
    # Parts of the sum of all shares would exceed 100 % where others lower the entry.
    raised = sum(max(each.share, 0) for each in reasons)
    # A small share says little, and would only make the sentence longer.
    shown = [each for each in reasons[:SHOWN] if each.share > LEAST_SHOWN * raised]
    return [Raising(each.share / raised, each) for each in shown]
