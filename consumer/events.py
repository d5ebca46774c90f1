"""The event contract: what a booking system may say, and what we make of it.

Words used here:
    event: one statement of a source about one artist at one venue; one Kafka record.
    statement: an event as a decoder hands it over, typed but not yet checked.
    tombstone: a record without a value; it deletes the whole bill of its key for good.
    extra: the fields that the contract does not name, kept as they came.

Booking systems may import this module: it needs ``msgspec`` alone.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import Meta, Raw

STATUSES = ("confirmed", "rescheduled", "postponed", "performed", "cancelled")
MAX_ID_BYTES = 256
DAY_MS = 86_400_000
MAX_AHEAD_MS = DAY_MS
"""How far ``time`` may be ahead of the record's own timestamp."""
MIN_MS, MAX_MS = -62_135_596_800_000, 253_402_300_799_999
"""The first and the last millisecond of the years 1 to 9999: no time lies outside."""
MAX_START_MS = (5 * 365 + 2) * DAY_MS
"""How far ``starts_at`` may be ahead of ``time``: five years, two of them leap years."""

_PREVIEW = 80
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ALIASES = {name: name for name in STATUSES} | {
    "canceled": "cancelled",
    "eventcancelled": "cancelled",
    "eventpostponed": "postponed",
    "eventrescheduled": "rescheduled",
    "eventscheduled": "confirmed",
}
_SCHEMA_ORG = re.compile(r"^https?://schema\.org/")

_Instant = Annotated[datetime, Meta(tz=True)]
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One valid statement. Times are milliseconds since 1970 in UTC.

    ``venue``, ``artist`` and ``extra`` are JSON texts (keys sorted, no spaces) or None; a bare
    date of ``starts_at`` has become its midnight in UTC.
    """

    event_id: str
    artist_id: str
    venue_id: str
    time_ms: int
    source: str = "default"
    status: str = "confirmed"
    version: int | None = None
    starts_at_ms: int | None = None
    artist_name: str | None = None
    venue_name: str | None = None
    venue: str | None = None
    artist: str | None = None
    extra: str | None = None


class Tombstone(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The whole bill of (source, event_id) counts no more, now and for good."""

    source: str
    event_id: str


class InvalidEvent(ValueError):
    """A record that breaks the contract; ``str`` is one line.

    Attributes:
        field: the field's name, dotted where nested; ``value`` where the whole record is wrong.
        value: what was sent; None where nothing or null was.
        problem: what is wrong with it, as in "is empty".
        remedy: what to send instead.
    """

    def __init__(self, field: str, value: object, problem: str, remedy: str) -> None:
        shown = "" if value is None else f"{_preview(value)} "
        super().__init__(f"{field}: {shown}{problem}; {remedy}")
        self.field = field
        self.value = value
        self.problem = problem
        self.remedy = remedy


