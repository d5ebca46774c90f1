"""CloudEvents 1.0 on Kafka: what their attributes say where the data say nothing.

The data are the contract's fields. Attributes fill what is missing there: ``source`` the source,
``subject`` the event_id, ``time`` the time, and the last word of ``type`` the status where it is
one. ``id`` names one message, not a gig, so it never identifies a gig. What fills nothing
is kept in ``extra``, as the object ``cloudevents``.

Words used here:
    structured: the record's value is a JSON envelope with attributes and data.
    binary: the value is the data, the attributes are headers ``ce_...``.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from .headers import Headers, is_json, plain_type, utf8
from .invalid import InvalidEvent, refuse
from .statement import raw_fields
from .statuses import meaning, speaks_of_cancelling

STRUCTURED = "application/cloudevents+json"
FAMILY = "application/cloudevents"
"""How every content type of the structured and of the batched mode begins."""

_PREFIX = "ce_"
_REQUIRED = ("specversion", "id", "source", "type")
_FILLS = {"subject": "event_id", "source": "source", "time": "time"}
_NOT_KEPT = ("specversion", "datacontenttype")
_DATA = ("data", "data_base64")
_BETWEEN_WORDS = "./:#"
MAX_ATTRIBUTE_BYTES = 4_096

Attributes = Mapping[str, Raw]


class CloudEvent(NamedTuple):
    """The contract's fields, and which of them an attribute filled: field to ``ce_...``."""

    fields: dict[str, Raw]
    filled: dict[str, str]


def is_binary(headers: Headers) -> bool:
    """Whether the headers hold attributes."""
    return any(name.lower().startswith(_PREFIX) for name, _ in headers)


def structured(value: bytes) -> CloudEvent:
    """An envelope, opened.

    Raises:
        InvalidEvent: it is no CloudEvent 1.0, or its data are no JSON object.
    """
    envelope = {
        name: raw for name, raw in raw_fields("value", value).items() if bytes(raw) != b"null"
    }
    attributes = {name: raw for name, raw in envelope.items() if name not in _DATA}
    _check(attributes)
    return _filled(_data(envelope), attributes)


def binary(data: bytes, headers: Headers) -> CloudEvent:
    """Data, and the attributes of their headers.

    Raises:
        InvalidEvent: it is no CloudEvent 1.0, or its data are no JSON object.
    """
    attributes: dict[str, Raw] = {}
    for header, value in headers:
        name = header.lower()
        if name.startswith(_PREFIX) and value is not None:
            # The first of a name counts, as of all headers.
            attributes.setdefault(name.removeprefix(_PREFIX), _quoted(utf8(name, value)))
    _check(attributes)
    return _filled(raw_fields("value", data), attributes)


def _check(attributes: Attributes) -> None:
    for name, raw in attributes.items():
        if max(len(name), len(bytes(raw))) > MAX_ATTRIBUTE_BYTES:
            problem = f"has an attribute of over {MAX_ATTRIBUTE_BYTES} bytes"
            raise InvalidEvent("value", name, problem, "send longer texts in the data")
    for name in _REQUIRED:
        text = _text(name, attributes)
        if text is None:
            refuse(_PREFIX + name, None, "is missing")
        if not text:
            refuse(_PREFIX + name, text, "is empty")
    version = _text("specversion", attributes)
    if version != "1.0":
        refuse("ce_specversion", version, "is not known")


def _data(envelope: Attributes) -> dict[str, Raw]:
    content_type = _text("datacontenttype", envelope)
    if not is_json(plain_type(content_type)):
        refuse("ce_datacontenttype", content_type, "is not JSON")
    if "data_base64" not in envelope:
        if "data" not in envelope:
            refuse("data", None, "is missing")
        return raw_fields("data", envelope["data"])
    if "data" in envelope:
        refuse("data_base64", None, "stands beside data")
    return raw_fields("data_base64", _from_base64(envelope["data_base64"]))


def _from_base64(raw: Raw) -> bytes:
    text = msgspec.json.decode(raw)
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        refuse("data_base64", text, "is not base64")


def _filled(data: dict[str, Raw], attributes: Attributes) -> CloudEvent:
    left = {name: raw for name, raw in attributes.items() if name not in _NOT_KEPT}
    fields, filled = dict(data), {}
    for attribute, field in _FILLS.items():
        if attribute in left and _lacks(data, field):
            fields[field] = left.pop(attribute)
            filled[field] = _PREFIX + attribute
    status = _status(attributes)
    if status and _lacks(data, "status"):
        fields["status"] = _quoted(status)
    fields.setdefault("cloudevents", Raw(msgspec.json.encode(left, order="sorted")))
    return CloudEvent(fields, filled)


def _lacks(data: Mapping[str, Raw], field: str) -> bool:
    return field not in data or bytes(data[field]) == b"null"


def _status(attributes: Attributes) -> str | None:
    kind = _text("type", attributes) or ""
    rest, _, version = kind.rpartition(".")
    # A type may end with its own version, as in `gig.cancelled.v1`.
    if version[:1] == "v" and version[1:].isdecimal():
        kind = rest
    # Where none of them is found, rfind gives -1 and the whole type is the word.
    word = kind[max(map(kind.rfind, _BETWEEN_WORDS)) + 1 :]
    # One that may be a cancellation is no default: the status is refused by this word.
    return meaning(word) or (word if speaks_of_cancelling(word) else None)


def _text(name: str, attributes: Attributes) -> str | None:
    raw = attributes.get(name)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        refuse(_PREFIX + name, bytes(raw), "is not a string")


def _quoted(text: str) -> Raw:
    return Raw(msgspec.json.encode(text))
