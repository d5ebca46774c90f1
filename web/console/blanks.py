"""Empty fields of a form: browsers send them, and they ask for nothing."""

from typing import Any
from urllib.parse import urlencode

from litestar import Request
from litestar.datastructures.state import State
from litestar.response import Redirect

from web.console.console import see_other


def without_blanks(request: Request[Any, Any, State]) -> Redirect | None:
    """Lead to the same page without its empty parameters, so that its address can be shared.

    Args:
        request: of a page.
    """
    given = list(request.query_params.multi_items())
    kept = [(name, value) for name, value in given if value.strip()]
    if request.method != "GET" or len(kept) == len(given):
        return None
    query = f"?{urlencode(kept)}" if kept else ""
    path = request.scope["raw_path"].decode("ascii", "replace")
    return see_other(f"{path}{query}")
