"""The routes of the page Now: as a page, and as a stream of its parts."""

import asyncio
from collections.abc import AsyncIterator

from litestar import Response, get
from litestar.response import ServerSentEvent

from web.console.console import Asking, Console, Showing, rendered
from web.console.happenings import happenings
from web.console.now import cards
from web.watch.promises import breaches, sentence

_LOOK_S = 0.25
_LONGEST = 720
"""Samples that one connection gets; the browser then asks again."""


@get("/", include_in_schema=False, sync_to_thread=True)
def page(console: Showing, request: Asking) -> Response[str]:
    """The state of the whole."""
    return console.page(request, "now.html", body=body(console))


@get("/now/stream", include_in_schema=False)
async def stream(console: Showing) -> ServerSentEvent:
    """The parts of the page, each time that a sample was taken."""
    return ServerSentEvent(_bodies(console), event_type="body")


async def _bodies(console: Console) -> AsyncIterator[str]:
    shown = None
    for _ in range(_LONGEST):
        # Looked at in turns: the watcher's thread cannot wake this loop.
        while (latest := console.watcher.latest) is shown or latest is None:
            if console.watcher.ending.is_set():
                return
            await asyncio.sleep(_LOOK_S)
        shown = latest
        # In a thread: names are read under the lock of the live model.
        yield await asyncio.to_thread(body, console)


def body(console: Console) -> str:
    """The parts of the page that change.

    Args:
        console: of the page.
    """
    samples = console.watcher.samples()
    return rendered(
        "now_body.html",
        sentence=sentence(samples),
        breaches=breaches(samples, console.services.follower.problem()),
        cards=cards(samples) if samples else [],
        happenings=happenings(console, samples),
        at_s=samples[-1].at_s if samples else None,
        prefix=console.settings.redis_prefix,
    )
