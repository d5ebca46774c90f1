"""Quoted slashes of a path: `%2F` is a letter of an id, and parts no segments (RFC 3986, 2.2).

ASGI hands the path over unquoted, where `AC/DC` is two segments, and routers look there. So quoted
slashes become a mark that no path holds before the router, and slashes again behind it.
"""

from urllib.parse import unquote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

_MARK = "\udc2f"
"""A lone surrogate: unquoting never makes one."""


def kept(app: ASGIApp) -> ASGIApp:
    """The application, whose router takes a quoted slash for a letter.

    Args:
        app: an ASGI application with `restored` among its middleware.
    """

    async def mark(scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path", b"")
        if scope["type"] == ScopeType.HTTP and b"%2" in raw:
            quoted = raw.decode("ascii", "replace").replace("%2f", "%2F").split("%2F")
            scope["path"] = _MARK.join(map(unquote, quoted))
        await app(scope, receive, send)

    return mark


def spelt(path: str) -> str:
    """A path as it was asked for, with its slashes unquoted: no route took it, or none has yet.

    Args:
        path: of a scope that `kept` made.
    """
    return path.replace(_MARK, "/")


def restored(app: ASGIApp) -> ASGIApp:
    """Middleware: gives a route the slashes of its parameters.

    Args:
        app: what comes behind.
    """

    async def restore(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = spelt(scope["path"])
        # A new dictionary: routers keep theirs for the next request of this path.
        scope["path_params"] = {
            name: spelt(value) if isinstance(value, str) else value
            for name, value in scope.get("path_params", {}).items()
        }
        await app(scope, receive, send)

    return restore
