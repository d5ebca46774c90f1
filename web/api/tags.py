"""Entity tags: an answer is sent again only once its generation or fold-in has changed."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from litestar import Request, Response
from litestar.datastructures.state import State
from litestar.openapi.datastructures import ResponseSpec

T = TypeVar("T")

NOT_MODIFIED = 304
UNCHANGED = {
    NOT_MODIFIED: ResponseSpec(None, generate_examples=False, description="As If-None-Match has it")
}
"""For OpenAPI."""
_TAG = re.compile(r'W/"([^"]*)"')


def known(request: Request[Any, Any, State]) -> frozenset[str]:
    """The tags of answers that the client has."""
    return frozenset(_TAG.findall(request.headers.get("if-none-match", "")))


def conditional(request: Request[Any, Any, State], tag: str, make: Callable[[], T]) -> Response[T]:
    """The answer with its tag, or 304 where the client has it.

    Args:
        request: with `If-None-Match`, perhaps.
        tag: of the answer.
        make: the answer; not called for 304.
    """
    # Caches may keep the answer, and must ask each time whether it still holds. The tag is weak:
    # an equal list may be written in other bytes.
    headers = {"ETag": f'W/"{tag}"', "Cache-Control": "no-cache"}
    if tag in known(request):
        return Response(None, status_code=NOT_MODIFIED, headers=headers)  # type: ignore[arg-type]
    return Response(make(), headers=headers)
