"""Settings and access: the settings in force, what the checks find, and the audit."""

from litestar import Response, get

from operations import check as checks
from operations.audit import lines
from web.api.operator.overview import effective
from web.api.wording import worded
from web.console.console import Asking, Showing
from web.console.wording import paged

LINES = 100


@get("/settings", include_in_schema=False)
async def settings(console: Showing, request: Asking) -> Response[str]:
    """The settings in force, secrets masked, and who may do what."""
    operations = console.services.operations
    return console.page(
        request,
        "settings.html",
        rows=effective(operations.settings, operations.origins),
        is_local=console.settings.is_local,
        has_token=console.door.has_token,
    )


@get("/settings/check", include_in_schema=False)
async def check(console: Showing, request: Asking) -> Response[str]:
    """What the checks find now."""
    operations = console.services.operations
    seen = await operations.look(checks.findings, operations.settings, checks.chosen(()))
    found = [{"name": each.name, "ok": each.ok, "said": paged(worded(each.said))} for each in seen]
    return console.page(request, "check.html", found=found)


@get("/audit", include_in_schema=False)
async def audit(console: Showing, request: Asking, skip: int = 0) -> Response[str]:
    """What operators have done, newest first."""
    operations, skip = console.services.operations, max(0, skip)
    found = await operations.look(lines, operations.settings.home, LINES + 1, skip=skip)
    return console.page(
        request,
        "audit.html",
        found=found[:LINES],
        skip=skip,
        older=skip + LINES if len(found) > LINES else None,
    )
