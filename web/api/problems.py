"""Refusals and failures as problem details (RFC 9457), each naming the field and the remedy."""

import logging
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures.state import State
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from consumer.errors import ConsumerError
from operations.errors import NotThere, OperationError, Refused
from serving.errors import ServingError
from trainer.errors import TrainerError
from web.api.wording import worded
from web.errors import BadQuery, NotConfirmed, NotReady, TooMany, UnknownId, WebError

logger = logging.getLogger(__name__)

MEDIA = "application/problem+json"

_BAD, _NOT_FOUND, _FAILED, _UNAVAILABLE = 400, 404, 500, 503
_BY_CODE = {2: 409, 3: _UNAVAILABLE, 4: 409}
"""Statuses of operations that fail with an exit code as a command."""
_TITLES = {
    400: "The request cannot be",
    401: "A token is needed",
    404: "Not found",
    405: "No such method here",
    409: "It was refused",
    413: "The body is too large",
    422: "Nothing was accepted",
    429: "Too many requests",
    500: "The server failed",
    503: "Not now",
}
_REMEDIES = {
    401: "send the header Authorization: Bearer TOKEN; GIGSTREAM_SERVE_TOKEN is the token",
    404: "see /schema/openapi.json for what there is",
    405: "see the header Allow, or /schema/openapi.json",
    413: "send a smaller body, or raise GIGSTREAM_SERVE_MAX_BODY",
    429: "wait as the header RateLimit-Reset says, or raise GIGSTREAM_SERVE_RATE",
    500: "see the log of gigstream serve",
}


_NO_BODY = "'data'"
"""What Litestar says of a body that is missing."""
_MEMBER = re.compile(r"(?:unknown|required) field `(.+)`$")
_PARAMETER = re.compile(r"Missing required \w+ parameter '([^']+)'")


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was refused or failed, and what to do."""

    title: str
    status: int
    detail: str
    remedy: str
    field: str | None = None
    """The name of the parameter, or the path of the member of the body."""


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """For OpenAPI: these statuses are answered with a problem."""
    always = (_BAD, 401, 429)
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=_TITLES[status],
            media_type=MEDIA,
        )
        for status in sorted({*always, *statuses})
    }


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response[Problem]:
    """The response for a problem."""
    # Here, where all of them pass: most texts are those of commands.
    problem.detail, problem.remedy = worded(problem.detail), worded(problem.remedy)
    return Response(
        problem, status_code=problem.status, media_type=MEDIA, headers=dict(headers or {})
    )


def _of_http(_request: Request[Any, Any, State], error: HTTPException) -> Response[Problem]:
    status = error.status_code
    if isinstance(error, ValidationException):
        return answer(_invalid(error))
    if status >= _FAILED:
        logger.error("A request failed.", exc_info=error)
    # What failed inside may name hosts and folders: the log alone has it.
    detail = "something went wrong" if status == _FAILED else error.detail
    remedy = _REMEDIES.get(status, "correct the request; /schema/openapi.json describes it")
    problem = Problem(
        title=_TITLES.get(status, "The request was refused"),
        status=status,
        detail=detail,
        remedy=remedy,
        field="body" if status == _BAD else None,
    )
    return answer(problem, error.headers)


def _of_unforeseen(_request: Request[Any, Any, State], error: Exception) -> Response[Problem]:
    logger.error("A request failed.", exc_info=error)
    return answer(
        Problem(
            title=_TITLES[_FAILED],
            status=_FAILED,
            detail="something went wrong",
            remedy=_REMEDIES[_FAILED],
        )
    )


def _invalid(error: ValidationException) -> Problem:
    """Name the first field that does not fit; Litestar tells them in `extra`."""
    # A parameter that is missing is named in the detail alone, before the path that was asked.
    if missing := _PARAMETER.match(error.detail):
        return _bad(missing[1], "is missing")
    extra = error.extra if isinstance(error.extra, list) else []
    # The first alone: one mistake often makes several members wrong.
    first: Mapping[str, Any] = extra[0] if extra and isinstance(extra[0], Mapping) else {}
    message, key = str(first.get("message") or error.detail), str(first.get("key") or "")
    return _bad(_field(key, message), "nothing was sent" if message == _NO_BODY else message)


def _bad(field: str, detail: str) -> Problem:
    return Problem(
        title=_TITLES[_BAD],
        status=_BAD,
        detail=detail,
        field=field,
        remedy="send what /schema/openapi.json says of it",
    )


def _field(key: str, message: str) -> str:
    """The path of a member; a missing or unknown one is named in msgspec's message alone."""
    inner = _MEMBER.search(message)
    above = "" if key == "data" else key
    path = ".".join(filter(None, (above, inner[1] if inner else "")))
    return path or "body"


def _of_bytes(_request: Request[Any, Any, State], error: UnicodeDecodeError) -> Response[Problem]:
    return answer(
        Problem(
            title=_TITLES[_BAD],
            status=_BAD,
            detail=f"is not UTF-8 at byte {error.start} of a text",
            field="body",
            remedy="send JSON in UTF-8",
        )
    )


def _of_field(_request: Request[Any, Any, State], error: BadQuery | UnknownId) -> Response[Problem]:
    status = _NOT_FOUND if isinstance(error, UnknownId) else _BAD
    return answer(
        Problem(
            title=_TITLES[status],
            status=status,
            detail=error.problem,
            field=error.field,
            remedy=error.remedy,
        )
    )


def _of_server(
    _request: Request[Any, Any, State], error: WebError | ServingError
) -> Response[Problem]:
    """Something behind us does not answer: our texts name cause and remedy in one line."""
    # Errors of `web` part cause and remedy by a semicolon, those of `serving` by a colon.
    detail, _, remedy = str(error).partition("; " if isinstance(error, WebError) else ": ")
    return answer(
        Problem(
            title=_TITLES[_UNAVAILABLE],
            status=_UNAVAILABLE,
            detail=detail,
            remedy=remedy or "see the log of gigstream serve",
        ),
        {"Retry-After": "1"},
    )


def _of_operation(
    _request: Request[Any, Any, State], error: OperationError | ConsumerError | TrainerError
) -> Response[Problem]:
    """What an operator asked for was refused or failed."""
    # By the exit codes of commands, so that a route and its command mean the same.
    status = _NOT_FOUND if isinstance(error, NotThere) else _BY_CODE.get(error.exit_code, _FAILED)
    if status == _FAILED:
        logger.error("An operation failed: %s", error)
    detail, _, remedy = str(error).partition("; ")
    return answer(
        Problem(
            title=_TITLES[status],
            status=status,
            detail=detail,
            remedy=remedy or _REMEDIES[_FAILED],
            field=error.field if isinstance(error, Refused) else None,
        ),
        {"Retry-After": "1"} if status == _UNAVAILABLE else None,
    )


HANDLERS: dict[Any, Any] = {
    HTTPException: _of_http,
    BadQuery: _of_field,
    UnknownId: _of_field,
    NotReady: _of_server,
    NotConfirmed: _of_server,
    TooMany: _of_server,
    ServingError: _of_server,
    OperationError: _of_operation,
    ConsumerError: _of_operation,
    TrainerError: _of_operation,
    UnicodeDecodeError: _of_bytes,
    _FAILED: _of_unforeseen,
}
"""By kind of error."""
