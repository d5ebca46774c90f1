"""Style, script and icon: read once, kept by browsers for as long as they do not change."""

from functools import cache

from litestar import Response, get

from web.api.problems import Problem, answer
from web.console.console import HEADERS, STATIC

TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_YEAR_S, _DAY_S = 31_536_000, 86_400
_NOT_FOUND = 404
_ICON = "icon.svg"


@get("/static/{name:str}", include_in_schema=False, sync_to_thread=False)
def file(name: str) -> Response[bytes] | Response[Problem]:
    """A file of the pages."""
    # By a list of what there is: no name leads out of the folder.
    found = _files().get(name)
    if found is None:
        remedy = "open / for the console"
        problem = Problem(
            title="Not found", status=_NOT_FOUND, detail="no such file", remedy=remedy
        )
        return answer(problem)
    content, kind = found
    kept = {"Cache-Control": f"public, max-age={_YEAR_S}, immutable"}
    return Response(content, media_type=kind, headers={**HEADERS, **kept})


@get("/favicon.ico", include_in_schema=False, sync_to_thread=False)
def icon() -> Response[bytes]:
    """The icon, where browsers look for one that no page names."""
    content, kind = _files()[_ICON]
    # Not for a year: this address does not change with its content.
    kept = {"Cache-Control": f"public, max-age={_DAY_S}"}
    return Response(content, media_type=kind, headers={**HEADERS, **kept})


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    return {path.name: (path.read_bytes(), TYPES[path.suffix]) for path in STATIC.iterdir()}
