"""The application: its routes, guards, bounds, and its description."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from web.api import catalogue, changes, events, health, lists, reasons, what_if
from web.api.access import Access
from web.api.operator import routes
from web.api.parameters import known_parameters
from web.api.problems import HANDLERS
from web.api.services import Services
from web.api.slashes import restored
from web.settings import ServeSettings

VERSION = "1"
_SCHEME = "token"
_UNLIMITED = ["^/healthz$", "^/readyz$"]
_READERS = (
    lists.venues,
    lists.artists,
    lists.batch,
    reasons.of_artist,
    reasons.of_venue,
    changes.of_artist,
    changes.of_venue,
    catalogue.similar_artists,
    catalogue.similar_venues,
    catalogue.search,
    what_if.artist,
    what_if.venue,
    *routes.READERS,
)
_WRITERS = (events.events, *routes.WRITERS)


def app(
    settings: ServeSettings,
    services: Services,
    pages: Sequence[Router] = (),
    handlers: Mapping[Any, Any] = HANDLERS,
) -> Litestar:
    """The application over started services.

    Args:
        settings: addresses, tokens, bounds.
        services: what it answers from.
        pages: for people, beside the API.
        handlers: what answers an error, by its kind.
    """
    access = Access(settings)
    # Where others can reach the API, readers need the token too.
    readers = Router(
        "/v1",
        route_handlers=_READERS,
        guards=[known_parameters, *([] if settings.is_local else [access.bearer])],
    )
    # A second router of the same path: a guard belongs to all routes of its router.
    writers = Router(
        "/v1",
        route_handlers=_WRITERS,
        guards=[known_parameters, access.bearer],
        security=[{_SCHEME: []}],
    )
    # Health checks often come from the address of a proxy that clients share.
    rate = RateLimitConfig(("second", settings.serve_rate), exclude=_UNLIMITED)
    return Litestar(
        [readers, writers, health.healthz, health.readyz, *pages],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        guards=[access.known_host],
        middleware=[rate.middleware, restored],
        exception_handlers=dict(handlers),
        logging_config=None,  # the process sets its own up
        request_max_body_size=settings.serve_max_body,
        openapi_config=description(),
    )


def description() -> OpenAPIConfig:
    """The description; it is served as JSON alone, since pages for it load scripts from outside."""
    token = SecurityScheme(
        type="http", scheme="bearer", description="GIGSTREAM_SERVE_TOKEN of the server."
    )
    return OpenAPIConfig(
        title="gigstream",
        version=VERSION,
        description="Venues for artists, artists for venues, fresh within a second of a gig.",
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(security_schemes={_SCHEME: token}),
    )
