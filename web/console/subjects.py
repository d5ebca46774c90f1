"""The pages of artists and venues: list with reasons, history, likes, changes."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import Parameter, QueryParameter, SkipValidation

from consumer.store.statements import latest
from serving.lookup import Side
from web.api.lists import MAX_ID
from web.api.queries import both, pairs_asked, venue_filters
from web.console.changed import Compared, compared, since_of
from web.console.console import Asking, Console, Showing
from web.console.listing import Listing, listing
from web.errors import BadQuery
from web.live.filters import Filters
from web.live.likeness import Likeness, alike
from web.live.pool import OTHER
from web.live.profile import profile
from web.live.ranking import Asked

SHOWN = 20
"""Entries of a list, unless `n` says otherwise."""
MOST_STATEMENTS = 200
_LIKES = 30
_BUSIEST = 40

_PAIRS = {"asked": Provide(pairs_asked, sync_to_thread=False)}
_BOTH = {**_PAIRS, "filters": Provide(venue_filters, sync_to_thread=False)}
AskedPairs = NamedDependency[SkipValidation[Asked]]
AskedVenues = NamedDependency[SkipValidation[Filters]]


Named = Annotated[str, Parameter(min_length=1, max_length=MAX_ID)]
"""An id in a path."""
ById = Annotated[str, QueryParameter(name="id", max_length=MAX_ID)]
"""One that cannot stand in a path comes as a parameter; without it, all are shown."""


@get("/artists", dependencies=_BOTH, include_in_schema=False, sync_to_thread=True)
def artists(
    console: Showing,
    request: Asking,
    asked: AskedPairs,
    filters: AskedVenues,
    identity: ById = "",
) -> Response[str]:
    """Artists with the most gigs, or one of them."""
    return _subject(console, request, "artist", identity, both(asked, filters))


@get("/artists/{name:str}", dependencies=_BOTH, include_in_schema=False, sync_to_thread=True)
def artist(
    console: Showing, request: Asking, name: Named, asked: AskedPairs, filters: AskedVenues
) -> Response[str]:
    """An artist."""
    return _subject(console, request, "artist", name, both(asked, filters))


@get("/venues", dependencies=_PAIRS, include_in_schema=False, sync_to_thread=True)
def venues(
    console: Showing, request: Asking, asked: AskedPairs, identity: ById = ""
) -> Response[str]:
    """Venues with the most gigs, or one of them."""
    return _subject(console, request, "venue", identity, asked)


@get("/venues/{name:str}", dependencies=_PAIRS, include_in_schema=False, sync_to_thread=True)
def venue(console: Showing, request: Asking, name: Named, asked: AskedPairs) -> Response[str]:
    """A venue."""
    return _subject(console, request, "venue", name, asked)


def _subject(
    console: Console, request: Asking, side: Side, identity: str, asked: Asked
) -> Response[str]:
    if not identity:
        return _busiest(console, request, side)
    if "n" not in request.query_params:
        asked = asked._replace(n=SHOWN)
    # Apart from the list: the lock is held for a moment only.
    with console.services.live.reading() as state:
        known = profile(state, side, identity)
    since = since_of(request)
    tab = request.query_params.get("show", "changes" if since else "list")
    if tab not in _TABS:
        raise BadQuery("show", f"{tab[:40]!r} is no part of the page", f"use {', '.join(_TABS)}")
    return console.page(
        request,
        f"subject_{tab}.html",
        side=side,
        other=OTHER[side],
        profile=known,
        tab=tab,
        asked=asked,
        found=_TABS[tab](console, Page(side, identity, asked, since)),
    )


class Page(NamedTuple):
    """What a page is asked for.

    Attributes:
        side: of the id.
        identity: whose page.
        asked: which part of the list.
        since: the generation to compare with; None: none was named.
    """

    side: Side
    identity: str
    asked: Asked
    since: int | None


class History(NamedTuple):
    """Statements about an id.

    Attributes:
        statements: as `consumer.store.statements` reads them, the latest first.
        names: of the other side.
        has_more: whether there are older ones.
    """

    statements: list[dict[str, Any]]
    names: Mapping[str, str]
    has_more: bool


class Likes(NamedTuple):
    """Ids of the same side."""

    generation: int
    items: list[Likeness]


def _list(console: Console, page: Page) -> Listing:
    return listing(console, page.side, page.identity, page.asked)


def _history(console: Console, page: Page) -> History:
    other = OTHER[page.side]
    # One more than is shown: it tells whether there are older ones.
    rows = latest(console.settings.store, page.side, page.identity, MOST_STATEMENTS + 1).to_pylist()
    found, older = rows[:MOST_STATEMENTS], rows[MOST_STATEMENTS:]
    # A tombstone names neither side.
    ids = {row[f"{other}_id"] for row in found} - {None}
    names = console.services.live.names(other, [*ids]) or {}
    return History(found, names, has_more=bool(older))


def _similar(console: Console, page: Page) -> Likes:
    with console.services.live.reading() as state:
        return Likes(state.generation.number, alike(state, page.side, page.identity, _LIKES))


def _changes(console: Console, page: Page) -> Compared:
    return compared(console, page.side, page.identity, since=page.since, asked=page.asked)


_TABS: Mapping[str, Callable[[Console, Page], object]] = {
    "list": _list,
    "history": _history,
    "similar": _similar,
    "changes": _changes,
}


def _busiest(console: Console, request: Asking, side: Side) -> Response[str]:
    known = console.services.live.all_known(side)
    busiest = sorted(known, key=lambda each: (-each.plays, each.id))[:_BUSIEST]
    return console.page(request, "subjects.html", side=side, known=busiest, total=len(known))
