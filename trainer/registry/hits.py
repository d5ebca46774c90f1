"""How many announced gigs were in stored lists before: the file `hits.jsonl` in `models/`.

A line for each look at new gigs, written before they change a list. It holds no ids of artists or
venues. A line names the positions of the store up to which was looked, so that a restarted trainer
counts no gig twice. Lines are summed by week and generation from time to time.
"""

import json
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from consumer.table import durable

logger = logging.getLogger(__name__)

FILE = "hits.jsonl"
MOST = 200
"""Sums that are kept, of one week and generation each."""
SHOWN = 8
"""Weeks and generations in a report."""

_LINES = 1000
_Z = 1.96


class Tally(NamedTuple):
    """Announced gigs of one view.

    Attributes:
        gigs: whose artist, or venue, had a list.
        hits: of these, in the first ten of that list.
        popular: of these, in the first ten of the popular list.
        without: further ones, whose artist or venue had no list yet.
    """

    gigs: int = 0
    hits: int = 0
    popular: int = 0
    without: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """The sum of both."""
        return Tally(*(one + more for one, more in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Look:
    """What one look at new gigs found, or several of one week and generation.

    Attributes:
        week: ISO week (UTC) of the look.
        generation: whose lists were looked at; 0: none were published.
        positions: by app id, the offset below which all gigs were looked at.
        views: by view; without those that have no gig.
        left_out: gigs that came in too large a number to be looked at.
    """

    week: str
    generation: int
    positions: Mapping[str, int]
    views: Mapping[str, Tally] = field(default_factory=dict)
    left_out: int = 0


class Hits:
    """Writes the file; of a folder `models/` that this process has the lease on.

    Args:
        models: the folder.
    """

    def __init__(self, models: Path) -> None:
        self._path = models / FILE
        self._looks = read(models)
        self._lines = _LINES  # the first one sums up what is there

    @property
    def positions(self) -> Mapping[str, int] | None:
        """Up to where gigs were looked at; None: there was no look yet."""
        return self._looks[-1].positions if self._looks else None

    def add(self, look: Look) -> None:
        """Note a look."""
        self._looks = summed([*self._looks, look])
        self._lines += 1
        try:
            if self._lines > _LINES:
                durable.write(self._path, "".join(map(_line, self._looks)).encode())
                self._lines = 0
            else:
                # Not synced: a power cut may cost the last lines, a killed process costs none.
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(_line(look))
        except OSError as error:  # the lists are right without it
            logger.warning("%s cannot be written: %s", FILE, error)

    def report(self) -> dict[str, Any]:
        """See `report`."""
        return report(self._looks)


def read(models: Path) -> list[Look]:
    """All that was noted, summed; the last one has the positions."""
    try:
        lines = (models / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        logger.warning("%s cannot be read: %s", FILE, error)
        return []
    return summed(filter(None, map(_look, lines)))


def summed(looks: Iterable[Look]) -> list[Look]:
    """One for each week and generation, in the order of their last looks."""
    found: dict[tuple[str, int], Look] = {}
    for look in looks:
        before = found.pop((look.week, look.generation), None)
        found[look.week, look.generation] = _sum(before, look) if before else look
    return [*found.values()][-MOST:]


def report(looks: Iterable[Look]) -> dict[str, Any]:
    """Rates by week and by generation, newest first, `SHOWN` of each at most.

    Each view has `gigs`, `hits`, `rate` and `popular_rate`, both with the bounds of their 95 %
    intervals (Wilson), and `without_list`.
    """
    looks = list(looks)
    return {
        "weeks": _grouped(looks, "week"),
        "generations": _grouped(looks, "generation"),
        "left_out": sum(each.left_out for each in looks),
    }


def wilson(hits: int, gigs: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); all of 0 to 1 where there is no gig."""
    if not gigs:
        return 0.0, 1.0
    share, more = hits / gigs, _Z**2 / gigs
    middle = share + more / 2
    half = _Z * math.sqrt(share * (1 - share) / gigs + more / (4 * gigs))
    return max(0.0, (middle - half) / (1 + more)), min(1.0, (middle + half) / (1 + more))


def _grouped(looks: list[Look], by: str) -> list[dict[str, Any]]:
    groups: dict[Any, dict[str, Tally]] = {}
    for look in looks:
        if look.views:
            group = groups.setdefault(getattr(look, by), {})
            for view, tally in look.views.items():
                group[view] = group.get(view, Tally()).plus(tally)
    newest = sorted(groups, reverse=True)[:SHOWN]
    return [{by: each, "views": {v: _rates(t) for v, t in groups[each].items()}} for each in newest]


def _rates(tally: Tally) -> dict[str, Any]:
    def share(hits: int) -> float | None:
        return round(hits / tally.gigs, 4) if tally.gigs else None

    def bounds(hits: int) -> list[float]:
        return [round(each, 4) for each in wilson(hits, tally.gigs)]

    return {
        "gigs": tally.gigs,
        "hits": tally.hits,
        "rate": share(tally.hits),
        "interval": bounds(tally.hits),
        "popular_rate": share(tally.popular),
        "popular_interval": bounds(tally.popular),
        "without_list": tally.without,
    }


def _sum(before: Look, look: Look) -> Look:
    views = {
        view: before.views.get(view, Tally()).plus(look.views.get(view, Tally()))
        for view in (*before.views, *(look.views.keys() - before.views))
    }
    left_out = before.left_out + look.left_out
    return Look(look.week, look.generation, look.positions, views, left_out)


def _line(look: Look) -> str:
    return json.dumps(asdict(look)) + "\n"


def _look(line: str) -> Look | None:
    """A line; None: a power cut left it incomplete."""
    try:
        noted = json.loads(line)
        views = {view: Tally(*counts) for view, counts in noted.pop("views").items()}
        return Look(**noted, views=views)
    except (ValueError, TypeError, KeyError):
        return None
