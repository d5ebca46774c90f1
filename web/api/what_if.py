"""What-if lists: for an artist or a venue that is described by its plays alone."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import post
from litestar.params import JSONBody

from serving.lookup import Side
from web.api.answers import Entry, ListPart, part_of
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
    both,
)
from web.api.reasons import Share, all_shares
from web.api.services import Answering, Services
from web.live.filters import Circle, Filters
from web.live.ranking import Asked
from web.live.what_if import Play
from web.live.why import why_described

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
    why: bool = False
    """Whether each entry has its shares, as the lists at `/why` have them."""

    @property
    def asked(self) -> Asked:
        """Which part of which list."""
        filters = Filters(
            exclude=frozenset(self.exclude),
            not_played_days=self.not_played_days,
            free_on=self.free_on,
        )
        return Asked(self.n, self.offset, self.returns, filters)


class DescribedArtist(_Part, forbid_unknown_fields=True, kw_only=True):
    """An artist by its gigs, and which venues are asked for."""

    plays: Annotated[list[PlayThere], msgspec.Meta(max_length=MAX_PLAYS)]
    within: Within | None = None
    city: Text | None = None
    country: Text | None = None
    capacity_min: Count | None = None
    capacity_max: Count | None = None

    @property
    def venues(self) -> Filters:
        """Which venues."""
        return Filters(
            circle=self.within.circle if self.within else None,
            city=self.city,
            country=self.country,
            capacity_min=self.capacity_min,
            capacity_max=self.capacity_max,
        )


class DescribedVenue(_Part, forbid_unknown_fields=True, kw_only=True):
    """A venue by its gigs, and which artists are asked for."""

    plays: Annotated[list[PlayBy], msgspec.Meta(max_length=MAX_PLAYS)]


class DescribedEntry(Entry):
    """A recommended venue or artist, with its reasons where they were asked for."""

    shares: list[Share] | None
    """Greatest first; they add up to the score. Null unless `why` is true."""


class DescribedList(ListPart):
    """A part of the list of one that is only described, best first."""

    items: list[DescribedEntry]


@post(
    "/what-if/artist",
    status_code=200,
    operation_class=described_by(schema_of(DescribedArtist)),
    responses=documented(404, 413, 503),
    summary="Venues for a described artist",
    tags=["what if"],
    sync_to_thread=True,
)
def artist(services: Answering, data: JSONBody[DescribedArtist]) -> DescribedList:
    """Venues for an artist that is described by its plays alone. Nothing is stored."""
    plays = [Play(play.venue_id, play.date) for play in data.plays]
    return _ranked(services, "artist", plays, both(data.asked, data.venues), why=data.why)


@post(
    "/what-if/venue",
    status_code=200,
    operation_class=described_by(schema_of(DescribedVenue)),
    responses=documented(404, 413, 503),
    summary="Artists for a described venue",
    tags=["what if"],
    sync_to_thread=True,
)
def venue(services: Answering, data: JSONBody[DescribedVenue]) -> DescribedList:
    """Artists for a venue that is described by who played there. Nothing is stored."""
    plays = [Play(play.artist_id, play.date) for play in data.plays]
    return _ranked(services, "venue", plays, data.asked, why=data.why)


def _ranked(
    services: Services, side: Side, plays: list[Play], asked: Asked, *, why: bool
) -> DescribedList:
    if not why:
        answer = services.lists.described(side, plays, asked)
        items = [DescribedEntry(*item, shares=None) for item in answer.items or ()]
        return DescribedList(**part_of(None, answer, asked), items=items)
    found = why_described(services.live, side, plays, asked)
    explained = [
        DescribedEntry(*item, shares=shares)
        for item, shares in zip(found.answer.items or (), all_shares(found), strict=True)
    ]
    return DescribedList(**part_of(None, found.answer, asked), items=explained)
