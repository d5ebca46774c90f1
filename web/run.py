"""The process of the HTTP API and the console: composition, socket and signals."""

import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Event
from types import FrameType
from typing import NamedTuple

import uvicorn

from consumer.shutdown import Shutdown
from consumer.telemetry.server import Application, Server, new_registry
from serving.connection import connect
from web.api.app import app
from web.api.counted import counted
from web.api.services import Services
from web.api.slashes import kept
from web.console.routes import pages
from web.errors import AddressRefused, CertificateRefused
from web.live.earlier import Earlier
from web.live.follower import Follower
from web.live.lists import ListReader
from web.live.model import LiveModel
from web.live.operations import Operations
from web.live.redis_watch import RedisWatch
from web.live.sink import EventSink
from web.live.stored import StoredLists
from web.metrics import Meters
from web.settings import ApiSettings, ServeSettings
from web.watch.watcher import Watcher

logger = logging.getLogger(__name__)

STOP_S = 4
"""How long requests that run may take on a stop."""
_BACKLOG = 512


def run(settings: ApiSettings, origins: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: validated.
        origins: where the value of each setting comes from, by name.

    Raises:
        AddressRefused: the address is taken, or is none of this machine.
        CertificateRefused: its certificate or key cannot be used.
        ConsumerError: an option for Kafka cannot be.
    """
    registry = new_registry()
    meters = Meters(registry)
    with ExitStack() as parts:
        # uvicorn raises the signal that stopped it once more: this takes it.
        parts.enter_context(Shutdown(STOP_S))
        # First: a taken address must not cost the loading of a model.
        bound = parts.enter_context(listening(settings))
        parts.enter_context(_measured(settings, Application(registry)))
        made = parts.enter_context(started(settings, origins, meters))
        host, port = bound.getsockname()[:2]
        scheme = "https" if settings.serve_tls_certificate else "http"
        logger.info(
            "Serving at %s://%s:%d (description: /schema/openapi.json).", scheme, host, port
        )
        _serve(settings, made, bound, meters)
    logger.info("Stopped serving.")


def _measured(settings: ApiSettings, application: Application) -> Server:
    return Server(
        application,
        host=settings.metrics_host,
        port=settings.serve_metrics_port,
        setting="serve_metrics_port",
    )


def listening(settings: ServeSettings) -> socket.socket:
    """A socket that is bound, so that a taken address is an error at once.

    Raises:
        AddressRefused: it cannot be bound.
    """
    host, port = settings.serve_host.strip("[]"), settings.serve_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise AddressRefused(
            f"cannot listen on {host}:{port} ({error.strerror or error}); set "
            "GIGSTREAM_SERVE_HOST and GIGSTREAM_SERVE_PORT to a free address of this machine"
        ) from None
    # asyncio does this for sockets that it makes itself. Without it, an answer in two parts waits
    # 40 ms for the client's delayed acknowledgement of the first; accepted sockets inherit it.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


class Started(NamedTuple):
    """The running parts.

    Attributes:
        services: what the API answers from.
        watcher: of the stack, for the console.
    """

    services: Services
    watcher: Watcher


@contextmanager
def started(settings: ApiSettings, origins: Mapping[str, str], meters: Meters) -> Iterator[Started]:
    """The parts behind API and console, running while this lasts; the meters count what they do.

    Args:
        settings: validated.
        origins: where the value of each setting comes from, by name.
        meters: of the process.

    Raises:
        KafkaOptionRefused: librdkafka does not know an option.
    """
    live = LiveModel(settings)
    earlier = Earlier(settings, live)
    with (
        # In this order: the follower ends before what it reads with is closed.
        connect(settings) as client,
        RedisWatch(client, meters),
        EventSink(settings, meters) as sink,
        Follower(live, earlier, settings.poll_interval_s, meters) as follower,
        Watcher(settings, client, live) as watcher,
    ):
        stored = StoredLists(client, settings.redis_prefix, settings.list_size)
        lists, operations = ListReader(stored, live), Operations(settings, origins)
        services = Services(stored, live, lists, earlier, follower, sink, operations)
        yield Started(services, watcher)


def _serve(settings: ApiSettings, made: Started, bound: socket.socket, meters: Meters) -> None:
    config = uvicorn.Config(
        counted(kept(app(settings, made.services, *pages(settings, *made))), meters),
        log_config=None,  # ours
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=settings.serve_tls_certificate or None,
        ssl_keyfile=settings.serve_tls_key or None,
    )
    _load_tls(config, settings)
    _Server(config, made.watcher.ending).run(sockets=[bound])


def _load_tls(config: uvicorn.Config, settings: ServeSettings) -> None:
    """Read certificate and key now, so that an error names the setting.

    Raises:
        CertificateRefused: they cannot be read, or do not belong together.
    """
    try:
        config.load()
    except OSError as error:
        raise CertificateRefused(
            f"cannot serve by TLS with {settings.serve_tls_certificate} and "
            f"{settings.serve_tls_key} ({error}); set GIGSTREAM_SERVE_TLS_CERTIFICATE and "
            "GIGSTREAM_SERVE_TLS_KEY to PEM files that belong together"
        ) from None


class _Server(uvicorn.Server):
    """Tells streams that the end is near: uvicorn would wait for them."""

    def __init__(self, config: uvicorn.Config, ending: Event) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending.set()
        super().handle_exit(sig, frame)
