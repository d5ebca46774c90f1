"""Lists: venues for an artist, artists for a venue, and many of them in one request."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures.state import State
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, Parameter, SkipValidation

from serving.lookup import Side
from web.api.answers import RankedList, ranked_list
from web.api.bodies import described_by, schema_of
from web.api.problems import documented
from web.api.queries import MAX_N, MAX_OFFSET, both, pairs_asked, venue_filters
from web.api.services import Answering
from web.api.tags import UNCHANGED, conditional, known
from web.live.filters import Filters
from web.live.ranking import Asked

MAX_BATCH = 100
MAX_ID = 256

Asking = Request[Any, Any, State]
Identity = Annotated[
    str,
    Parameter(
        min_length=1,
        max_length=MAX_ID,
        description="The id, as events state it; an unknown one gets the popular list. Quoted "
        "as in all addresses: `AC%2FDC`. `.` and `..`, which clients fold, are read by "
        "POST /v1/lists.",
    ),
]


class Batch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Lists of several ids of one side."""

    side: Side
    """Of the ids."""
    ids: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]],
        msgspec.Meta(min_length=1, max_length=MAX_BATCH),
    ]
    n: Annotated[int, msgspec.Meta(ge=1, le=MAX_N)] = 10
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_OFFSET)] = 0
    returns: bool = False
    """Pairs that met are listed too."""


class Lists(msgspec.Struct):
    """One list per id, in the order of the request."""

    lists: list[RankedList]


@get(
    "/artists/{identity:str}/venues",
    dependencies={
        "asked": Provide(pairs_asked, sync_to_thread=False),
        "filters": Provide(venue_filters, sync_to_thread=False),
    },
    responses={**UNCHANGED, **documented(503)},
    summary="Venues for an artist",
    tags=["lists"],
    sync_to_thread=True,
)
def venues(
    request: Asking,
    services: Answering,
    identity: Identity,
    asked: NamedDependency[SkipValidation[Asked]],
    filters: NamedDependency[SkipValidation[Filters]],
) -> Response[RankedList]:
    """Venues for an artist, best first.

    Without filters these are the published lists. With filters every venue that they keep is
    scored, so that the list is exact, and shorter than `n` only where venues end.
    """
    return _list(request, services, "artist", identity, both(asked, filters))


@get(
    "/venues/{identity:str}/artists",
    dependencies={"asked": Provide(pairs_asked, sync_to_thread=False)},
    responses={**UNCHANGED, **documented(503)},
    summary="Artists for a venue",
    tags=["lists"],
    sync_to_thread=True,
)
def artists(
    request: Asking,
    services: Answering,
    identity: Identity,
    asked: NamedDependency[SkipValidation[Asked]],
) -> Response[RankedList]:
    """Artists for a venue, best first, exact with filters as venues are for an artist."""
    return _list(request, services, "venue", identity, asked)


@post(
    "/lists",
    status_code=200,
    operation_class=described_by(schema_of(Batch)),
    responses=documented(413, 503),
    summary="Lists of up to 100 ids",
    tags=["lists"],
    sync_to_thread=True,
)
def batch(services: Answering, data: JSONBody[Batch]) -> Lists:
    """Lists of several artists, or several venues, in the order of their ids."""
    # No tag: what is asked stands in the body, which caches do not look at.
    asked = Asked(data.n, data.offset, data.returns)
    read = services.lists.read
    return Lists([ranked_list(name, read(data.side, name, asked), asked) for name in data.ids])


def _list(
    request: Asking,
    services: Answering,
    side: Side,
    identity: str,
    asked: NamedDependency[SkipValidation[Asked]],
) -> Response[RankedList]:
    found = services.lists.read(side, identity, asked, known(request))
    return conditional(request, found.tag, lambda: ranked_list(identity, found, asked))
