"""Logging in with the token of the server, and out."""

import asyncio
from typing import Annotated

from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from web.console.console import Asking, Showing, see_other
from web.console.door import cookie

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
"""The fields of a form."""

MOST_NAME = 64
_REFUSED = 401
_SEE_OTHER = 303
_GUESS_S = 0.5


@get("/login", include_in_schema=False, sync_to_thread=False)
def form(console: Showing, request: Asking) -> Response[str]:
    """The form that asks for the token."""
    then = inner(request.query_params.get("next", "/"))
    return console.page(request, "login.html", then=then, problem="")


@post("/login", include_in_schema=False, status_code=_SEE_OTHER)
async def log_in(console: Showing, request: Asking, data: Form) -> Response[str] | Redirect:
    """Begin a session where the token is right."""
    then, who = inner(data.get("next", "/")), data.get("who", "").strip()[:MOST_NAME]
    key = console.door.log_in(data.get("token", ""), who or "operator")
    if key is None:
        # Bounds guessing, beside the rate that is allowed.
        await asyncio.sleep(_GUESS_S)
        problem = "This is not the token of this server. It is GIGSTREAM_SERVE_TOKEN."
        return console.page(request, "login.html", status=_REFUSED, then=then, problem=problem)
    return see_other(then, [cookie(key, is_secure=_is_secure(request))])


@post("/logout", include_in_schema=False, status_code=_SEE_OTHER)
async def log_out(console: Showing, request: Asking, data: Form) -> Redirect:
    """End the session."""
    console.door.acting(request, data)
    console.door.log_out(request)
    return see_other("/", [cookie("", is_secure=_is_secure(request))])


def _is_secure(request: Asking) -> bool:
    return request.url.scheme == "https"


def inner(path: str) -> str:
    """A path of this server; `/` in place of any other address.

    Args:
        path: where a link says to go after the login.
    """
    # Two slashes, or one and a backslash, would begin the name of another server.
    is_ours = path.startswith("/") and path[1:2] not in {"/", "\\"} and path.isprintable()
    return path if is_ours else "/"
