"""Refusals and failures as pages."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.datastructures.state import State

from web.api.problems import HANDLERS, Problem
from web.console.console import Console, see_other

_LOG_IN = 401

Handler = Callable[[Request[Any, Any, State], Any], Response[Any]]


def handlers(console: Console) -> dict[Any, Handler]:
    """By kind of error, what answers it with a page.

    Args:
        console: of the pages.
    """
    return {kind: _paged(console, known) for kind, known in HANDLERS.items()}


def _paged(console: Console, known: Handler) -> Handler:
    """The problem that the API would answer, as a page."""

    def handler(request: Request[Any, Any, State], error: Any) -> Response[Any]:  # noqa: ANN401
        problem: Problem = known(request, error).content
        # Who asks for a page can log in and come back; a form is not sent again by itself.
        if problem.status == _LOG_IN and request.method == "GET":
            back = urlencode({"next": request.url.path})
            return see_other(f"/login?{back}")
        return console.page(request, "problem.html", status=problem.status, problem=problem)

    return handler
