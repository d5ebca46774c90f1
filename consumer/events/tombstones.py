"""What a tombstone deletes, however its producer's serializers wrote key and header.

A key is the plain event_id. Serializers of JSON put it in quotes, in an object
(``{"event_id": "T3"}``, perhaps with the ``source``), or in Connect's ``{"schema": ..., "payload":
...}``: those are opened. Any other text in JSON is refused, as no gig's id is meant by it.
"""

from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from .headers import Headers, text
from .invalid import InvalidEvent, refuse

_SOURCES = ("source", "ce_source")
_JSON = ('"', "{", "[")
_LINE_ENDS = "\r\n\t"  # no id may hold one
_CONNECT = {"schema", "payload"}
_NAMES = {"event_id", "source"}


class Bill(NamedTuple):
    """What key and headers name, not checked yet: `source_field` is where the source is from."""

    event_id: str
    source: str | None = None
    source_field: str = "key"


def bill(key: bytes | None, headers: Headers) -> Bill:
    """The bill that a record without a value deletes.

    Raises:
        InvalidEvent: key and headers name none.
    """
    if key is None:
        refuse("key", None, "is missing from a record without a value")
    try:
        named = _opened(key.decode().strip(_LINE_ENDS))
    except UnicodeDecodeError:
        refuse("key", key, "is not UTF-8")
    for name in _SOURCES:
        given = text(headers, name)
        if given is not None:
            return _of_source(named, _unquoted(given), name)
    return named


def _of_source(named: Bill, source: str, field: str) -> Bill:
    if named.source not in {None, source}:
        refuse("key", named.source, f"is another source than the header {field} names")
    return Bill(named.event_id, source, field)


def _opened(key: str) -> Bill:
    found = _json(key)
    if isinstance(found, dict) and found.keys() == _CONNECT:
        found = found["payload"]
    if isinstance(found, str):
        return Bill(found)
    if not isinstance(found, dict) or not _is_bill(found):
        refuse("key", key, "is JSON that names more than an event_id, or none")
    return Bill(found["event_id"], found.get("source"))


def _is_bill(found: dict[str, Any]) -> bool:
    texts = all(isinstance(each, str) for each in found.values())
    return texts and "event_id" in found and found.keys() <= _NAMES


def _json(text: str) -> Any:  # noqa: ANN401 - any JSON
    """The text or object that this says as JSON; the text itself where it is none."""
    if text.startswith(_JSON):
        with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
            return msgspec.json.decode(text)
    return text  # such as a GUID in braces


def _unquoted(given: str) -> str:
    found = _json(given)
    return found if isinstance(found, str) else given


def refuse_nothing(value: bytes) -> None:
    """Refuse a value that was meant to be null.

    Raises:
        InvalidEvent: it is empty, or the text ``null``.
    """
    # The length first: to strip the line end of a long record would copy it.
    if len(value) <= len(_NOTHING) + 4 and value.strip() in {b"", _NOTHING}:
        what = "the text null, not null" if value.strip() else "empty, not null"
        raise InvalidEvent("value", value, f"is {what}", _AS_NULL)


_NOTHING = b"null"
_AS_NULL = (
    "to delete a bill send null, which is no value at all, with the plain event_id as the key; "
    "to state a gig send one JSON object with event_id, artist_id, venue_id and time"
)
