"""Which candidates a request leaves out.

A venue of which nothing is known fails each filter that asks for what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.plays.matrix import DAY_MS, Plays
from web.live.facts import VenueColumns, folded
from web.live.pool import Pool, Rows

EARTH_KM = 6371.0088
"""Mean radius."""
_EPOCH = date(1970, 1, 1)

Mask = NDArray[np.bool_]


class Circle(NamedTuple):
    """Everything within a distance of a point."""

    lat: float
    lng: float
    radius_km: float


@dataclass(frozen=True)
class Filters:
    """What must hold of a candidate; the default asks for nothing."""

    exclude: frozenset[str] = frozenset()
    """Ids that are left out."""
    not_played_days: float | None = None
    """Pairs that met are candidates too, unless within that many days before the data's clock, or
    later."""
    free_on: date | None = None
    """Candidates without a gig on that day (UTC)."""
    circle: Circle | None = None
    city: str | None = None
    country: str | None = None
    capacity_min: int | None = None
    capacity_max: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) != each.default for each in fields(self))

    @property
    def asks_for_facts(self) -> bool:
        """Whether it asks what a venue is."""
        given = (self.circle, self.city, self.country, self.capacity_min, self.capacity_max)
        return any(each is not None for each in given)


def left_out(
    pool: Pool, own: Plays, filters: Filters, facts: Callable[[], VenueColumns], *, returns: bool
) -> Mask:
    """By candidate, whether it is left out.

    Args:
        pool: the candidates.
        own: plays of the subject.
        filters: of the request.
        facts: of the candidates; called where a filter asks for them.
        returns: candidates that the subject met are kept.
    """
    out = np.zeros(len(pool.candidates), np.bool_)
    _strike(pool, out, pool.hidden)
    # By row numbers: comparing the texts of 20,000 ids takes longer than ranking them.
    _strike(pool, out, _met(own, filters, pool.model.as_of_ms, returns=returns))
    _strike(pool, out, pool.targets.rows(filters.exclude))
    if filters.free_on is not None:
        _strike(pool, out, pool.busy_on((filters.free_on - _EPOCH).days))
    if filters.asks_for_facts:
        out |= ~_fits(facts(), filters)
    return out


def _strike(pool: Pool, out: Mask, rows: Rows) -> None:
    places = pool.candidates.index[rows]
    # What is no candidate has -1, which would leave out the last one.
    out[places[places >= 0]] = True


def _met(own: Plays, filters: Filters, as_of_ms: int, *, returns: bool) -> Rows:
    """Rows that the subject's own plays leave out."""
    if filters.not_played_days is not None:
        return own.venue[own.at_ms > as_of_ms - filters.not_played_days * DAY_MS]
    # An empty slice keeps the type of row numbers.
    return own.venue[:0] if returns else own.venue


def _fits(facts: VenueColumns, filters: Filters) -> Mask:
    """Comparisons with NaN are false, so what is not known does not fit."""
    fits = np.ones(len(facts.capacity), np.bool_)
    if filters.circle is not None:
        fits &= distances_km(facts, filters.circle) <= filters.circle.radius_km
    if filters.city is not None:
        fits &= facts.city == folded(filters.city)
    if filters.country is not None:
        fits &= facts.country == folded(filters.country)
    if filters.capacity_min is not None:
        fits &= facts.capacity >= filters.capacity_min
    if filters.capacity_max is not None:
        fits &= facts.capacity <= filters.capacity_max
    return fits


def distances_km(facts: VenueColumns, circle: Circle) -> NDArray[np.float64]:
    """Great-circle distances from the centre, by the haversine formula; NaN where unknown."""
    lat, lng = np.radians(facts.lat), np.radians(facts.lng)
    lat0, lng0 = np.radians(circle.lat), np.radians(circle.lng)
    half = np.sin((lat - lat0) / 2) ** 2
    half = half + np.cos(lat) * np.cos(lat0) * np.sin((lng - lng0) / 2) ** 2
    # Rounding may lead out of the domain of arcsin.
    distances: NDArray[np.float64] = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return distances
