"""What the process of the HTTP API counts: its list of metrics, and their instruments."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from consumer.telemetry.metric import OTHER, Metric, Registry

ACCEPTED, REFUSED, UNCONFIRMED = "accepted", "refused", "unconfirmed"

REQUESTS = Metric(
    "gigstream_serve_requests",
    "counter",
    "requests",
    "Requests answered, by route as the API's description has it and by class of the status, such "
    f"as `2xx`. What asks for no route counts as `{OTHER}`.",
    ("route", "status"),
)
REQUEST_SECONDS = Metric(
    "gigstream_serve_request_seconds",
    "histogram",
    "seconds",
    "Duration of a request, from its head to the end of the answer.",
    ("route",),
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)
IN_FLIGHT = Metric(
    "gigstream_serve_requests_in_flight",
    "gauge",
    "requests",
    "Requests that are being answered.",
)
EVENTS = Metric(
    "gigstream_serve_events",
    "counter",
    "events",
    f"Events that were posted; `verdict` is `{ACCEPTED}` (Kafka has it), `{REFUSED}` (it breaks "
    f"the contract) or `{UNCONFIRMED}` (Kafka did not answer in time).",
    ("verdict",),
)
GENERATION = Metric(
    "gigstream_serve_generation",
    "gauge",
    "number",
    "The generation whose model answers; 0: none is loaded.",
)
STORE_VERSION = Metric(
    "gigstream_serve_store_version",
    "gauge",
    "version",
    "Newest version of the store that is folded into this model.",
)
FOLLOW_AGE = Metric(
    "gigstream_serve_follow_age_seconds",
    "gauge",
    "seconds",
    "Time since store and model were last followed; beyond 30 s `/healthz` answers 503.",
)
REDIS_UP = Metric(
    "gigstream_serve_redis_up",
    "gauge",
    "0 or 1",
    "Whether Redis answered the last question, which is asked once a second.",
)
KAFKA_UP = Metric(
    "gigstream_serve_kafka_up",
    "gauge",
    "0 or 1",
    "Whether there is a connection to a broker, for the events that are posted.",
)

METRICS = (
    REQUESTS,
    REQUEST_SECONDS,
    IN_FLIGHT,
    EVENTS,
    GENERATION,
    STORE_VERSION,
    FOLLOW_AGE,
    REDIS_UP,
    KAFKA_UP,
)


class Followed(NamedTuple):
    """What the API answers from.

    Attributes:
        generation: its number; 0: none is loaded.
        version: of the store; nan: none is loaded.
    """

    generation: int
    version: float


NOTHING = Followed(0, math.nan)


class Meters:
    """The instruments of one process.

    Args:
        registry: shows them; None: they count for no one, as in tests.
    """

    def __init__(self, registry: Registry = None) -> None:
        self._requests = REQUESTS.counter(registry)
        self._seconds = REQUEST_SECONDS.histogram(registry)
        self._in_flight = IN_FLIGHT.gauge(registry)
        self._events = EVENTS.counter(registry)
        self._generation = GENERATION.gauge(registry)
        self._version = STORE_VERSION.gauge(registry)
        self._followed_s = time.monotonic()
        # Asked at each scrape: it grows while the follower hangs.
        FOLLOW_AGE.gauge(registry).set_function(lambda: time.monotonic() - self._followed_s)
        self._redis_up = REDIS_UP.gauge(registry)
        self._kafka_up = KAFKA_UP.gauge(registry)

    def began(self) -> Callable[[str | None, int], None]:
        """A request came. Returns what is called at its end, with its route and its status."""
        began_s = time.perf_counter()
        self._in_flight.inc()

        def ended(route: str | None, status: int) -> None:
            self._in_flight.dec()
            # A path that is no route is the client's choice: Prometheus would keep each.
            shown = route or OTHER
            self._requests.labels(shown, f"{status // 100}xx").inc()
            self._seconds.labels(shown).observe(time.perf_counter() - began_s)

        return ended

    def posted(self, verdict: str, events: int) -> None:
        """Events were posted.

        Args:
            verdict: on these.
            events: their number.
        """
        self._events.labels(verdict).inc(events)

    def followed(self, now: Followed) -> None:
        """Store and model were followed."""
        self._followed_s = time.monotonic()
        self._generation.set(now.generation)
        self._version.set(now.version)

    def redis(self, *, is_up: bool) -> None:
        """Whether Redis answered."""
        self._redis_up.set(is_up)

    def kafka(self, is_up: bool) -> None:
        """Whether a broker is connected."""
        self._kafka_up.set(is_up)
