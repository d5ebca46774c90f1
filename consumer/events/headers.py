"""A record's headers: names in any case, values in UTF-8, the first of a name counts."""

from collections.abc import Sequence

from .invalid import REMEDIES, InvalidEvent

Headers = Sequence[tuple[str, bytes | None]]

CONTENT_TYPE = "content-type"
_TEXT = "send text or leave this header out"


def text(headers: Headers, name: str) -> str | None:
    """A header's value; None where it is missing or null.

    Raises:
        InvalidEvent: it is not UTF-8.
    """
    for given, value in headers:
        if given.lower() == name and value is not None:
            return utf8(name, value)
    return None


def utf8(name: str, value: bytes) -> str:
    """A header's value, decoded."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidEvent(name, value, "is not UTF-8", REMEDIES.get(name, _TEXT)) from None


def media_type(headers: Headers) -> str:
    """What ``content-type`` names, without parameters; JSON where it is missing."""
    return plain_type(text(headers, CONTENT_TYPE))


def plain_type(content_type: str | None) -> str:
    """A content type without its parameters; JSON where it is missing."""
    return (content_type or "application/json").partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Whether a media type is JSON."""
    return media in {"application/json", "text/json"} or media.endswith("+json")
