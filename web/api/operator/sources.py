"""Sources over HTTP: list, quarantine, release, retract."""

from typing import Any

from litestar import Request, get, post
from litestar.datastructures.state import State
from litestar.params import JSONBody

from operations import sources as known
from web.api.bodies import described_by, schema_of
from web.api.operator.actor import actor_of
from web.api.operator.bodies import OfSource, Released
from web.api.operator.previews import previewed
from web.api.problems import documented
from web.api.services import Answering

Found = dict[str, Any]
Asking = Request[Any, Any, State]
_REFUSED = documented(404, 409, 413)


@get("/sources", responses=documented(), summary="Sources", tags=["operator"])
async def sources(services: Answering) -> Found:
    """What each booking system has sent, and whether that counts: `gigstream source list`."""
    found = await services.operations.look(known.listed, services.operations.settings)
    return {"sources": found}


@post(
    "/sources/quarantine",
    status_code=200,
    operation_class=described_by(schema_of(OfSource)),
    responses=_REFUSED,
    summary="Quarantine a source",
    tags=["operator"],
)
async def quarantine(services: Answering, request: Asking, data: JSONBody[OfSource]) -> Found:
    """Stop counting what a source has sent, and what it sends from now on. `release` ends it.

    A source of which nothing is stored is refused: its name is most likely mistyped.
    """
    operations = services.operations
    if data.dry_run:
        return previewed(await _preview(operations, data))
    actor = actor_of(request)
    return await operations.act(
        known.quarantine, operations.settings, actor, data.source, data.since
    )


@post(
    "/sources/retract",
    status_code=200,
    operation_class=described_by(schema_of(OfSource)),
    responses=_REFUSED,
    summary="Retract a source",
    tags=["operator"],
)
async def retract(services: Answering, request: Asking, data: JSONBody[OfSource]) -> Found:
    """Take back an import, or what a source has sent: a quarantine of a source that is stored."""
    operations = services.operations
    if data.dry_run:
        return previewed(await _preview(operations, data))
    actor = actor_of(request)
    return await operations.act(known.retract, operations.settings, actor, data.source, data.since)


@post(
    "/sources/release",
    status_code=200,
    operation_class=described_by(schema_of(Released)),
    responses=_REFUSED,
    summary="Release a source",
    tags=["operator"],
)
async def release(services: Answering, request: Asking, data: JSONBody[Released]) -> Found:
    """Count what a quarantined source has sent again."""
    operations = services.operations
    return await operations.act(known.release, operations.settings, actor_of(request), data.source)


async def _preview(operations: Any, data: OfSource) -> Any:  # noqa: ANN401 - an Impact or None
    return await operations.look(known.preview, operations.settings, data.source, data.since)