class _Venue(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lng: Annotated[float, Meta(ge=-180, le=180)] | None = None
    city: str | None = None
    country: str | None = None
    capacity: _Count | None = None


class _Artist(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    genres: list[str] | None = None


class Statement(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """What a decoder hands over: fields by their names in the contract, of the right types."""

    event_id: str
    artist_id: str
    venue_id: str
    time: _Instant | int
    source: str | None = None
    status: str | None = None
    version: _Count | None = None
    starts_at: str | int | None = None
    artist_name: str | None = None
    venue_name: str | None = None
    venue: _Venue | None = None
    artist: _Artist | None = None


class _Record(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    event_id: str
    artist_id: str
    venue_id: str
    time: datetime
    source: str
    status: str
    version: int | None = None
    starts_at: datetime | None = None
    artist_name: str | None = None
    venue_name: str | None = None
    venue: Raw | None = None
    artist: Raw | None = None


Headers = Sequence[tuple[str, bytes | None]]
Decoder = Callable[[bytes], tuple[Statement, str | None]]
"""A record's value to its statement and the JSON text of the fields that it does not know."""


def decode(
    value: bytes | None, *, key: bytes | None = None, headers: Headers = (), record_ms: int
) -> Event | Tombstone:
    """Read one Kafka record.

    Args:
        value: the record's value; None is a tombstone.
        key: the record's key; of use to a tombstone only.
        headers: the record's headers; ``content-type`` chooses the decoder.
        record_ms: the record's own timestamp, against which ``time`` is held.

    Raises:
        InvalidEvent: the record breaks the contract.
    """
    if value is None:
        return _tombstone(key, headers)
    statement, extra = (_decoder(headers) if headers else decode_json)(value)
    return _event(statement, extra, record_ms)


def encode(event: Event) -> bytes:
    """The JSON value of a record that says this: ``decode(encode(event))`` is ``event``."""
    record = _Record(
        event_id=event.event_id,
        artist_id=event.artist_id,
        venue_id=event.venue_id,
        time=_instant(event.time_ms),
        source=event.source,
        status=event.status,
        version=event.version,
        starts_at=None if event.starts_at_ms is None else _instant(event.starts_at_ms),
        artist_name=event.artist_name,
        venue_name=event.venue_name,
        venue=None if event.venue is None else Raw(event.venue),
        artist=None if event.artist is None else Raw(event.artist),
    )
    value = _encoder.encode(record)
    return value if event.extra is None else _merged(value, event.extra)


def decode_json(value: bytes) -> tuple[Statement, str | None]:
    """A statement from plain JSON: the fields of the contract at the top of one object."""
    try:
        return _statement_decoder.decode(value), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Either wrong or with fields that the contract does not name: the slow way tells.
        return _read_fields(value)


DECODERS: dict[str, Decoder] = {"application/json": decode_json}
"""Decoder by content type; a record without one is JSON."""

_statement_decoder = msgspec.json.Decoder(Statement)
_raw_decoder = msgspec.json.Decoder(dict[str, Raw])
_encoder = msgspec.json.Encoder(order="sorted")
_NESTED: dict[str, type[_Venue] | type[_Artist]] = {"venue": _Venue, "artist": _Artist}


def _decoders(kind: type[msgspec.Struct]) -> dict[str, tuple[msgspec.json.Decoder[Any], bool]]:
    # The nested objects are opened by hand, for their unknown fields: any JSON will do here.
    return {
        field.name: (
            msgspec.json.Decoder(Raw if field.name in _NESTED else field.type),
            field.required,
        )
        for field in msgspec.structs.fields(kind)
    }


_KINDS: tuple[type[msgspec.Struct], ...] = (Statement, *_NESTED.values())
_FIELDS = {kind: _decoders(kind) for kind in _KINDS}


def _decoder(headers: Headers) -> Decoder:
    content_type = _header(headers, "content-type") or "application/json"
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in DECODERS:
        known = ", ".join(DECODERS)
        raise InvalidEvent("content-type", content_type, "is not known", f"send {known}")
    return DECODERS[kind]


def _header(headers: Headers, *names: str) -> str | None:
    for name, value in headers:
        if name.lower() in names and value is not None:
            return value.decode(errors="replace")
    return None


def _event(statement: Statement, extra: str | None, record_ms: int) -> Event:
    time_ms = _time_ms(statement.time, record_ms)
    venue, artist = statement.venue, statement.artist
    return Event(
        event_id=_id("event_id", statement.event_id),
        artist_id=_id("artist_id", statement.artist_id),
        venue_id=_id("venue_id", statement.venue_id),
        time_ms=time_ms,
        source="default" if statement.source is None else _id("source", statement.source),
        status="confirmed" if statement.status is None else _status(statement.status),
        version=statement.version,
        starts_at_ms=_starts_at_ms(statement.starts_at, time_ms),
        artist_name=statement.artist_name,
        venue_name=statement.venue_name,
        venue=None if venue is None else _canonical(venue),
        artist=None if artist is None else _canonical(artist),
        extra=extra,
    )


def _tombstone(key: bytes | None, headers: Headers) -> Tombstone:
    if key is None:
        _refuse("key", None, "is missing from a record without a value")
    try:
        event_id = key.decode()
    except UnicodeDecodeError:
        _refuse("key", key, "is not UTF-8")
    source = _header(headers, "source", "ce_source")
    return Tombstone(
        source="default" if source is None else _id("source", source),
        event_id=_id("key", event_id),
    )


def _id(field: str, text: str) -> str:
    if text and text.isascii() and text.isprintable() and len(text) <= MAX_ID_BYTES:
        return text
    if not text:
        _refuse(field, text, "is empty")
    if _CONTROL.search(text):
        _refuse(field, text, "has a control character")
    if len(text.encode()) > MAX_ID_BYTES:
        _refuse(field, text, f"is longer than {MAX_ID_BYTES} bytes")
    return text


def _status(text: str) -> str:
    status = _ALIASES.get(text) or _ALIASES.get(_SCHEMA_ORG.sub("", text.strip().lower()))
    if status is None:
        _refuse("status", text, "is not known")
    return status


def _time_ms(time: datetime | int, record_ms: int) -> int:
    time_ms = _milliseconds("time", time)
    if time_ms > record_ms + MAX_AHEAD_MS:
        _refuse("time", _shown(time), "is over a day after its record was written")
    return time_ms


def _starts_at_ms(start: str | int | None, time_ms: int) -> int | None:
    if start is None:
        return None
    instant = _parse_start(start) if isinstance(start, str) else start
    start_ms = _milliseconds("starts_at", instant)
    if start_ms > time_ms + MAX_START_MS:
        _refuse("starts_at", start, "is over five years after time")
    return start_ms


def _parse_start(text: str) -> datetime:
    try:
        if len(text) == len("2018-10-31"):
            day = msgspec.convert(text, date)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        return msgspec.convert(text, _Instant)
    except msgspec.ValidationError:
        _refuse("starts_at", text, "is neither an instant with an offset nor a date")


def _milliseconds(field: str, time: datetime | int) -> int:
    milliseconds = time if isinstance(time, int) else math.floor(time.timestamp() * 1000 + 0.5)
    if not MIN_MS <= milliseconds <= MAX_MS:
        _refuse(field, _shown(time), "is not within the years 1 to 9999")
    return milliseconds


def _canonical(struct: _Venue | _Artist) -> str:
    return _encoder.encode(struct).decode()


def _read_fields(value: bytes) -> tuple[Statement, str | None]:
    """The slow way, field by field: keeps unknown fields and names the wrong one."""
    fields = _raw_fields("value", value)
    known = _read(Statement, fields, "")
    unknown = _unknown(Statement, fields)
    for name, kind in _NESTED.items():
        if name in known:
            inner = _raw_fields(name, fields[name])
            known[name] = kind(**_read(kind, inner, f"{name}."))
            unknown_inner = _unknown(kind, inner)
            if unknown_inner:
                unknown[name] = Raw(_text(unknown_inner))
    return Statement(**known), _text(unknown) if unknown else None


def _raw_fields(field: str, value: bytes | Raw) -> dict[str, Raw]:
    try:
        return _raw_decoder.decode(value)
    except msgspec.ValidationError:
        _refuse(field, bytes(value), "is not a JSON object")
    except RecursionError:
        _refuse(field, bytes(value), "is nested too deeply")
    except (msgspec.DecodeError, UnicodeDecodeError):
        _refuse(field, bytes(value), "is not JSON in UTF-8")


def _unknown(kind: type[msgspec.Struct], fields: Mapping[str, Raw]) -> dict[str, Raw]:
    return {name: raw for name, raw in fields.items() if name not in kind.__struct_fields__}


def _text(fields: Mapping[str, Raw]) -> str:
    # Numbers stay as they were written: a float would round what is not ours to round.
    compact = {name: Raw(msgspec.json.format(raw, indent=-1)) for name, raw in fields.items()}
    try:
        return _encoder.encode(compact).decode()
    except UnicodeDecodeError:
        _refuse("value", _encoder.encode(compact), "is not JSON in UTF-8")


def _read(kind: type[msgspec.Struct], fields: Mapping[str, Raw], prefix: str) -> dict[str, Any]:
    values = {}
    for name, (decoder, required) in _FIELDS[kind].items():
        raw = fields.get(name)
        if raw is None:
            if required:
                _refuse(prefix + name, None, "is missing")
        elif required or bytes(raw) != b"null":
            values[name] = _read_field(prefix + name, raw, decoder)
    return values


def _read_field(field: str, raw: Raw, decoder: msgspec.json.Decoder[Any]) -> object:
    try:
        return decoder.decode(raw)
    except RecursionError:
        _refuse(field, bytes(raw), "is nested too deeply")
    except UnicodeDecodeError:
        _refuse(field, bytes(raw), "is not UTF-8")
    except msgspec.DecodeError as error:
        if bytes(raw) == b"null":
            _refuse(field, None, "is null")
        _refuse(field, _plain(raw), f"is wrong ({_said(error)})")


def _plain(raw: Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(raw)


def _said(error: msgspec.DecodeError) -> str:
    return str(error).partition(" - at ")[0].replace("`", "").lower()


_AN_ID = f"send a string of 1 to {MAX_ID_BYTES} UTF-8 bytes without control characters"
_A_TEXT = "send a string or leave it out"
_REMEDIES = {
    "value": "send one JSON object with event_id, artist_id, venue_id and time",
    "key": f"send the event_id as the record's key: {_AN_ID}",
    "event_id": _AN_ID,
    "artist_id": _AN_ID,
    "venue_id": _AN_ID,
    "source": _AN_ID,
    "time": "send when the statement was made, as 2018-10-31T20:00:00Z or epoch milliseconds",
    "status": f"send one of {', '.join(STATUSES)}",
    "version": "send an integer from 0 up or leave it out",
    "starts_at": "send when the gig starts, as 2018-10-31T20:00:00+01:00 or 2018-10-31",
    "artist_name": _A_TEXT,
    "venue_name": _A_TEXT,
    "venue": "send an object with lat, lng, city, country, capacity or leave it out",
    "venue.lat": "send degrees from -90 to 90 or leave it out",
    "venue.lng": "send degrees from -180 to 180 or leave it out",
    "venue.city": _A_TEXT,
    "venue.country": _A_TEXT,
    "venue.capacity": "send an integer from 0 up or leave it out",
    "artist": "send an object with genres or leave it out",
    "artist.genres": "send a list of strings or leave it out",
}


def _refuse(field: str, value: object, problem: str) -> NoReturn:
    raise InvalidEvent(field, value, problem, _REMEDIES[field]) from None


def _preview(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _PREVIEW else f"{shown[: _PREVIEW - 3]}..."


def _shown(time: datetime | int) -> object:
    return time if isinstance(time, int) else time.isoformat()


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _merged(value: bytes, extra: str) -> bytes:
    fields, unknown = _raw_decoder.decode(value), _raw_decoder.decode(extra)
    for name in _NESTED:
        if name in fields and name in unknown:
            both = _raw_decoder.decode(fields[name]) | _raw_decoder.decode(unknown[name])
            unknown[name] = Raw(_encoder.encode(both))
    return _encoder.encode(fields | unknown)
