"""All pages of the console, for the application."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from litestar import Router
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from web.api.services import Services
from web.console import (
    dead_letters,
    described,
    effective,
    files,
    generations,
    login,
    navigation,
    overview,
    quality,
    search,
    sources,
    store,
    stream,
    subjects,
)
from web.console.blanks import without_blanks
from web.console.console import Console
from web.console.door import Connection, Door
from web.console.refusals import Handler, beyond, handlers
from web.live.finder import Finder
from web.settings import ApiSettings
from web.watch.watcher import Watcher

Check = Callable[[Connection, BaseRouteHandler], Awaitable[None]]

OPEN: tuple[BaseRouteHandler, ...] = (
    login.form,
    login.log_in,
    login.log_out,
    files.file,
    files.icon,
)
"""For everyone: they show nothing of the data."""
PAGES: tuple[BaseRouteHandler, ...] = (
    overview.page,
    overview.stream,
    search.page,
    search.links,
    subjects.artists,
    subjects.artist,
    subjects.venues,
    subjects.venue,
    described.page,
    quality.page,
    stream.page,
    stream.tail,
    stream.event,
    dead_letters.page,
    dead_letters.one,
    dead_letters.tried,
    dead_letters.replay,
    generations.page,
    generations.compare,
    generations.act,
    sources.page,
    sources.preview,
    sources.retract,
    sources.release,
    store.page,
    store.preview,
    store.decide,
    store.undo,
    effective.settings,
    effective.check,
    effective.audit,
)
"""For readers, who must log in where others can reach this server."""


class Pages(NamedTuple):
    """The console, for the application.

    Attributes:
        routers: of its pages.
        handlers: what answers an error outside of them, by its kind.
    """

    routers: list[Router]
    handlers: dict[Any, Handler]


def pages(settings: ApiSettings, services: Services, watcher: Watcher) -> Pages:
    """The pages of the console.

    Args:
        settings: of the process.
        services: what it answers from.
        watcher: of the stack.
    """
    door = Door(settings)
    paths = frozenset(path for page in PAGES for path in page.paths)
    finder = Finder(services.live)
    console = Console(settings, services, watcher, door, finder, navigation.shown(paths))
    # A form is checked on open pages too: a log-in that another site sends is refused.
    routers = [
        _router(console, OPEN, [_guard(door.own_form)]),
        _router(console, PAGES, [_guard(door.own_form), _guard(door.reader)]),
    ]
    return Pages(routers, beyond(console))


def _guard(check: Check) -> Guard:
    """A guard that Litestar may copy: copies of a method would each have sessions of their own."""

    async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        await check(connection, handler)

    return guard


def _router(console: Console, pages: tuple[BaseRouteHandler, ...], guards: list[Guard]) -> Router:
    return Router(
        "/",
        route_handlers=pages,
        before_request=without_blanks,
        guards=guards,
        dependencies={"console": Provide(lambda: console, sync_to_thread=False)},
        exception_handlers=handlers(console),
    )
