"""Drift: how far a new generation is from the live one, and whether one venue or source takes over.

Two moments are compared: that of the live generation, and now. The decision is a pure function of
both: facts for people come out, and reasons to hold the generation until a person has looked.

    new plays    of a source or venue: max(0, plays now - plays before)
    share shown  of a venue: lists with it among their first entries / lists
    share on top of a venue: lists with it as the first entry / lists

New venues of real gigs enter up to 88 % of the lists by themselves, with a festival for example.
Their artists have played elsewhere; those of invented gigs have not. So a rise holds a
generation only where most of the venue's artists are not rooted (`trainer.gate.moment`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.gate.moment import SHOWN, Moment

REPORTED = 10
"""Sources and venues in a report: those that changed most."""


@dataclass(frozen=True)
class Limits:
    """Beyond these a generation is held; all are shares from 0 to 1."""

    shown_rise: float = 0.3
    """A venue's share shown rises by more, or ..."""
    top_rise: float = 0.15
    """... its share on top does, ..."""
    rooted: float = 0.3
    """... and less than this share of its artists is rooted."""
    new_share: float = 0.5
    """A source or venue has more of the new plays, ..."""
    old_share: float = 0.1
    """... had less than this of all plays before, ..."""
    gain: float = 0.05
    """... and its share of all plays rises by more than this."""


class Change(NamedTuple):
    """Of a source or venue.

    Attributes:
        name: of the source, or id of the venue.
        new_plays: how many.
        new_share: of all new plays.
        before: its share of all plays at the live generation.
        now: its share of all plays now.
    """

    name: str
    new_plays: int
    new_share: float
    before: float
    now: float


class Showing(NamedTuple):
    """The lists that show a venue.

    Attributes:
        venue: its id.
        shown_before: its share shown at the live generation.
        shown: its share shown now.
        top_before: its share on top at the live generation.
        top: its share on top now.
        rooted: the share of its artists who have plays at another venue.
    """

    venue: str
    shown_before: float
    shown: float
    top_before: float
    top: float
    rooted: float


@dataclass(frozen=True)
class Drift:
    """The comparison; what changed most comes first.

    Attributes:
        new_plays: of all sources.
        new_artists: artists with plays that had none before.
        new_venues: venues with plays that had none before.
        sources: those with the most new plays.
        venues: those with the most new plays.
        lists: venues whose share shown changed most.
        reasons: why the generation is to be held; none: it is not.
    """

    new_plays: int
    new_artists: int
    new_venues: int
    sources: Sequence[Change]
    venues: Sequence[Change]
    lists: Sequence[Showing]
    reasons: Sequence[str]

    @property
    def is_held(self) -> bool:
        """Whether a person should look before it is published."""
        return bool(self.reasons)

    def as_json(self) -> dict[str, Any]:
        """As objects, arrays, texts and numbers."""
        return asdict(self) | {
            "sources": [each._asdict() for each in self.sources],
            "venues": [each._asdict() for each in self.venues],
            "lists": [each._asdict() for each in self.lists],
            "reasons": list(self.reasons),
            "held": self.is_held,
        }


def drift(before: Moment, now: Moment, limits: Limits | None = None) -> Drift:
    """Compare two moments.

    Args:
        before: of the live generation.
        now: of the generation that is to be published.
        limits: beyond which it is held.
    """
    sources = _changes(before.sources, now.sources)
    venues = _changes(_plays(before), _plays(now))
    lists = _showings(before, now)
    reasons = _reasons(sources, venues, lists, limits or Limits())
    return Drift(
        new_plays=sum(each.new_plays for each in sources),
        new_artists=len({*now.artists}.difference(before.artists)),
        new_venues=len({*now.venues}.difference(before.venues)),
        sources=sources[:REPORTED],
        venues=venues[:REPORTED],
        lists=lists[:REPORTED],
        # Where nothing counted before, all is new, and there is nothing to take over.
        reasons=tuple(reasons) if before.venues else (),
    )


def _plays(moment: Moment) -> dict[str, int]:
    return dict(zip(moment.venues, moment.plays.tolist(), strict=True))


def _changes(before: Mapping[str, int], now: Mapping[str, int]) -> list[Change]:
    """Those with plays now, by new plays."""
    # Never below 0: plays that were taken back would shrink the sum that shares are of.
    new = {name: max(0, plays - before.get(name, 0)) for name, plays in now.items()}
    # At least 1: where there are none, all shares are 0.
    of_new, of_before, of_now = (max(1, sum(each.values())) for each in (new, before, now))
    return [
        Change(name, n, n / of_new, before.get(name, 0) / of_before, now[name] / of_now)
        for name, n in sorted(new.items(), key=lambda item: (-item[1], item[0]))
    ]


def _showings(before: Moment, now: Moment) -> list[Showing]:
    """Venues with plays now, by how much their share shown changed."""
    place = {name: row for row, name in enumerate(before.venues)}
    rows = np.array([place.get(name, -1) for name in now.venues], np.int64)
    columns = (
        _shares(before.shown, before.lists, rows),
        now.shown / max(1, now.lists),
        _shares(before.top, before.lists, rows),
        now.top / max(1, now.lists),
        now.rooted / np.maximum(1, now.visitors),
    )
    found = map(Showing, now.venues, *(column.tolist() for column in columns))
    return sorted(found, key=lambda each: -abs(each.shown - each.shown_before))


def _shares(counted: NDArray[np.int64], lists: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of these rows; 0 where there is none (-1)."""
    # Row -1 takes the 0 that is appended.
    return np.append(counted, 0)[rows] / max(1, lists)


def _reasons(
    sources: Sequence[Change], venues: Sequence[Change], lists: Sequence[Showing], limits: Limits
) -> Iterator[str]:
    yield from (f"source {_brought(each)}" for each in sources if _takes_over(each, limits))
    yield from (f"venue {_brought(each)}" for each in venues if _takes_over(each, limits))
    yield from (_entered(each) for each in lists if _enters(each, limits))


def _takes_over(change: Change, limits: Limits) -> bool:
    is_most = change.new_share > limits.new_share and change.before < limits.old_share
    return is_most and change.now - change.before > limits.gain


def _enters(showing: Showing, limits: Limits) -> bool:
    shown, top = showing.shown - showing.shown_before, showing.top - showing.top_before
    return showing.rooted < limits.rooted and (shown > limits.shown_rise or top > limits.top_rise)


def _brought(change: Change) -> str:
    return (
        f"{change.name!r} brings {change.new_share:.0%} of {change.new_plays:,} new plays "
        f"and had {change.before:.1%} of all"
    )


def _entered(showing: Showing) -> str:
    return (
        f"venue {showing.venue!r} is among the first {SHOWN} of {showing.shown:.0%} of the lists, "
        f"before of {showing.shown_before:.0%}; {showing.rooted:.0%} of its artists have played "
        "anywhere else"
    )
