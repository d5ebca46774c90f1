"""The HTTP server of a process: its metrics for Prometheus, its health for a supervisor."""

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from socket import AF_INET, AF_INET6
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

from consumer.telemetry.pulse import Answer, Pulse

logger = logging.getLogger(__name__)

AGAIN_S = 1.0
"""Between two attempts to listen at an address that is taken."""
_LOOK_S = 0.1
_CLIENT_S = 10.0
_STATUS = {True: "200 OK", False: "503 Service Unavailable"}


def new_registry() -> CollectorRegistry:
    """A registry with what the system knows of this process: memory, processor, open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


class Application:
    """The pages: ``/metrics``, ``/healthz``, ``/readyz``.

    Args:
        registry: of the metrics.
        pulse: of the loop; None: the process answers for its health elsewhere.
    """

    def __init__(self, registry: CollectorRegistry, pulse: Pulse | None = None) -> None:
        self._metrics = make_wsgi_app(registry)
        self._probes: dict[str, Callable[[], Answer]] = {}
        if pulse is not None:
            self._probes = {"/healthz": pulse.health, "/readyz": pulse.readiness}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return self._metrics(environ, start)  # type: ignore[no-any-return]
        if path in self._probes:
            ok, text = self._probes[path]()
            return _answered(start, _STATUS[ok], text)
        known = ", ".join(["/metrics", *self._probes])
        return _answered(start, "404 Not Found", f"see {known}")


class Server:
    """Serves an application from a thread; a context manager.

    Monitoring must not keep the process from its work: where the address is taken, that is logged
    and tried again.

    Args:
        application: what is served.
        host: address to listen at.
        port: 0: nothing is served.
        setting: the name of the setting that holds the port, for the log.
    """

    def __init__(self, application: Application, *, host: str, port: int, setting: str) -> None:
        self._application = application
        self._host = host
        self._port = port
        self._setting = setting
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def __enter__(self) -> Self:
        if self._port:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._port:
            self._thread.join()

    def _run(self) -> None:
        warned = False
        while not self._stop.is_set():
            try:
                self._serve()
            except OSError as error:
                if not warned:
                    logger.warning(
                        "Metrics cannot be served at %s:%d (%s), trying again: free the port, or "
                        "correct metrics_host or %s",
                        *(self._host, self._port, error, self._setting),
                    )
                warned = True
                self._stop.wait(AGAIN_S)

    def _serve(self) -> None:
        with _Listener((self._host, self._port), _Handler) as listener:
            listener.set_app(self._application)
            # How soon the end is noticed.
            listener.timeout = _LOOK_S
            logger.info("Metrics are at http://%s:%d/metrics", self._host, self._port)
            while not self._stop.is_set():
                listener.handle_request()


class _Listener(ThreadingMixIn, WSGIServer):
    """A thread for each request, so that a slow client does not hold up a probe."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # Not that of HTTPServer: it asks the name service for the host's full name.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as declared
        del request
        logger.debug("A request from %s ended early: %s", client_address, sys.exception())


class _Handler(WSGIRequestHandler):
    timeout = _CLIENT_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as declared
        logger.debug(format, *args)


def _answered(start: StartResponse, status: str, text: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
    return [f"{text}\n".encode()]
