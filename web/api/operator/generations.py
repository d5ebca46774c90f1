"""Generations over HTTP: list, compare, roll back, accept, pin, unpin, refit."""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.datastructures.state import State
from litestar.params import JSONBody, Parameter

from operations import generations as known
from trainer.registry.requests import Request as Asked
from web.api.bodies import described_by, schema_of
from web.api.operator.actor import actor_of
from web.api.operator.bodies import OfGeneration, OfTrainer, Refit
from web.api.problems import documented
from web.api.services import Answering

Found = dict[str, Any]
Asking = Request[Any, Any, State]
GenerationNumber = Annotated[
    int, Parameter(ge=1, le=(1 << 31) - 1, description="The number of a generation.")
]
_REFUSED = documented(404, 409, 413, 503)


@get("/generations", responses=documented(), summary="Generations", tags=["operator"])
async def generations(services: Answering) -> Found:
    """What was published, newest first, with verdicts: `gigstream generations`."""
    found = await services.operations.look(known.listed, services.operations.settings)
    return {"generations": found}


@get(
    "/generations/compare",
    responses=documented(404),
    summary="Compare two generations",
    tags=["operator"],
)
async def compare(services: Answering, one: GenerationNumber, other: GenerationNumber) -> Found:
    """How two generations differ: overlap of their lists, weights, recipe, quality and plays.

    `overlap` is the mean share of the ten best venues of an artist that both models have among
    their ten best with today's plays; null where the files of a model are gone.
    """
    settings = services.operations.settings
    return await services.operations.look(known.compare, settings, one, other)


@post(
    "/generations/rollback",
    status_code=200,
    operation_class=described_by(schema_of(OfGeneration)),
    responses=_REFUSED,
    summary="Roll back",
    tags=["operator"],
)
async def rollback(services: Answering, request: Asking, data: JSONBody[OfGeneration]) -> Found:
    """Publish an earlier generation's model again under a new number, and pin it."""
    return await _ask(services, request, Asked(False, "rollback", data.generation), data.wait_s)


@post(
    "/generations/accept",
    status_code=200,
    operation_class=described_by(schema_of(OfGeneration)),
    responses=_REFUSED,
    summary="Accept a held generation",
    tags=["operator"],
)
async def accept(services: Answering, request: Asking, data: JSONBody[OfGeneration]) -> Found:
    """Publish a generation that was held until a person has looked."""
    return await _ask(services, request, Asked(False, "accept", data.generation), data.wait_s)


@post(
    "/generations/pin",
    status_code=200,
    operation_class=described_by(schema_of(OfTrainer)),
    responses=_REFUSED,
    summary="Pin the live model",
    tags=["operator"],
)
async def pin(services: Answering, request: Asking, data: JSONBody[OfTrainer]) -> Found:
    """Keep the live model: no refit replaces it. Lists still follow new gigs by fold-ins."""
    return await _ask(services, request, Asked(False, "pin"), data.wait_s)


@post(
    "/generations/unpin",
    status_code=200,
    operation_class=described_by(schema_of(OfTrainer)),
    responses=_REFUSED,
    summary="Unpin",
    tags=["operator"],
)
async def unpin(services: Answering, request: Asking, data: JSONBody[OfTrainer]) -> Found:
    """Let refits replace the pinned model again."""
    return await _ask(services, request, Asked(False, "unpin"), data.wait_s)


@post(
    "/generations/refit",
    status_code=200,
    operation_class=described_by(schema_of(Refit)),
    responses=_REFUSED,
    summary="Refit now",
    tags=["operator"],
)
async def refit(services: Answering, request: Asking, data: JSONBody[Refit]) -> Found:
    """Have the trainer fit and publish all that is stored by now."""
    return await _ask(services, request, Asked(data.force, "fit"), data.wait_s)


async def _ask(services: Any, request: Asking, asked: Asked, wait_s: float) -> Found:  # noqa: ANN401
    operations, actor = services.operations, actor_of(request)
    done: Found = await operations.act(known.ask, operations.settings, actor, asked, wait_s=wait_s)
    return done
