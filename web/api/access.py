"""Who may ask: hosts that are ours, and tokens."""

import hmac
import re
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from web.errors import BadQuery
from web.settings import ServeSettings

_SHOWN = 80
_PORT = re.compile(r":\d*$")

Connection = ASGIConnection[Any, Any, Any, Any]


class Access:
    """The guards of all routes; each raises what a request is refused with.

    They are coroutines though they wait for nothing: Litestar runs plain functions in a thread.

    Args:
        settings: the token, and the names of this host.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._token = settings.serve_token.get_secret_value().encode()
        self._names = settings.host_names

    async def known_host(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Refuse a request that was meant for another host (DNS rebinding).

        Raises:
            BadQuery: its Host header names one that is not ours.
        """
        host = connection.headers.get("host", "").lower()
        # The name alone: behind a proxy the port is the proxy's.
        if _PORT.sub("", host) not in self._names:
            raise BadQuery(
                "Host",
                f"{host[:_SHOWN]!r} is not a name of this server",
                "add it to GIGSTREAM_SERVE_NAMES",
            )

    async def bearer(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Refuse a request without the token.

        Raises:
            NotAuthorizedException: there is none, or another one.
        """
        given = connection.headers.get("authorization", "")
        kind, _, token = given.partition(" ")
        # In constant time, so that no answer tells how much of a guess was right.
        right = hmac.compare_digest(token.strip().encode(), self._token)
        # Where no token is set, an empty one would be equal to it.
        if not self._token or kind.lower() != "bearer" or not right:
            problem = "the token is not ours" if given else "there is no token"
            if not self._token:
                problem = "no token is set here, so no writer is let in"
            raise NotAuthorizedException(problem, headers={"WWW-Authenticate": "Bearer"})
