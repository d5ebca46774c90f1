"""Why a broker that is there does not answer: it wants TLS, or a login, and does not say so.

librdkafka tells neither apart from a broker that is away: to a client without TLS, and to one
that does not log in, Kafka just closes the connection.
"""

import socket
import ssl
import struct
from collections.abc import Iterator, Mapping

_WAIT_S = 1.0
_METADATA = struct.pack(">hhih", 3, 4, 0, -1) + struct.pack(">ib", -1, 0)
_REQUEST = struct.pack(">i", len(_METADATA)) + _METADATA


def diagnosis(bootstrap: str, options: Mapping[str, str]) -> str | None:
    """What to change about ``security.protocol``, if that is what is wrong.

    Args:
        bootstrap: ``host:port``, several separated by commas; the first that takes a connection
            is asked.
        options: those handed to librdkafka.
    """
    protocol = options.get("security.protocol", "plaintext").lower()
    for address in _addresses(bootstrap):
        try:
            return _of(address, encrypted=protocol.endswith("ssl"))
        except OSError:
            continue
    return None


def _of(address: tuple[str, int], *, encrypted: bool) -> str | None:
    if not encrypted and _speaks_tls(address):
        return "it speaks TLS: set security.protocol to SSL or SASL_SSL"
    if _closes(address, encrypted=encrypted):
        protocol = "SASL_SSL" if encrypted else "SASL_PLAINTEXT"
        return f"it closes the connection, as Kafka does without a login: {protocol}?"
    return None


def _speaks_tls(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, _WAIT_S) as plain:
        try:
            _wrapped(plain).close()
        except OSError:
            return False
        return True


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
    context.verify_mode = ssl.CERT_NONE  # nothing is sent but a question that anybody may ask
    return context.wrap_socket(plain)


def _addresses(bootstrap: str) -> Iterator[tuple[str, int]]:
    for each in bootstrap.split(","):
        host, _, port = each.strip().rpartition("://")[2].rpartition(":")
        if host and port.isdecimal():
            yield host.strip("[]"), int(port)
