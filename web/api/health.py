"""Whether the process works, and whether it can answer."""

from typing import Literal

import msgspec
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from serving.errors import ServingError
from web.api.services import Answering

_GOOD, _BAD = 200, 503


class Health(msgspec.Struct):
    """`ok`, or what is wrong and what to do."""

    status: Literal["ok", "failing"]
    detail: str


_FAILING = {_BAD: ResponseSpec(Health, generate_examples=False, description="It does not")}


@get(
    "/healthz",
    responses=_FAILING,
    summary="Does the process work?",
    tags=["health"],
    sync_to_thread=False,  # a pool of busy threads must not look like a dead process
)
def healthz(services: Answering) -> Response[Health]:
    """Whether the live model is followed; false once that has failed for half a minute."""
    return _answer(services.follower.problem())


@get(
    "/readyz",
    responses=_FAILING,
    summary="Can it answer?",
    tags=["health"],
    sync_to_thread=True,
)
def readyz(services: Answering) -> Response[Health]:
    """Whether lists are published in Redis and the live model is loaded."""
    # Redis first: without it no list can be read, whatever the model is.
    try:
        services.stored.is_there()
    except ServingError as error:
        return _answer(str(error))
    return _answer(None if services.live.is_ready else "the live model is not loaded yet; wait")


def _answer(problem: str | None) -> Response[Health]:
    health = Health("failing", problem) if problem else Health("ok", "")
    return Response(health, status_code=_BAD if problem else _GOOD)
