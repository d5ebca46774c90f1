"""Store and ids: files, merges, hidden ids, erasures, each decision with a preview."""

from typing import Any, Literal, NamedTuple

from litestar import Response, get, post
from litestar.response import Redirect

from consumer.table.schema import Side
from operations import erasure, merges, visibility
from operations.audit import Actor
from operations.contents import contents, decided
from operations.impact import Erasable
from web.console.acts import actor_of, done
from web.console.console import Asking, Console, Showing
from web.console.login import Form
from web.errors import BadQuery

WAIT_S = 120.0
_SEE_OTHER = 303

Deed = Literal["merge", "hide", "erase"]
_DEEDS: dict[str, Deed] = {"merge": "merge", "hide": "hide", "erase": "erase"}
_SIDES: dict[str, Side] = {"artist": "artist", "venue": "venue"}


class Decision(NamedTuple):
    """What is to be decided about an id; `into` is of a merge."""

    deed: Deed
    side: Side
    identity: str
    into: str

    @property
    def word(self) -> str:
        """What an operator types: the id, so that the wrong one is noticed."""
        return self.identity


@get("/store", include_in_schema=False)
async def page(console: Showing, request: Asking) -> Response[str]:
    """What the store holds, and what was decided about ids."""
    operations = console.services.operations
    store = operations.settings.store
    return console.page(
        request,
        "store.html",
        facts=await operations.look(contents, store),
        decided=await operations.look(decided, store),
        receipts=await operations.look(erasure.receipts, operations.settings),
    )


@get("/store/preview", include_in_schema=False)
async def preview(console: Showing, request: Asking) -> Response[str]:
    """What a decision about an id would touch."""
    asked = _decision(dict(request.query_params))
    found = await console.services.operations.look(_previewed, console, asked)
    erasable = found if isinstance(found, Erasable) else None
    return console.page(
        request,
        "store_preview.html",
        asked=asked,
        touched=erasable.impact if erasable else found,
        erasable=erasable,
        outside=erasure.OUTSIDE,
    )


@post("/store/decide", include_in_schema=False, status_code=_SEE_OTHER)
async def decide(console: Showing, request: Asking, data: Form) -> Redirect:
    """Merge, hide or erase an id."""
    asked = _decision(data)
    session = console.door.acting(request, data, word=asked.word)
    await console.services.operations.act(_done, console, actor_of(request, session), asked)
    return done("/store")


@post("/store/undo", include_in_schema=False, status_code=_SEE_OTHER)
async def undo(console: Showing, request: Asking, data: Form) -> Redirect:
    """End a merge, or show a hidden id again."""
    side, identity = _side(data.get("side", "")), data.get("id", "")
    session = console.door.acting(request, data, word=identity)
    operations, actor = console.services.operations, actor_of(request, session)
    given = (operations.settings, actor, side, identity)
    if data.get("deed") == "unmerge":
        await operations.act(merges.unmerge, *given)
    else:
        await operations.act(visibility.decide, *given, "shown")
    return done("/store")


def _previewed(console: Console, asked: Decision) -> Any:  # noqa: ANN401 - an impact of one kind
    settings, of = console.services.operations.settings, (asked.side, asked.identity)
    if asked.deed == "merge":
        return merges.preview(settings, *of, asked.into)
    if asked.deed == "hide":
        return visibility.preview(settings, *of, "hidden")
    return erasure.preview(settings, *of)


def _done(console: Console, actor: Actor, asked: Decision) -> None:
    settings, of = console.services.operations.settings, (asked.side, asked.identity)
    if asked.deed == "merge":
        merges.merge(settings, actor, *of, asked.into)
    elif asked.deed == "hide":
        visibility.decide(settings, actor, *of, "hidden")
    else:
        erasure.erase(settings, actor, *of, wait_s=WAIT_S, configure=None)


def _decision(given: dict[str, str]) -> Decision:
    deed = given.get("deed", "")
    identity, into = given.get("id", "").strip(), given.get("into", "").strip()
    if not identity or (deed == "merge" and not into):
        raise BadQuery("into" if identity else "id", "is missing", "name an id of the store")
    if deed not in _DEEDS:
        raise BadQuery("deed", f"{deed!r} is none", "choose merge, hide or erase")
    return Decision(_DEEDS[deed], _side(given.get("side", "")), identity, into)


def _side(text: str) -> Side:
    if text not in _SIDES:
        raise BadQuery("side", f"{text!r} is none", "choose artist or venue")
    return _SIDES[text]
