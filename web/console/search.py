"""Finding an artist or a venue: a page, and its links alone for typing ahead."""

from litestar import Response, get

from web.console.console import Asking, Showing, html, rendered

_AHEAD, _PAGE = 8, 100
_MOST_TEXT = 200


@get("/find", include_in_schema=False, sync_to_thread=True)
def page(console: Showing, request: Asking) -> Response[str]:
    """What was found."""
    text = request.query_params.get("q", "")[:_MOST_TEXT]
    # One more than is shown: it tells whether there are others.
    hits = console.finder.find(text, _PAGE + 1)
    return console.page(
        request, "find.html", text=text, hits=hits[:_PAGE], has_more=len(hits) > _PAGE
    )


@get("/find/links", include_in_schema=False, sync_to_thread=True)
def links(console: Showing, request: Asking) -> Response[str]:
    """The first links, for typing ahead."""
    text = request.query_params.get("q", "")[:_MOST_TEXT]
    return html(rendered("find_links.html", text=text, hits=console.finder.find(text, _AHEAD)))
