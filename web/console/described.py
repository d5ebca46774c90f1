"""The page What if: the list of an artist or venue that is described by its gigs alone."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import Parameter, SkipValidation

from serving.lookup import Side
from web.api.queries import both, pairs_asked, venue_filters
from web.api.what_if import MAX_PLAYS
from web.console.console import Asking, Console, Showing
from web.console.listing import Listing, place, shown
from web.console.maps import Place
from web.errors import BadQuery, UnknownId
from web.live.filters import Filters
from web.live.lists import Answer
from web.live.model import State
from web.live.pool import OTHER
from web.live.ranking import Asked
from web.live.what_if import Play
from web.live.why import why_described

MAX_LINES = 40_000
SHOWN = 20
_NOT_FOUND = 404


@get(
    "/what-if",
    dependencies={
        "asked": Provide(pairs_asked, sync_to_thread=False),
        "filters": Provide(venue_filters, sync_to_thread=False),
    },
    include_in_schema=False,
    sync_to_thread=True,
)
def page(
    console: Showing,
    request: Asking,
    asked: NamedDependency[SkipValidation[Asked]],
    filters: NamedDependency[SkipValidation[Filters]],
    *,
    side: Side = "artist",
    plays: Annotated[str, Parameter(max_length=MAX_LINES)] = "",
) -> Response[str]:
    """A list for one that is only described. Nothing is stored."""
    # An artist is not somewhere: the form sends what is left in its fields.
    asked = asked if side == "venue" else both(asked, filters)
    asked = asked if "n" in request.query_params else asked._replace(n=SHOWN)
    described = parsed(plays)
    found, problem = _ranked(console, side, described, asked)
    return console.page(
        request,
        "what_if.html",
        status=_NOT_FOUND if problem else 200,
        problem=problem,
        side=side,
        other=OTHER[side],
        plays=plays,
        asked=asked,
        found=found,
        names=_names(console, side, described),
    )


def _ranked(
    console: Console, side: Side, described: list[Play], asked: Asked
) -> tuple[Listing | None, UnknownId | None]:
    """The list, or which of the gigs names an unknown id: the form then keeps what was typed."""
    if not described:
        return None, None
    live = console.services.live
    try:
        found = why_described(live, side, described, asked)
    except UnknownId as error:
        return None, error
    with live.reading() as state:
        places = [*_places(state, described, found.answer)] if side == "artist" else []
    return shown(live, side, asked, found, places), None


def parsed(text: str) -> list[Play]:
    """The gigs of a description: a line each, an id and perhaps a date after it.

    Args:
        text: as it was typed.

    Raises:
        BadQuery: there are too many.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_PLAYS:
        raise BadQuery("plays", f"has {len(lines):,} lines", f"give at most {MAX_PLAYS:,}")
    return [_play(line) for line in lines]


def _play(line: str) -> Play:
    identity, *rest = line.rsplit(maxsplit=1)
    try:
        return Play(identity, date.fromisoformat(rest[0]) if rest else None)
    except ValueError:
        # An id may have spaces: what is no date is a part of it.
        return Play(line, None)


def _names(console: Console, side: Side, described: list[Play]) -> dict[str, str]:
    return console.services.live.names(OTHER[side], [play.id for play in described]) or {}


def _places(state: State, described: list[Play], answer: Answer) -> Iterator[Place]:
    for play in described:
        yield from place(state, play.id, None, "")
    for rank, item in enumerate(answer.items or (), 1):
        yield from place(state, item.id, item.name, str(rank))
