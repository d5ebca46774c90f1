"""Who acts on a page, and where the page leads to afterwards."""

from litestar.response import Redirect

from operations.audit import Actor
from web.console.console import Asking, see_other
from web.console.sessions import Session


def actor_of(request: Asking, session: Session) -> Actor:
    """The operator of a session, for the audit."""
    client = request.client
    return Actor(session.who, "console", client.host if client else "unknown")


def done(path: str) -> Redirect:
    """Lead to the page that shows what was done, so that a reload does not do it again."""
    return see_other(path)
