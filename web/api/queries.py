"""Query parameters of lists, and what they ask for."""

from dataclasses import replace
from datetime import date
from typing import Annotated

from litestar.params import Parameter

from web.errors import BadQuery
from web.live.filters import Circle, Filters
from web.live.ranking import Asked

# The bound of offset: each page is ranked from the first entry on, so depth costs time.
MAX_N, MAX_OFFSET, MAX_EXCLUDED, MAX_DAYS = 200, 10_000, 1_000, 36_525
MAX_TEXT, MAX_COUNT = 200, 10_000_000
HALF_ROUND_KM = 20_038
"""Half of the equator: no two places are further apart."""

# Litestar leaves a bound of 0 out of the description of an optional parameter.
_FROM_0 = {"minimum": 0}

Size = Annotated[int, Parameter(ge=1, le=MAX_N, description="How many entries.")]
Offset = Annotated[
    int,
    Parameter(
        ge=0,
        le=MAX_OFFSET,
        description="How many of the best to pass over; `next_offset` of the answer continues.",
    ),
]
Returns = Annotated[
    bool,
    Parameter(description="Pairs that met are listed too, with `plays`, the number of their gigs."),
]
Excluded = Annotated[
    list[str] | None,
    Parameter(
        max_items=MAX_EXCLUDED,
        description="An id to leave out; repeat it for further ones.",
    ),
]
NotPlayedDays = Annotated[
    float | None,
    Parameter(
        ge=0,
        schema_extra=_FROM_0,
        le=MAX_DAYS,
        description="Pairs that met are listed too, unless they have a gig within this many days "
        "before `as_of`, or later.",
    ),
]
FreeOn = Annotated[
    date | None,
    Parameter(description="Only those without a gig on this day (UTC), as 2026-05-01."),
]
Latitude = Annotated[
    float | None,
    Parameter(ge=-90, le=90, description="Centre of a circle; needs `lng` and `radius_km`."),
]
Longitude = Annotated[
    float | None,
    Parameter(ge=-180, le=180, description="Centre of a circle; needs `lat` and `radius_km`."),
]
Radius = Annotated[
    float | None,
    Parameter(
        ge=0,
        schema_extra=_FROM_0,
        le=HALF_ROUND_KM,
        description="Only venues within this distance of `lat`, `lng`.",
    ),
]
City = Annotated[
    str | None,
    Parameter(min_length=1, max_length=MAX_TEXT, description="Only venues of this city."),
]
Country = Annotated[
    str | None,
    Parameter(
        min_length=1,
        max_length=MAX_TEXT,
        description="Only venues of this country, as the statements write it.",
    ),
]
CapacityMin = Annotated[
    int | None,
    Parameter(
        ge=0,
        schema_extra=_FROM_0,
        le=MAX_COUNT,
        description="Only venues for at least this many people.",
    ),
]
CapacityMax = Annotated[
    int | None,
    Parameter(
        ge=0,
        schema_extra=_FROM_0,
        le=MAX_COUNT,
        description="Only venues for at most this many people.",
    ),
]


def pairs_asked(
    *,
    n: Size = 10,
    offset: Offset = 0,
    returns: Returns = False,
    exclude: Excluded = None,
    not_played_days: NotPlayedDays = None,
    free_on: FreeOn = None,
) -> Asked:
    """What is asked of a list of artists.

    Args:
        n: entries.
        offset: entries before them.
        returns: with pairs that met.
        exclude: ids.
        not_played_days: days.
        free_on: a day.
    """
    filters = Filters(
        exclude=frozenset(exclude or ()), not_played_days=not_played_days, free_on=free_on
    )
    return Asked(n, offset, returns, filters)


def venue_filters(
    *,
    lat: Latitude = None,
    lng: Longitude = None,
    radius_km: Radius = None,
    city: City = None,
    country: Country = None,
    capacity_min: CapacityMin = None,
    capacity_max: CapacityMax = None,
) -> Filters:
    """What is asked of venues.

    Args:
        lat: of the centre.
        lng: of the centre.
        radius_km: of the circle.
        city: its name.
        country: its name.
        capacity_min: people.
        capacity_max: people.

    Raises:
        BadQuery: only a part of a circle is given.
    """
    return Filters(
        circle=circle(lat, lng, radius_km),
        city=city,
        country=country,
        capacity_min=capacity_min,
        capacity_max=capacity_max,
    )


def circle(lat: float | None, lng: float | None, radius_km: float | None) -> Circle | None:
    """The circle of three parameters, None where none is given.

    Args:
        lat: of the centre, degrees.
        lng: of the centre, degrees.
        radius_km: its radius.

    Raises:
        BadQuery: only a part of it is given.
    """
    given = {"lat": lat, "lng": lng, "radius_km": radius_km}
    missing = [name for name, value in given.items() if value is None]
    if lat is not None and lng is not None and radius_km is not None:
        return Circle(lat, lng, radius_km)
    if len(missing) == len(given):
        return None
    # A part of a circle is a mistake: read as no circle it would answer with far venues.
    raise BadQuery(missing[0], "is missing", "a circle takes lat, lng and radius_km")


def both(asked: Asked, filters: Filters) -> Asked:
    """What is asked of pairs and of venues, in one.

    Args:
        asked: of pairs.
        filters: of venues.
    """
    # Read apart, since a venue's list takes the parameters of pairs alone.
    pairs = asked.filters
    merged = replace(
        filters,
        exclude=pairs.exclude,
        not_played_days=pairs.not_played_days,
        free_on=pairs.free_on,
    )
    return asked._replace(filters=merged)
