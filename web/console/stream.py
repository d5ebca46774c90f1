"""Stream: partitions, a live tail, and one event's whole life."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litestar import Response, get
from litestar.response import ServerSentEvent, ServerSentEventMessage

from consumer.errors import ConsumerError
from operations import life, stream
from web.console.console import HEADERS, Asking, Console, Showing, rendered
from web.errors import BadQuery

SHOWN = 50
"""Records of the tail on the page."""
LOOK_S = 1.0
"""Between two looks at the store."""


@get("/stream", include_in_schema=False)
async def page(console: Showing, request: Asking) -> Response[str]:
    """The partitions, and what is stored as it comes."""
    operations = console.services.operations
    # Without Kafka the page still shows the tail, which the store has.
    try:
        partitions, problem = await operations.look(stream.partitions, operations.settings), ""
    except ConsumerError as error:
        partitions, problem = [], str(error)
    return console.page(
        request,
        "stream.html",
        topic=operations.settings.kafka_topic,
        partitions=partitions,
        problem=problem,
        records=await _newest(console),
    )


@get("/stream/tail", include_in_schema=False)
async def tail(console: Showing) -> ServerSentEvent:
    """The table of the newest records, sent again when there are others."""
    watcher = console.services.operations.watch()
    return ServerSentEvent(_bodies(console, watcher), headers=dict(HEADERS))


@get("/stream/event", include_in_schema=False)
async def event(
    console: Showing,
    request: Asking,
    place: str | None = None,
    event_id: str | None = None,
    source: str | None = None,
) -> Response[str]:
    """The life of a record, by its place or by its event's id and source."""
    operations, settings = console.services.operations, console.services.operations.settings
    if place is not None:
        found = await operations.look(life.by_place, settings, place)
    elif event_id is not None:
        found = await operations.look(life.by_event, settings, source or "default", event_id)
    else:
        raise BadQuery("place", "is missing", "name topic/partition/offset, or an event id")
    return console.page(request, "event.html", lives=found)


async def _bodies(
    console: Console,
    watcher: Any,  # noqa: ANN401 - counted as long as it is held
) -> AsyncIterator[ServerSentEventMessage]:
    before: list[dict[str, Any]] | None = None
    while watcher and not console.watcher.ending.is_set():
        records = await _newest(console)
        if records != before:
            before, body = records, rendered("stream_tail.html", records=records)
            yield ServerSentEventMessage(data=body, event="body")
        else:  # so that a browser that is gone is noticed
            yield ServerSentEventMessage(comment="nothing new")
        await asyncio.sleep(LOOK_S)


async def _newest(console: Console) -> list[dict[str, Any]]:
    operations = console.services.operations
    found: list[dict[str, Any]] = await operations.look(operations.tail.after, 0)
    return found[-SHOWN:][::-1]
