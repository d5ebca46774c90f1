"""Finding ids: by name, and by likeness."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures.state import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from serving.lookup import Side
from web.api.lists import MAX_ID
from web.api.problems import documented
from web.api.queries import MAX_N, MAX_TEXT, Size
from web.api.services import Answering
from web.api.tags import UNCHANGED, conditional
from web.live.likeness import Likeness, alike

Asking = Request[Any, Any, State]
Known = Annotated[
    str, Parameter(min_length=1, max_length=MAX_ID, description="The id, as events state it.")
]


class Like(msgspec.Struct):
    """An artist or venue, and how much it is like the one that was asked for."""

    id: str
    name: str | None
    similarity: Annotated[float, msgspec.Meta(description="Cosine of the two vectors, -1 to 1.")]


class Alike(msgspec.Struct):
    """Most similar first."""

    id: str
    generation: int
    items: list[Like]


class Named(msgspec.Struct):
    """An id and its display name."""

    id: str
    name: str


class Found(msgspec.Struct):
    """Equal names first, then those that begin with the text, then those that contain it."""

    items: list[Named]


def _alike(side: Side, described: str) -> HTTPRouteHandler:
    """The route of one side."""

    @get(
        f"/{side}s/{{identity:str}}/similar",
        responses={**UNCHANGED, **documented(404, 503)},
        summary=f"{side.capitalize()}s like one",
        description=described,
        tags=["catalogue"],
        sync_to_thread=True,
    )
    def similar(
        request: Asking, services: Answering, identity: Known, n: Size = 10
    ) -> Response[Alike]:
        # The lock is held for the ranking alone, not while JSON is written.
        with services.live.reading() as state:
            found = alike(state, side, identity, n)
            generation, tag = state.generation.number, state.tag
        return conditional(request, tag, lambda: Alike(identity, generation, _likes(found)))

    return similar


similar_artists = _alike(
    "artist",
    "Artists whose vectors are closest to that of an artist, as `gigstream similar` has them.",
)
similar_venues = _alike("venue", "Venues whose vectors are closest to that of a venue.")


@get(
    "/search",
    responses=documented(503),
    summary="Ids by name",
    tags=["catalogue"],
    sync_to_thread=True,
)
def search(
    services: Answering,
    side: Annotated[Side, Parameter(description="Whose names.")],
    q: Annotated[
        str,
        Parameter(
            min_length=1,
            max_length=MAX_TEXT,
            description="A part of the name; case and accents do not matter.",
        ),
    ],
    n: Annotated[int, Parameter(ge=1, le=MAX_N, description="How many at most.")] = 20,
) -> Found:
    """Ids whose name contains a text."""
    # Reads every name, up to a second: the bound on the rate is for this too.
    found = services.stored.search(side, q, n)
    return Found([Named(each.id, each.name) for each in found])


def _likes(found: list[Likeness]) -> list[Like]:
    return [Like(*each) for each in found]
