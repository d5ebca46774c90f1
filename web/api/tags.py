"""Entity tags: an answer is sent again only once its generation or fold-in has changed."""

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


def conditional(
    request: Request[Any, Any, State], version: str, make: Callable[[], T]
) -> Response[T]:
    """The answer with its tag, or 304 where the client has it.

    Args:
        request: with `If-None-Match`, perhaps.
        version: of what the answer is made from, looked at before that is read: a change in
            between then costs one more request, and no client keeps an old answer.
        make: the answer; not called for 304.
    """
    # Weak: an equal list may be written in other bytes.
    tag = f'W/"{version}"'
    known = request.headers.get("if-none-match", "")
    # Caches may keep the answer, and must ask each time whether it still holds.
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in (each.strip() for each in known.split(",")):
        return Response(None, status_code=NOT_MODIFIED, headers=headers)  # type: ignore[arg-type]
    return Response(make(), headers=headers)
