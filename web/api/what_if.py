"""What-if lists: for an artist or a venue that is described by its plays alone."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import post
from litestar.params import JSONBody

from web.api.answers import RankedList, ranked_list
from web.api.bodies import described_by, schema_of
from web.api.lists import MAX_ID
from web.api.problems import documented
from web.api.queries import (
    HALF_ROUND_KM,
    MAX_COUNT,
    MAX_DAYS,
    MAX_EXCLUDED,
    MAX_N,
    MAX_OFFSET,
    MAX_TEXT,
)
from web.api.services import Answering
from web.live.filters import Circle, Filters
from web.live.ranking import Asked
from web.live.what_if import Play

MAX_PLAYS = 1_000

Day = date

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]


class PlayThere(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A gig of the described artist."""

    venue_id: Id
    date: Day | None = None
    """Its day; null: that of the newest gig statement."""


class PlayBy(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A gig at the described venue."""

    artist_id: Id
    date: Day | None = None
    """Its day; null: that of the newest gig statement."""


class Within(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A circle on the map."""

    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    lng: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    radius_km: Annotated[float, msgspec.Meta(ge=0, le=HALF_ROUND_KM)]

    @property
    def circle(self) -> Circle:
        """As a filter has it."""
        return Circle(self.lat, self.lng, self.radius_km)


class _Part(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of the list."""

    n: Annotated[int, msgspec.Meta(ge=1, le=MAX_N)] = 10
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_OFFSET)] = 0
    returns: bool = False
    """Pairs that met are listed too."""
    exclude: Annotated[list[Id], msgspec.Meta(max_length=MAX_EXCLUDED)] = []
    """Ids to leave out."""
    not_played_days: Annotated[float, msgspec.Meta(ge=0, le=MAX_DAYS)] | None = None
    """Pairs that met are listed too, unless within this many days."""
    free_on: date | None = None
    """Only those without a gig on this day (UTC)."""


class DescribedArtist(_Part, forbid_unknown_fields=True, kw_only=True):
    """An artist by its gigs, and which venues are asked for."""

    plays: Annotated[list[PlayThere], msgspec.Meta(max_length=MAX_PLAYS)]
    within: Within | None = None
    city: Text | None = None
    country: Text | None = None
    capacity_min: Count | None = None
    capacity_max: Count | None = None


class DescribedVenue(_Part, forbid_unknown_fields=True, kw_only=True):
    """A venue by its gigs, and which artists are asked for."""

    plays: Annotated[list[PlayBy], msgspec.Meta(max_length=MAX_PLAYS)]


@post(
    "/what-if/artist",
    status_code=200,
    operation_class=described_by(schema_of(DescribedArtist)),
    responses=documented(404, 413, 503),
    summary="Venues for a described artist",
    tags=["what if"],
    sync_to_thread=True,
)
def artist(services: Answering, data: JSONBody[DescribedArtist]) -> RankedList:
    """Venues for an artist that is described by its plays alone. Nothing is stored."""
    filters = Filters(
        exclude=frozenset(data.exclude),
        not_played_days=data.not_played_days,
        free_on=data.free_on,
        circle=data.within.circle if data.within else None,
        city=data.city,
        country=data.country,
        capacity_min=data.capacity_min,
        capacity_max=data.capacity_max,
    )
    asked = Asked(data.n, data.offset, data.returns, filters)
    plays = [Play(play.venue_id, play.date) for play in data.plays]
    return ranked_list(None, services.lists.described("artist", plays, asked), asked)


@post(
    "/what-if/venue",
    status_code=200,
    operation_class=described_by(schema_of(DescribedVenue)),
    responses=documented(404, 413, 503),
    summary="Artists for a described venue",
    tags=["what if"],
    sync_to_thread=True,
)
def venue(services: Answering, data: JSONBody[DescribedVenue]) -> RankedList:
    """Artists for a venue that is described by who played there. Nothing is stored."""
    filters = Filters(
        exclude=frozenset(data.exclude),
        not_played_days=data.not_played_days,
        free_on=data.free_on,
    )
    asked = Asked(data.n, data.offset, data.returns, filters)
    plays = [Play(play.artist_id, play.date) for play in data.plays]
    return ranked_list(None, services.lists.described("venue", plays, asked), asked)
