"""Limits of a record, checked in one pass before anything else walks it; see the event contract."""

import re

from .headers import Headers
from .invalid import InvalidEvent

MAX_VALUE_BYTES = 16 << 20
MAX_HEADERS = 256
MAX_HEADER_BYTES = 64 << 10
"""Names and values of all headers of a record."""

MAX_DEPTH = 64
"""Arrays and objects that lie within each other, the outermost included."""

KEPT_BYTES = 64 << 10
"""How much a dead letter keeps of a value over its limit, and of a key."""

INCOMPLETE = "gigstream-incomplete"
"""Header of a dead letter that says which parts of its record were not kept."""

# A string that never ends reaches to the end of the text, so that no byte is looked at twice.
_BRACKETS = re.compile(rb'[\[{]|[\]}]|"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def check(value: bytes | None, headers: Headers) -> None:
    """Refuse a record that is too large to be looked at, or not whole.

    Raises:
        InvalidEvent: a limit is exceeded; the remedy names it.
    """
    if value is not None and len(value) > MAX_VALUE_BYTES:
        remedy = f"send at most {MAX_VALUE_BYTES} bytes"
        raise InvalidEvent("value", value, f"is {len(value)} bytes long", remedy)
    if len(headers) > MAX_HEADERS or size(headers) > MAX_HEADER_BYTES:
        found = f"are {len(headers)} of {size(headers)} bytes"
        raise InvalidEvent("headers", None, found, _FEWER_HEADERS)
    for name, missing in headers:
        if name == INCOMPLETE:
            raise InvalidEvent("headers", missing, f"is in {INCOMPLETE}", _WHOLE)


def check_depth(field: str, text: bytes) -> None:
    """Refuse JSON whose arrays and objects lie too deep within each other; it may be malformed.

    Args:
        field: what the JSON is the value of.
        text: the JSON.

    Raises:
        InvalidEvent: it is deeper than `MAX_DEPTH`.
    """
    # It has no more brackets than levels are allowed: most records are not walked.
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _BRACKETS.finditer(text):
        first = text[found.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth > MAX_DEPTH:
            problem = f"is nested more than {MAX_DEPTH} levels deep at byte {found.start()}"
            raise InvalidEvent(field, text, problem, "send flatter JSON")


def kept(
    value: bytes | None, key: bytes | None, headers: Headers
) -> tuple[bytes | None, bytes | None, Headers]:
    """What a dead letter keeps of a record; the header `INCOMPLETE` says what was cut.

    Args:
        value: of the record.
        key: of the record.
        headers: of the record.
    """
    cut: list[str] = []
    if value is not None and len(value) > MAX_VALUE_BYTES:
        cut.append(f"value: {KEPT_BYTES} of {len(value)} bytes")
        value = value[:KEPT_BYTES]
    if key is not None and len(key) > KEPT_BYTES:
        cut.append(f"key: {KEPT_BYTES} of {len(key)} bytes")
        key = key[:KEPT_BYTES]
    few = _first(headers)
    if len(few) < len(headers):
        cut.append(f"headers: {len(few)} of {len(headers)}")
    return value, key, [*few, (INCOMPLETE, "; ".join(cut).encode())] if cut else few


def _first(headers: Headers) -> Headers:
    """As many of the first headers as are within the limits."""
    if len(headers) <= MAX_HEADERS and size(headers) <= MAX_HEADER_BYTES:
        return headers
    total = 0
    for count, header in enumerate(headers):
        total += size([header])
        if count == MAX_HEADERS or total > MAX_HEADER_BYTES:
            return headers[:count]
    return headers


def size(headers: Headers) -> int:
    """Bytes of all names and values."""
    return sum(len(name) + len(value or b"") for name, value in headers)


_FEWER_HEADERS = f"send at most {MAX_HEADERS} of {MAX_HEADER_BYTES} bytes in all"
_WHOLE = f"send the whole record, with header names in UTF-8 and without {INCOMPLETE}"
