"""A record's JSON, read: the contract's fields by their types, and all others as they came.

Words used here:
    statement: what a record says, typed but not yet checked.
    extra: the fields that the contract does not name, and those of its own that are for people and
        filters and cannot be read, as one JSON text.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from . import lenient, limits
from .invalid import InvalidEvent, refuse

Instant = Annotated[datetime, Meta(tz=True)]
"""A time with an offset, as RFC 3339 writes it."""

_Name = Annotated[str, Meta(max_length=lenient.MAX_NAME_CHARACTERS)]
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
    artist_name: _Name | None = None
    venue_name: _Name | None = None
    venue: Venue | None = None
    artist: Artist | None = None


NESTED: dict[str, type[Venue] | type[Artist]] = {"venue": Venue, "artist": Artist}
"""The fields that are objects."""

_NOTHING = (b"null", b'""')
"""What an optional field holds that is as good as left out."""

_BYTE = re.compile(r"\(byte (\d+)\)")
_NO_NUMBER = re.compile(rb"NaN|-?Infinity")
_ENVELOPES = (
    (
        "an envelope of Kafka Connect (schema, payload)",
        {"schema", "payload"},
        "set value.converter.schemas.enable=false on the connector",
    ),
    (
        "a change event of Debezium (before, after, op)",
        {"before", "after", "op"},
        "unwrap it with the connector's transform ExtractNewRecordState",
    ),
)
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
    limits.check_depth("value", value)
    try:
        return _statement_decoder.decode(value), None
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Either wrong or with fields that the contract does not name: the slow way tells.
        fields = raw_fields("value", value)
    if "event_id" not in fields:
        _refuse_envelope(fields)
    return read_fields(fields)


def read_fields(fields: Mapping[str, Raw]) -> tuple[Statement, str | None]:
    """The slow way, field by field: keeps unknown fields and names the wrong one."""
    known, unknown = _read(Statement, fields, "")
    for name, kind in NESTED.items():
        if name in known and bytes(memoryview(fields[name])[:1]) != b"{":
            unknown[name] = known.pop(name)
        elif name in known:
            inner, left = _read(kind, raw_fields(name, fields[name]), f"{name}.")
            known[name] = kind(**inner)
            if left:
                unknown[name] = Raw(_text(left))
    return Statement(**known), _text(unknown) if unknown else None


def without_empty_texts(venue: Venue) -> Venue:
    """The same; an empty text says nothing."""
    venue.city, venue.country = venue.city or None, venue.country or None
    return venue


def raw_fields(field: str, value: bytes | Raw) -> dict[str, Raw]:
    """An object's fields, unread; ``field`` names it where it is none."""
    limits.check_depth(field, bytes(value))
    try:
        return _raw_decoder.decode(value)
    except msgspec.ValidationError:
        refuse(field, bytes(value), "is not a JSON object")
    except msgspec.DecodeError as error:
        refuse(field, bytes(value), f"is not JSON: {_fault(bytes(value), str(error))}")
    except UnicodeDecodeError:
        refuse(field, bytes(value), f"is not UTF-8 at byte {_first_wrong_byte(bytes(value))}")


def _fault(value: bytes, said: str) -> str:
    """What breaks JSON, and where: the decoder's words, or the number that JSON has not."""
    byte = _BYTE.search(said)
    if byte is None:
        return "it ends too early" if "truncated" in said else said
    at = int(byte[1])
    number = _NO_NUMBER.match(value, at)
    what = number[0].decode() if number else said[: byte.start()].rpartition(": ")[2].strip()
    return f"{what} at byte {at}"


def _first_wrong_byte(value: bytes) -> int | None:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def _refuse_envelope(fields: Mapping[str, Raw]) -> None:
    for what, parts, remedy in _ENVELOPES:
        if parts <= fields.keys():
            raise InvalidEvent("value", None, f"is {what}", remedy)


def _text(fields: Mapping[str, Raw]) -> str:
    # Numbers stay as they were written: a float would round what is not ours to round.
    compact = {name: Raw(msgspec.json.format(raw, indent=-1)) for name, raw in fields.items()}
    try:
        return _encoder.encode(compact).decode()
    except UnicodeDecodeError:
        refuse("value", _encoder.encode(compact), "is not JSON in UTF-8")


def _read(
    kind: type[msgspec.Struct], fields: Mapping[str, Raw], prefix: str
) -> tuple[dict[str, Any], dict[str, Raw]]:
    """The values of the fields that `kind` has, and what is left of an object."""
    values: dict[str, Any] = {}
    left = {name: raw for name, raw in fields.items() if name not in kind.__struct_fields__}
    for name, (decoder, required) in _FIELDS[kind].items():
        raw = fields.get(name)
        if raw is None:
            if required:
                refuse(prefix + name, None, "is missing")
        elif required or bytes(raw) not in _NOTHING:
            found = _read_field(prefix + name, raw, decoder)
            if found is lenient.UNREAD:
                left[name] = raw
            else:
                values[name] = found
    return values, left


def _read_field(field: str, raw: Raw, decoder: msgspec.json.Decoder[Any]) -> object:
    try:
        return decoder.decode(raw)
    except UnicodeDecodeError:
        refuse(field, bytes(raw), "is not UTF-8")
    except msgspec.DecodeError as error:
        found = lenient.read(field, raw)
        if found is not None:
            return found
        if bytes(raw) == b"null":
            refuse(field, None, "is null")
        refuse(
            field,
            _plain(raw),
            f"is wrong ({str(error).partition(' - at ')[0].replace('`', '').lower()})",
        )


def _plain(raw: Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return bytes(raw)


def merged(value: bytes, extra: str) -> bytes:
    """A value with its unknown fields put back, nested ones too."""
    fields, unknown = _raw_decoder.decode(value), _raw_decoder.decode(extra)
    for name in NESTED:
        if name in fields and name in unknown:
            both = _raw_decoder.decode(fields[name]) | _raw_decoder.decode(unknown[name])
            unknown[name] = Raw(_encoder.encode(both))
    return _encoder.encode(fields | unknown)
