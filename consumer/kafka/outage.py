"""Whether Kafka answers, and why not.

`Watch` logs an outage once, however often librdkafka tries again. `diagnosis` finds out whether a
broker that is there wants TLS or a login: librdkafka cannot tell these from a broker that is
away, since Kafka just closes the connection to a client without TLS or without a login.
"""

import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from confluent_kafka import KafkaError

from consumer.errors import NoAnswer

logger = logging.getLogger(__name__)

_CALM_S = 2.0
_OURS = 0
_WAIT_S = 1.0
_REPORT_MS = 1_000
_CONNECTED = "UP"
# A request of Kafka's protocol: type Metadata (3), version 4, correlation 0, all topics.
_METADATA = struct.pack(">hhih", 3, 4, 0, -1) + struct.pack(">ib", -1, 0)
_REQUEST = struct.pack(">i", len(_METADATA)) + _METADATA


class _Broker(msgspec.Struct):
    state: str


class _Statistics(msgspec.Struct):
    """What we read of them."""

    brokers: dict[str, _Broker] = {}


_statistics = msgspec.json.Decoder(_Statistics)


class Watch:
    """Logs the beginning and the end of an outage.

    Args:
        bootstrap: the brokers, for the log.
        report: receives once a second whether a broker is connected; None: not needed.
    """

    def __init__(self, bootstrap: str, report: Callable[[bool], None] | None = None) -> None:
        self._bootstrap = bootstrap
        self._report = report
        self._logged: set[int] = set()
        self._last_s = 0.0

    @property
    def options(self) -> dict[str, Any]:
        """Options of the consumer that is watched."""
        watched: dict[str, Any] = {"error_cb": self.complaint}
        if self._report is not None:
            watched |= {"stats_cb": self.statistics, "statistics.interval.ms": _REPORT_MS}
        return watched

    def statistics(self, text: str) -> None:
        """Statistics of librdkafka came, as JSON."""
        if self._report is not None:
            brokers = _statistics.decode(text).brokers.values()
            self._report(any(each.state == _CONNECTED for each in brokers))

    def complaint(self, error: KafkaError) -> None:
        """A request failed; librdkafka will try again."""
        self._log_once(error.code(), error.str())

    def no_answer(self, error: NoAnswer) -> None:
        """A request got no answer; it will be sent again."""
        self._log_once(_OURS, str(error))

    def message(self) -> None:
        """A message came."""
        # Right after an error it may be one that had been fetched before.
        if self._logged and time.monotonic() - self._last_s > _CALM_S:
            self._logged.clear()
            logger.info("Kafka at %s answers again", self._bootstrap)

    def _log_once(self, code: int, text: str) -> None:
        self._last_s = time.monotonic()
        if code not in self._logged:
            self._logged.add(code)
            logger.warning("Kafka at %s: %s; waiting", self._bootstrap, text)


def diagnosis(bootstrap: str, options: Mapping[str, str]) -> str | None:
    """What to change about ``security.protocol``, where that is the cause.

    Args:
        bootstrap: ``host:port``, several separated by commas; the first that accepts a connection
            is asked.
        options: those passed on to librdkafka.
    """
    protocol = options.get("security.protocol", "plaintext").lower()
    for address in _addresses(bootstrap):
        try:
            return _diagnosis_at(address, encrypted=protocol.endswith("ssl"))
        except OSError:
            continue
    return None


def _diagnosis_at(address: tuple[str, int], *, encrypted: bool) -> str | None:
    if not encrypted and _speaks_tls(address):
        return "it expects TLS: set security.protocol to SSL or SASL_SSL"
    if _closes(address, encrypted=encrypted):
        protocol = "SASL_SSL" if encrypted else "SASL_PLAINTEXT"
        return f"it closes the connection, as Kafka does without a login: {protocol}?"
    return None


def _speaks_tls(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, _WAIT_S) as plain, suppress(OSError):
        _wrapped(plain).close()
        return True
    return False


def _closes(address: tuple[str, int], *, encrypted: bool) -> bool:
    with socket.create_connection(address, _WAIT_S) as plain:
        asked = _wrapped(plain) if encrypted else plain
        asked.sendall(_REQUEST)
        try:
            return not asked.recv(1)
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True


def _wrapped(plain: socket.socket) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only a public request is sent
    return context.wrap_socket(plain)


def _addresses(bootstrap: str) -> Iterator[tuple[str, int]]:
    for each in bootstrap.split(","):
        host, _, port = each.strip().rpartition("://")[2].rpartition(":")
        if host and port.isdecimal():
            yield host.strip("[]"), int(port)
