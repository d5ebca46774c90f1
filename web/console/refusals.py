"""Refusals and failures as pages."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.datastructures.state import State
from litestar.exceptions import HTTPException

from web.api.problems import HANDLERS, Problem
from web.api.slashes import spelt
from web.console.console import Console, see_other
from web.console.wording import paged, remedy

_LOG_IN, _NOT_FOUND = 401, 404
_HTML = "text/html"
_SHOWN = 80

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
        return _page(console, request, _worded(problem))

    return handler


def beyond(console: Console) -> dict[Any, Handler]:
    """What answers at paths that are no route: a page to browsers, a problem to all others.

    Args:
        console: of the pages.
    """
    known = HANDLERS[HTTPException]

    def handler(request: Request[Any, Any, State], error: HTTPException) -> Response[Any]:
        found: Response[Any] = known(request, error)
        is_page = request.method == "GET" and _HTML in request.headers.get("accept", "")
        # At a route of the API a browser gets what every client gets.
        if is_page and error.status_code == _NOT_FOUND and not request.scope.get("path_template"):
            problem: Problem = found.content
            path, shown = spelt(request.scope["path"]), _worded(problem)
            # Behind `_worded`: a path that was asked for is no route to be renamed.
            shown.detail = f"there is no page {path[:_SHOWN]}"
            return _page(console, request, shown)
        return found

    return {**HANDLERS, HTTPException: handler}


def _worded(problem: Problem) -> Problem:
    """The problem in words of the console."""
    problem.detail = paged(problem.detail)
    problem.remedy = remedy(problem.status, problem.remedy)
    return problem


def _page(console: Console, request: Request[Any, Any, State], problem: Problem) -> Response[str]:
    return console.page(request, "problem.html", status=problem.status, problem=problem)
