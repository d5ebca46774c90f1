"""Values framed for a schema registry: which schema they are written in, and what they hold.

The wire format of Confluent's clients: a zero byte and the schema's id in 4 bytes, or a one byte
and its GUID in 16, before the payload; or the same bytes in a header and the value is the payload.
"""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from .headers import Headers
from .invalid import InvalidEvent

MAGIC = (b"\0", b"\1")
"""First bytes of a framed value. No JSON begins with one."""

HEADER = "__value_schema_id"

_ID_END, _GUID_END = 5, 17
_WHOLE = "send what a schema registry's serializer writes, or plain JSON"
_UNSET = "set schema_registry_url to the registry that knows its schema, or send plain JSON"


class Frame(NamedTuple):
    """A payload, and the schema it is written in by id or GUID."""

    schema: int | UUID
    payload: bytes


Unframe = Callable[[Frame], bytes]
"""A payload as plain JSON; raises `InvalidEvent` where it is none."""


def opened(value: bytes, headers: Headers, unframe: Unframe | None) -> bytes | None:
    """The value as plain JSON where it is framed; None where it is not.

    Args:
        value: of the record.
        headers: of the record.
        unframe: reads a frame; None: no registry is set up.

    Raises:
        InvalidEvent: it is cut short, cannot be read, or no registry is set up.
    """
    prefix = next((held for name, held in headers if name.lower() == HEADER and held), None)
    if unframe is None and prefix and value.lstrip().startswith(b"{"):
        return None  # JSON that would be read as such if its header were not there
    if prefix is None and value[:1] not in MAGIC:
        return None
    frame = _frame(value) if prefix is None else Frame(_frame(prefix).schema, value)
    if unframe is None:
        raise InvalidEvent("value", value, "is framed for a schema registry", _UNSET)
    return unframe(frame)


def _frame(framed: bytes) -> Frame:
    if framed[:1] == MAGIC[0] and len(framed) >= _ID_END:
        return Frame(int.from_bytes(framed[1:_ID_END]), framed[_ID_END:])
    if framed[:1] == MAGIC[1] and len(framed) >= _GUID_END:
        return Frame(UUID(bytes=framed[1:_GUID_END]), framed[_GUID_END:])
    raise InvalidEvent("value", framed, "is no whole frame of a schema registry", _WHOLE)
