"""The stream over HTTP: partitions, a live tail, and one event's whole life."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import get
from litestar.params import Parameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from consumer.errors import ConsumerError
from operations import life, stream
from web.api.lists import MAX_ID
from web.api.operator.bodies import MAX_REASON
from web.api.problems import documented
from web.api.services import Answering
from web.live.operations import Watcher

LOOK_S = 0.5
"""Between two looks of a watcher."""
LONGEST_S = 900
"""A tail ends after this; a browser begins it again by itself."""
MAX_PLACE = 512
SHOWN = 50
"""Of the records that are there already, a new watcher gets this many."""

Found = dict[str, Any]
PlaceText = Annotated[
    str,
    Parameter(
        min_length=1,
        max_length=MAX_PLACE,
        pattern=r"^.+/[0-9]{1,10}/[0-9]{1,19}$",
        description="topic/partition/offset, as the tail and dead letters have it; the topic by "
        "its name, or by its id as the store has it.",
    ),
]
SourceName = Annotated[
    str,
    Parameter(
        min_length=1, max_length=MAX_ID, description="The source, `default` where none is given."
    ),
]
BillId = Annotated[
    str, Parameter(min_length=1, max_length=MAX_REASON, description="The event's id.")
]


@get("/partitions", responses=documented(503), summary="Partitions", tags=["operator"])
async def partitions(services: Answering) -> Found:
    """Offsets of each partition, and its lag in events and seconds."""
    found = await services.operations.look(stream.partitions, services.operations.settings)
    return {"topic": services.operations.settings.kafka_topic, "partitions": found}


@get(
    "/stream",
    responses=documented(503),
    summary="Live tail",
    tags=["operator"],
    media_type="text/event-stream",
)
async def tail(services: Answering) -> ServerSentEvent:
    """The records that are stored, as they are, by server-sent events.

    Each `record` has its statement and its verdict: stored, duplicate, superseded, deleted,
    quarantined or dead. The newest that are there come first; a tail ends after a quarter of an
    hour.
    """
    return ServerSentEvent(_records(services, services.operations.watch()))


@get(
    "/events/by-place",
    responses=documented(404, 409),
    summary="One event's life",
    tags=["operator"],
)
async def event(services: Answering, place: PlaceText) -> Found:
    """One record's whole life: received, stored, settled, and the lists it changed first.

    What is recorded nowhere is null, and `unknown` says why.
    """
    found = await services.operations.look(life.by_place, services.operations.settings, place)
    return {"events": found}


@get(
    "/events/by-id",
    responses=documented(404),
    summary="The lives of a bill's events",
    tags=["operator"],
)
async def events_of_bill(services: Answering, event_id: BillId, source: SourceName) -> Found:
    """The lives of all records of one event id of a source, the newest first."""
    settings = services.operations.settings
    found = await services.operations.look(life.by_event, settings, source, event_id)
    return {"events": found}


async def _records(
    services: Any,  # noqa: ANN401 - see `Answering`
    watcher: Watcher,
) -> AsyncIterator[ServerSentEventMessage]:
    operations, end_s = services.operations, time.monotonic() + LONGEST_S
    number = max(0, (await _after(operations, 0))[1] - SHOWN)
    # The watcher counts for as long as this generator holds it, also where it never begins.
    while watcher and time.monotonic() < end_s:
        found, number = await _after(operations, number)
        for item in found:
            yield ServerSentEventMessage(data=json.dumps(item), event="record", id=item["number"])
        if not found:  # so that a client that is gone is noticed
            yield ServerSentEventMessage(comment="nothing new")
        await asyncio.sleep(LOOK_S)


async def _after(operations: Any, number: int) -> tuple[list[Found], int]:  # noqa: ANN401
    try:
        found = await operations.look(operations.tail.after, number)
    except ConsumerError as error:
        return [{"number": number, "problem": str(error)}], number
    return found, found[-1]["number"] if found else number
