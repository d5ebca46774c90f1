"""Fields of another JSON type than the contract's, read where it is plain what is meant.

Venue, artist and names are for people and filters: one that cannot be read is kept in ``extra``
and costs nothing. The version decides what counts, so it is read or refused.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw

UNREAD: Final = object()
"""Nothing was read: the field goes to ``extra``."""

MAX_NAME_CHARACTERS = 1_000
_MAX_INT = 2**63 - 1
# Up to it floats tell all integers apart: a greater one may have lost digits before it came here.
_EXACT = 2**53
_DIGITS = re.compile(r"[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?")


def read(field: str, raw: Raw) -> Any:  # noqa: ANN401 - whatever the field holds
    """The value of a field that is not of its type.

    Args:
        field: its name, dotted where nested.
        raw: valid JSON.

    Returns:
        The value; `UNREAD`: it belongs into ``extra``; None: the record is invalid by it.
    """
    reader = _READERS.get(field)
    if reader is None:
        return None
    try:
        found = reader(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None  # a number beyond all floats, for one
    return UNREAD if found is None and field != "version" else found


def _count(value: object) -> int | None:
    """An integer from 0 up: ``1200.0`` and ``"1200"`` too."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        value = int(value)
    # In Python `True` is an integer: 1.
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MAX_INT else None


def _degrees(most: int) -> Callable[[object], float | None]:
    def read_degrees(value: object) -> float | None:
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value.strip()):
            return None
        found = float(value)
        return found if abs(found) <= most else None

    return read_degrees


def _text(value: object) -> str | None:
    """A text: a number's digits, or the name of ``{"name": ...}`` without more, too."""
    if isinstance(value, dict) and len(value) == 1:
        value = value.get("name")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and len(value) <= MAX_NAME_CHARACTERS else None


def _texts(value: object) -> list[str] | None:
    """A list of texts: one text alone, names of objects, and nulls, which say nothing, too."""
    if isinstance(value, str):
        return [value] if value else None
    if not isinstance(value, list):
        return None
    found = [_text(each) for each in value if each is not None]
    return None if None in found else [each for each in found if each is not None]


_READERS: dict[str, Callable[[object], object]] = {
    "version": _count,
    "artist_name": _text,
    "venue_name": _text,
    "venue.lat": _degrees(90),
    "venue.lng": _degrees(180),
    "venue.city": _text,
    "venue.country": _text,
    "venue.capacity": _count,
    "artist.genres": _texts,
}
