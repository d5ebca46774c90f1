"""Sources: what each booking system sends, and whether it counts."""

from datetime import datetime

from litestar import Response, get, post
from litestar.response import Redirect

from operations import sources as known
from web.console.acts import actor_of, done
from web.console.console import Asking, Showing
from web.console.login import Form
from web.errors import BadQuery

_SEE_OTHER = 303


@get("/sources", include_in_schema=False)
async def page(console: Showing, request: Asking) -> Response[str]:
    """What each source has sent."""
    operations = console.services.operations
    found = await operations.look(known.listed, operations.settings)
    return console.page(request, "sources.html", found=found)


@get("/sources/preview", include_in_schema=False)
async def preview(
    console: Showing, request: Asking, source: str, since: str | None = None
) -> Response[str]:
    """What a quarantine of a source would touch."""
    operations, begin = console.services.operations, _since(since or "")
    touched = await operations.look(known.preview, operations.settings, source, begin)
    return console.page(
        request, "source_preview.html", source=source, since=since or "", touched=touched
    )


@post("/sources/retract", include_in_schema=False, status_code=_SEE_OTHER)
async def retract(console: Showing, request: Asking, data: Form) -> Redirect:
    """Stop counting what a source has sent."""
    source = data.get("source", "")
    # First: a form that may not act must not be judged further.
    session = console.door.acting(request, data, word=source)
    operations, begin = console.services.operations, _since(data.get("since", ""))
    actor = actor_of(request, session)
    await operations.act(known.retract, operations.settings, actor, source, begin)
    return done("/sources")


@post("/sources/release", include_in_schema=False, status_code=_SEE_OTHER)
async def release(console: Showing, request: Asking, data: Form) -> Redirect:
    """Count what a source has sent again."""
    source = data.get("source", "")
    session = console.door.acting(request, data, word=source)
    operations, actor = console.services.operations, actor_of(request, session)
    await operations.act(known.release, operations.settings, actor, source)
    return done("/sources")


def _since(text: str) -> datetime | None:
    """A moment of a form; one without an offset is in UTC."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise BadQuery("since", f"{text!r} is no time", "write it as 2026-11-01T08:00") from None
