"""What changed in a list since an earlier generation."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from serving.lookup import Side
from web.api.lists import Identity
from web.api.problems import documented
from web.api.queries import Returns, Size
from web.api.services import Answering
from web.live.changes import Kind, changed
from web.live.lists import Source
from web.live.ranking import Asked

MAX_GENERATION = (1 << 31) - 1

Since = Annotated[
    int,
    Parameter(
        ge=1,
        le=MAX_GENERATION,
        description="The number of an earlier generation whose model is still kept.",
    ),
]


class Changed(msgspec.Struct):
    """An entry whose place changed."""

    id: str
    name: str | None
    change: Kind
    rank: int | None
    """Its place now, from 1; null: it is not among the first `n` any more."""
    was: int | None
    """Its place by the earlier model; null: it was not among the first `n`."""


class Difference(msgspec.Struct):
    """Two lists of one id, compared."""

    id: str
    generation: int
    """Of the list that apps get now."""
    since: int
    """Whose model made the other list, of the plays of now."""
    source: Source
    """Of the list that apps get now."""
    unchanged: int
    """Entries whose place is the same."""
    items: list[Changed]
    """Those of now in their order, then those that left."""


def _route(side: Side, other: str) -> HTTPRouteHandler:
    """The route of one side."""

    @get(
        f"/{side}s/{{identity:str}}/changes",
        responses=documented(404, 503),
        summary=f"What changed in the {other} for an {side}".replace("an venue", "a venue"),
        description=f"What entered, left and moved in the list of {other} since a generation. "
        "The list that apps get now is compared with the list that the model of that generation "
        "makes of the plays of now, with all that changed since its fit folded in. Lists that were "
        "replaced are kept nowhere: what differs is due to the model, not to plays since.",
        tags=["lists"],
        sync_to_thread=True,
    )
    def changes(
        services: Answering,
        identity: Identity,
        since: Since,
        n: Size = 10,
        returns: Returns = False,
    ) -> Difference:
        asked = Asked(n, returns=returns)
        found = changed(services.lists, services.earlier, side, identity, since=since, asked=asked)
        items = [
            Changed(each.id, found.names.get(each.id), each.kind, each.rank, each.was)
            for each in found.changes
        ]
        answer = found.answer
        return Difference(identity, answer.generation, since, answer.source, found.unchanged, items)

    return changes


of_artist, of_venue = _route("artist", "venues"), _route("venue", "artists")
