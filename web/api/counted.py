"""Counts requests around the whole application, so that refusals of any layer count too."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from web.metrics import Meters

FAILED = 500


def counted(app: ASGIApp, meters: Meters) -> ASGIApp:
    """The application, whose requests are counted.

    Args:
        app: an ASGI application.
        meters: count them.
    """

    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        status, ended = FAILED, meters.began()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, noted)
        finally:
            # The router writes it there; a path that is no route has none.
            ended(scope.get("path_template"), status)

    return count
