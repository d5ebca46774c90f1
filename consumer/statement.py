"""A record's JSON, read: the contract's fields by their types, and all others as they came.

Words used here:
    statement: what a record says, typed but not yet checked.
    extra: the fields that the contract does not name, as one JSON text.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from consumer.invalid import refuse

Instant = Annotated[datetime, Meta(tz=True)]
"""A time with an offset, as RFC 3339 writes it."""

_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Venue(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Where a gig is, for people and for filters."""

    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lng: Annotated[float, Meta(ge=-180, le=180)] | None = None
    city: str | None = None
    country: str | None = None
    capacity: _Count | None = None


class Artist(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Who plays, for people and for filters."""

    genres: list[str] | None = None


class Statement(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """What a decoder hands over: fields by their names in the contract, of the right types."""

    event_id: str
    artist_id: str
    venue_id: str
    time: Instant | int
    source: str | None = None
    status: str | None = None
    version: _Count | None = None
    starts_at: str | int | None = None
    artist_name: str | None = None
    venue_name: str | None = None
    venue: Venue | None = None
    artist: Artist | None = None


NESTED: dict[str, type[Venue] | type[Artist]] = {"venue": Venue, "artist": Artist}
"""The fields that are objects."""

_statement_decoder = msgspec.json.Decoder(Statement)
_raw_decoder = msgspec.json.Decoder(dict[str, Raw])
_encoder = msgspec.json.Encoder(order="sorted")


def _decoders(kind: type[msgspec.Struct]) -> dict[str, tuple[msgspec.json.Decoder[Any], bool]]:
    # The nested objects are opened by hand, for their unknown fields: any JSON will do here.
    return {
        field.name: (
            msgspec.json.Decoder(Raw if field.name in NESTED else field.type),
            field.required,
        )
        for field in msgspec.structs.fields(kind)
    }


_KINDS: tuple[type[msgspec.Struct], ...] = (Statement, *NESTED.values())
_FIELDS = {kind: _decoders(kind) for kind in _KINDS}


def read_json(value: bytes) -> tuple[Statement, str | None]:
    """A statement from plain JSON: the fields of the contract at the top of one object.

    Raises:
        InvalidEvent: it is no JSON object, lacks a field or holds one of a wrong type.
    """
    try:
        return _statement_decoder.decode(value), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Either wrong or with fields that the contract does not name: the slow way tells.
        return read_fields(raw_fields("value", value))


def read_fields(fields: Mapping[str, Raw]) -> tuple[Statement, str | None]:
    """The slow way, field by field: keeps unknown fields and names the wrong one."""
    known = _read(Statement, fields, "")
    unknown = _unknown(Statement, fields)
    for name, kind in NESTED.items():
        if name in known:
            inner = raw_fields(name, fields[name])
            known[name] = kind(**_read(kind, inner, f"{name}."))
            unknown_inner = _unknown(kind, inner)
            if unknown_inner:
                unknown[name] = Raw(_text(unknown_inner))
    return Statement(**known), _text(unknown) if unknown else None


def raw_fields(field: str, value: bytes | Raw) -> dict[str, Raw]:
    """An object's fields, unread; ``field`` names it where it is none."""
    try:
        return _raw_decoder.decode(value)
    except msgspec.ValidationError:
        refuse(field, bytes(value), "is not a JSON object")
    except RecursionError:
        refuse(field, bytes(value), "is nested too deeply")
    except (msgspec.DecodeError, UnicodeDecodeError):
        refuse(field, bytes(value), "is not JSON in UTF-8")


def _unknown(kind: type[msgspec.Struct], fields: Mapping[str, Raw]) -> dict[str, Raw]:
    return {name: raw for name, raw in fields.items() if name not in kind.__struct_fields__}


def _text(fields: Mapping[str, Raw]) -> str:
    # Numbers stay as they were written: a float would round what is not ours to round.
    compact = {name: Raw(msgspec.json.format(raw, indent=-1)) for name, raw in fields.items()}
    try:
        return _encoder.encode(compact).decode()
    except UnicodeDecodeError:
        refuse("value", _encoder.encode(compact), "is not JSON in UTF-8")


def _read(kind: type[msgspec.Struct], fields: Mapping[str, Raw], prefix: str) -> dict[str, Any]:
    values = {}
    for name, (decoder, required) in _FIELDS[kind].items():
        raw = fields.get(name)
        if raw is None:
            if required:
                refuse(prefix + name, None, "is missing")
        elif required or bytes(raw) != b"null":
            values[name] = _read_field(prefix + name, raw, decoder)
    return values


def _read_field(field: str, raw: Raw, decoder: msgspec.json.Decoder[Any]) -> object:
    try:
        return decoder.decode(raw)
    except RecursionError:
        refuse(field, bytes(raw), "is nested too deeply")
    except UnicodeDecodeError:
        refuse(field, bytes(raw), "is not UTF-8")
    except msgspec.DecodeError as error:
        if bytes(raw) == b"null":
            refuse(field, None, "is null")
        refuse(field, _plain(raw), f"is wrong ({_said(error)})")


def _plain(raw: Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(raw)


def _said(error: msgspec.DecodeError) -> str:
    return str(error).partition(" - at ")[0].replace("`", "").lower()


def merged(value: bytes, extra: str) -> bytes:
    """A value with its unknown fields put back, nested ones too."""
    fields, unknown = _raw_decoder.decode(value), _raw_decoder.decode(extra)
    for name in NESTED:
        if name in fields and name in unknown:
            both = _raw_decoder.decode(fields[name]) | _raw_decoder.decode(unknown[name])
            unknown[name] = Raw(_encoder.encode(both))
    return _encoder.encode(fields | unknown)
