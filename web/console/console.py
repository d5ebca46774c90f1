"""What the pages are made from, and how they are answered."""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.datastructures.state import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.response import Redirect

from web.api.services import Services
from web.console import text
from web.console.door import Door
from web.console.navigation import Group
from web.live.finder import Finder
from web.settings import ApiSettings
from web.watch.watcher import Watcher

Asking = Request[Any, Any, State]

HEADERS: Mapping[str, str] = {
    # Nothing but our own files: a script or style in the page, or from elsewhere, does not run.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Console:
    """The parts behind the pages, started."""

    settings: ApiSettings
    services: Services
    watcher: Watcher
    door: Door
    finder: Finder
    groups: tuple[Group, ...]

    def page(
        self,
        request: Asking,
        template: str,
        *,
        status: int = 200,
        **content: Any,  # noqa: ANN401 - what templates show
    ) -> Response[str]:
        """Answer with a page.

        Args:
            request: that is answered.
            template: name of its file.
            status: of the answer.
            content: what the template shows.
        """
        # What the frame around each page shows.
        frame = {
            "groups": self.groups,
            "path": request.url.path,
            "session": self.door.session(request),
            "can_log_in": self.door.has_token,
            "prefix": self.settings.redis_prefix,
        }
        return html(rendered(template, **frame, **content), status)


Showing = NamedDependency[SkipValidation[Console]]
"""The parameter of a handler that answers with pages; it is called `console`."""


def html(content: str, status: int = 200) -> Response[str]:
    """A page, or a part of one, with the headers of all pages."""
    return Response(
        content,
        status_code=status,
        media_type="text/html",
        headers=dict(HEADERS),
    )


def see_other(path: str, cookies: Sequence[Cookie] = ()) -> Redirect:
    """Lead to another page, also after a form.

    Args:
        path: of this server.
        cookies: to set.
    """
    return Redirect(path, status_code=303, headers=dict(HEADERS), cookies=list(cookies))


def rendered(template: str, **content: Any) -> str:  # noqa: ANN401 - what templates show
    """The text of a template."""
    return _templates().get_template(template).render(content)


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        # A name that is mistyped must not be an empty place in a page.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = (text.number, text.of, text.seconds, text.size, text.percent, text.day, text.instant)
    made.filters |= {each.__name__: each for each in (*shown, text.clock, text.ago)}
    made.filters |= {"shell": shlex.quote}
    made.globals |= {"link": text.link, "redis_line": text.redis_line, "asset": asset}
    return made


@cache
def asset(name: str) -> str:
    """The address of one of our files, which changes with its content.

    Args:
        name: of the file.
    """
    # A browser keeps a file for a year: a new content needs a new address.
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
