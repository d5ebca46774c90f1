"""Decisions about ids over HTTP: merge, unmerge, hide, show, erase; each can be tried dry."""

from typing import Any

from litestar import Request, post
from litestar.datastructures.state import State
from litestar.params import JSONBody

from operations import erasure, merges, visibility
from operations.errors import Refused
from web.api.bodies import described_by, schema_of
from web.api.operator.actor import actor_of
from web.api.operator.bodies import Erased, Merged, OfId, Unmerged
from web.api.operator.previews import previewed
from web.api.problems import documented
from web.api.services import Answering

Found = dict[str, Any]
Asking = Request[Any, Any, State]
_REFUSED = documented(404, 409, 413, 503)


@post(
    "/ids/merge",
    status_code=200,
    operation_class=described_by(schema_of(Merged)),
    responses=_REFUSED,
    summary="Merge two ids",
    tags=["operator"],
)
async def merge(services: Answering, request: Asking, data: JSONBody[Merged]) -> Found:
    """Count all plays of one id, past and future, as another one's."""
    operations, asked = services.operations, (data.side, data.id, data.into)
    if data.dry_run:
        found = await operations.look(merges.preview, operations.settings, *asked)
        return previewed(found)
    return await operations.act(merges.merge, operations.settings, actor_of(request), *asked)


@post(
    "/ids/unmerge",
    status_code=200,
    operation_class=described_by(schema_of(Unmerged)),
    responses=_REFUSED,
    summary="End a merge",
    tags=["operator"],
)
async def unmerge(services: Answering, request: Asking, data: JSONBody[Unmerged]) -> Found:
    """Let the plays of a merged id count as its own again."""
    operations, actor = services.operations, actor_of(request)
    return await operations.act(merges.unmerge, operations.settings, actor, data.side, data.id)


@post(
    "/ids/hide",
    status_code=200,
    operation_class=described_by(schema_of(OfId)),
    responses=_REFUSED,
    summary="Hide an id",
    tags=["operator"],
)
async def hide(services: Answering, request: Asking, data: JSONBody[OfId]) -> Found:
    """Never recommend an id. Its plays count as before, and it keeps lists of its own."""
    return await _decide(services, request, data, "hidden")


@post(
    "/ids/show",
    status_code=200,
    operation_class=described_by(schema_of(OfId)),
    responses=_REFUSED,
    summary="Show an id",
    tags=["operator"],
)
async def show(services: Answering, request: Asking, data: JSONBody[OfId]) -> Found:
    """Recommend a hidden id again."""
    return await _decide(services, request, data, "shown")


@post(
    "/ids/erase",
    status_code=200,
    operation_class=described_by(schema_of(Erased)),
    responses=_REFUSED,
    summary="Erase an id",
    tags=["operator"],
)
async def erase(services: Answering, request: Asking, data: JSONBody[Erased]) -> Found:
    """Remove an id from the store, the models and Redis for good. Answers with the receipt.

    `confirm` repeats the id. After a 503 send it again: it continues where it stopped.
    """
    operations, asked = services.operations, (data.side, data.id)
    # In every case: an id that nothing knows is refused before anything is locked.
    found = await operations.look(erasure.preview, operations.settings, *asked)
    if data.dry_run:
        return previewed(found)
    # After the dry run, which shows what there is to confirm.
    if data.confirm != data.id:
        raise Refused(
            "an erasure cannot be taken back; repeat the id in confirm, or send dry_run",
            field="confirm",
        )
    receipt = await operations.act(
        erasure.erase,
        *(operations.settings, actor_of(request), *asked),
        wait_s=data.wait_s,
        configure=None,
    )
    return receipt | {"outside": erasure.OUTSIDE}


async def _decide(
    services: Any,  # noqa: ANN401 - see `Answering`
    request: Asking,
    data: OfId,
    state: visibility.State,
) -> Found:
    operations, asked = services.operations, (data.side, data.id, state)
    if data.dry_run:
        found = await operations.look(visibility.preview, operations.settings, *asked)
        return previewed(found)
    actor = actor_of(request)
    done: Found = await operations.act(visibility.decide, operations.settings, actor, *asked)
    return done
