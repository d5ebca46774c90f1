"""Who may see pages, who may act: sessions, the origin of a form, its secret and its typed word."""

import hmac
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from web.console.sessions import LASTS_S, Session, Sessions
from web.errors import BadQuery
from web.settings import ServeSettings

COOKIE = "gigstream_session"
CSRF = "csrf"
"""Name of the hidden field of each form."""
TYPED = "typed"
"""Name of the field in which an operator types what is asked for."""

Connection = ASGIConnection[Any, Any, Any, Any]


class Door:
    """Guards, and the sessions behind them.

    Args:
        settings: the token, and whether others can reach this server.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._token = settings.serve_token.get_secret_value().encode()
        self._is_local = settings.is_local
        self._sessions = Sessions()

    @property
    def has_token(self) -> bool:
        """Whether anybody can log in."""
        return bool(self._token)

    def log_in(self, token: str, who: str) -> str | None:
        """Begin a session. Returns its key; None: the token is another one.

        Args:
            token: as it was pasted.
            who: the name that the operator gave.
        """
        # In constant time, so that no answer tells how much of a guess was right.
        right = hmac.compare_digest(token.strip().encode(), self._token)
        return self._sessions.begin(who, time.monotonic()) if self._token and right else None

    def log_out(self, connection: Connection) -> None:
        """End the session of a request."""
        self._sessions.end(connection.cookies.get(COOKIE, ""))

    def session(self, connection: Connection) -> Session | None:
        """The session of a request; None: it only reads."""
        return self._sessions.find(connection.cookies.get(COOKIE, ""), time.monotonic())

    async def reader(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Refuse a page to one who is not logged in, where others can reach this server.

        Raises:
            NotAuthorizedException: log in first.
        """
        if not self._is_local and self.session(connection) is None:
            raise NotAuthorizedException("log in to see this page")

    async def own_form(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Refuse a form that a page of another site sent.

        Raises:
            PermissionDeniedException: its origin is not this server.
        """
        is_form = connection.scope.get("method") == "POST"
        if is_form and not is_own_origin(connection.headers):
            raise PermissionDeniedException("the form was not sent from a page of this server")

    def acting(self, connection: Connection, form: Mapping[str, str], word: str = "") -> Session:
        """The session that may do what a form asks for.

        Args:
            connection: the request.
            form: its fields.
            word: what the operator must have typed; "": nothing.

        Raises:
            NotAuthorizedException: there is no login.
            PermissionDeniedException: the form is not one of this session.
            BadQuery: something else was typed.
        """
        session = self.session(connection)
        if session is None:
            raise NotAuthorizedException("log in to act")
        # A page of another site can send the cookie along, but cannot read this secret.
        if not hmac.compare_digest(form.get(CSRF, "").encode(), session.csrf.encode()):
            raise PermissionDeniedException("the form is of an earlier login; open the page again")
        if word and form.get(TYPED, "").strip() != word:
            raise BadQuery(TYPED, "does not confirm it", f"type {word}")
        return session


def is_own_origin(headers: Mapping[str, str]) -> bool:
    """Whether a form came from a page of this server: browsers name its origin in every POST.

    Args:
        headers: of the request; its Host is known to be ours.
    """
    return urlsplit(headers.get("origin", "")).netloc.lower() == headers.get("host", "-").lower()


def cookie(key: str, *, is_secure: bool) -> Cookie:
    """The cookie of a session; an empty key takes it back.

    Args:
        key: of the session.
        is_secure: whether the request came by TLS.
    """
    return Cookie(
        key=COOKIE,
        value=key,
        max_age=LASTS_S if key else 0,
        # No script may read it, and no other site makes browsers send it.
        httponly=True,
        samesite="strict",
        secure=is_secure,
    )
