"""Query parameters: an unknown one is refused, since a misspelt filter would filter nothing."""

from difflib import get_close_matches
from functools import cache
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from web.errors import BadQuery

Connection = ASGIConnection[Any, Any, Any, Any]

_SHOWN = 80


async def known_parameters(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Refuse a request with a parameter that the description of its route does not have.

    Raises:
        BadQuery: there is one.
    """
    # Most requests have none, and need no look at the description.
    if not connection.query_params:
        return
    method = str(connection.scope.get("method", "")).lower()
    known = _parameters(connection.app, connection.scope["path_template"], method)
    for name in connection.query_params:
        if name not in known:
            raise BadQuery(name[:_SHOWN], "is no parameter of this route", _remedy(name, known))


@cache
def _parameters(app: Litestar, path: str, method: str) -> tuple[str, ...]:
    """The names of the query parameters of a route, as OpenAPI has them."""
    item = (app.openapi_schema.paths or {})[path]
    operation = getattr(item, method, None)
    parameters = (operation.parameters if operation else None) or []
    return tuple(each.name for each in parameters if getattr(each, "param_in", "") == "query")


def _remedy(name: str, known: tuple[str, ...]) -> str:
    if close := get_close_matches(name.lower(), known, 1, cutoff=0.5):
        return f"did you mean {close[0]}?"
    return f"leave it out; there is {', '.join(known)}" if known else "leave it out"
