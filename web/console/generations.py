"""Generations: verdicts, two of them compared, and what stays live."""

from litestar import Response, get, post
from litestar.response import Redirect

from operations import generations as known
from operations.audit import Actor
from trainer.gate.verdict import HELD
from trainer.registry.requests import Action
from trainer.registry.requests import Request as Asked
from web.console.acts import actor_of, done
from web.console.console import Asking, Console, Showing
from web.console.login import Form
from web.errors import BadQuery

WORDS: dict[str, Action] = {
    "roll back": "rollback",
    "accept": "accept",
    "pin": "pin",
    "unpin": "unpin",
    "refit": "fit",
}
"""What an operator types, and what the trainer is asked for then."""
WAIT_S = 120.0
_SEE_OTHER = 303


@get("/generations", include_in_schema=False)
async def page(console: Showing, request: Asking) -> Response[str]:
    """What was published, newest first."""
    operations = console.services.operations
    found = await operations.look(known.listed, operations.settings)
    return console.page(
        request,
        "generations.html",
        found=found,
        pinned=any(each["pinned"] for each in found),
        held=HELD,
    )


@get("/generations/compare", include_in_schema=False)
async def compare(console: Showing, request: Asking, one: int, other: int) -> Response[str]:
    """How two generations differ."""
    operations = console.services.operations
    found = await operations.look(known.compare, operations.settings, one, other)
    return console.page(request, "compared.html", found=found)


@post("/generations/act", include_in_schema=False, status_code=_SEE_OTHER)
async def act(console: Showing, request: Asking, data: Form) -> Redirect:
    """Have the trainer do what was typed."""
    word = data.get("deed", "")
    if word not in WORDS:
        raise BadQuery("deed", f"{word!r} is none", f"choose one of {', '.join(WORDS)}")
    # After the choice is known: it is the word that must be typed.
    session = console.door.acting(request, data, word=word)
    asked = Asked(False, WORDS[word], _number(data.get("generation", "")))
    await _ask(console, actor_of(request, session), asked)
    return done("/generations")


async def _ask(console: Console, actor: Actor, asked: Asked) -> None:
    operations = console.services.operations
    await operations.act(known.ask, operations.settings, actor, asked, wait_s=WAIT_S)


def _number(text: str) -> int | None:
    # Not `isdigit`: it takes figures that `int` refuses.
    if text and not text.isdecimal():
        raise BadQuery("generation", f"{text!r} is no number", "take one of the list")
    return int(text) if text else None
