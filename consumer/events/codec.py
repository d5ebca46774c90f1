"""The judge of the event contract: a record becomes an event, or is refused by field and reason.

Words used here:
    event: one statement of a source about one artist at one venue; one Kafka record.
    tombstone: a record without a value; it deletes the whole bill of its key for good.

Booking systems may import this module: it needs ``msgspec`` alone.
"""

import codecs
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from time import time_ns
from typing import NamedTuple, NoReturn

import msgspec
from msgspec import Raw

from . import cloudevents, framing, limits, tombstones
from .headers import CONTENT_TYPE, Headers, is_json, media_type
from .invalid import MAX_ID_BYTES, REMEDIES, InvalidEvent, refuse
from .statement import (
    Artist,
    Instant,
    Statement,
    Venue,
    merged,
    read_fields,
    read_json,
    without_empty_texts,
)
from .statuses import Words, meaning, speaks_of_cancelling
from .units import IN_MILLISECONDS, MAX_MS, MIN_MS, other_unit

DAY_MS = 86_400_000
MAX_AHEAD_MS = DAY_MS
"""How far ``time`` may be ahead of the record's own timestamp, and of the consumer's clock."""
_BY_RECORD = "is over a day after its record's timestamp"
BY_CLOCK = "is over a day ahead of the consumer's clock"
"""How the problem begins with a ``time`` that only the consumer's clock refuses."""
MAX_START_MS = (5 * 365 + 2) * DAY_MS
"""How far ``starts_at`` may be ahead of ``time``: five years, two of them leap years."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_encoder = msgspec.json.Encoder(order="sorted")


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


class _Judge(NamedTuple):
    """What a statement is held against: two clocks, epoch ms, and words of sources."""

    record_ms: int
    now_ms: int
    statuses: Words


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


def decode(
    value: bytes | None,
    *,
    key: bytes | None = None,
    headers: Headers = (),
    record_ms: int,
    now_ms: int | None = None,
    unframe: framing.Unframe | None = None,
    statuses: Words | None = None,
) -> Event | Tombstone:
    """Read one Kafka record: plain JSON, a CloudEvent, or what a schema registry's client wrote.

    Args:
        value: the record's value; None is a tombstone.
        key: the record's key; of use to a tombstone only.
        headers: the record's headers; ``content-type`` and ``ce_...`` tell how to read it.
        record_ms: the record's own timestamp, against which ``time`` is held.
        now_ms: the clock of who reads it, against which ``time`` is held too; the wall clock by
            default.
        unframe: reads values that are framed for a schema registry; without it they are invalid.
        statuses: what a source's own words for a status mean, see `consumer.events.statuses`.

    Raises:
        InvalidEvent: the record breaks the contract.
    """
    limits.check(value, headers)
    if value is None:
        return _tombstone(key, headers)
    # Some programs begin every text with it, though JSON must not.
    value = value.removeprefix(codecs.BOM_UTF8)
    now_ms = time_ns() // 1_000_000 if now_ms is None else now_ms
    judge = _Judge(record_ms, now_ms, statuses or {})
    if not headers and value[:1] not in framing.MAGIC:
        return _plain(value, judge)
    return _wrapped(value, headers, judge, unframe)


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
    return value if event.extra is None else merged(value, event.extra)


def _plain(value: bytes, judge: _Judge) -> Event:
    tombstones.refuse_nothing(value)
    return _event(*read_json(value), judge)


def _wrapped(
    value: bytes, headers: Headers, judge: _Judge, unframe: framing.Unframe | None
) -> Event:
    opened = framing.opened(value, headers, unframe)
    cloud = _cloud_event(value if opened is None else opened, headers, plain=opened is None)
    if cloud is None:
        return _plain(value if opened is None else opened, judge)
    try:
        return _event(*read_fields(cloud.fields), judge)
    except InvalidEvent as error:
        attribute = cloud.filled.get(error.field)
        if attribute is None:
            raise
        raise InvalidEvent(attribute, error.value, error.problem, REMEDIES[attribute]) from None


def _cloud_event(value: bytes, headers: Headers, *, plain: bool) -> cloudevents.CloudEvent | None:
    """The CloudEvent that this is; None: it is none.

    Args:
        value: JSON, whatever it was before.
        headers: of the record.
        plain: the value came as it is, so that its content type must be JSON.
    """
    media = media_type(headers)
    if media == cloudevents.STRUCTURED:
        return cloudevents.structured(value)
    if media.startswith(cloudevents.FAMILY + "-batch"):
        refuse(CONTENT_TYPE, media, "holds several events, which one record must not")
    if plain and (not is_json(media) or media.startswith(cloudevents.FAMILY)):
        refuse(CONTENT_TYPE, media, "is not known")
    return cloudevents.binary(value, headers) if cloudevents.is_binary(headers) else None


def _event(statement: Statement, extra: str | None, judge: _Judge) -> Event:
    time_ms = _time_ms(statement.time, judge)
    venue, artist = statement.venue, statement.artist
    source = _id("source", statement.source) if statement.source else "default"
    return Event(
        event_id=_id("event_id", statement.event_id),
        artist_id=_id("artist_id", statement.artist_id),
        venue_id=_id("venue_id", statement.venue_id),
        time_ms=time_ms,
        source=source,
        status=_status(statement.status or "", judge.statuses.get(source)),
        version=statement.version,
        starts_at_ms=_starts_at_ms(statement.starts_at, time_ms),
        artist_name=statement.artist_name or None,
        venue_name=statement.venue_name or None,
        venue=None if venue is None else _canonical(without_empty_texts(venue)),
        artist=None if artist is None else _canonical(artist),
        extra=extra,
    )


def _tombstone(key: bytes | None, headers: Headers) -> Tombstone:
    bill = tombstones.bill(key, headers)
    source = "default" if bill.source is None else _id(bill.source_field, bill.source)
    return Tombstone(source=source, event_id=_id("key", bill.event_id))


def _id(field: str, text: str) -> str:
    # Printable ASCII has no control character, and as many bytes as characters: most ids end here.
    if text and text.isascii() and text.isprintable() and len(text) <= MAX_ID_BYTES:
        return text
    if not text:
        refuse(field, text, "is empty")
    if _CONTROL.search(text):
        refuse(field, text, "has a control character")
    if len(text.encode()) > MAX_ID_BYTES:
        refuse(field, text, f"is longer than {MAX_ID_BYTES} bytes")
    return text


def _status(text: str, own: Mapping[str, str] | None) -> str:
    status = meaning(text, own) if text.strip() else "confirmed"
    if status is None:
        also = ", and may mean that the gig is off" if speaks_of_cancelling(text) else ""
        refuse("status", text, f"is not known{also}")
    return status


def _time_ms(time: datetime | int, judge: _Judge) -> int:
    time_ms = _milliseconds("time", time)
    for clock_ms, problem in ((judge.record_ms, _BY_RECORD), (judge.now_ms, BY_CLOCK)):
        if time_ms > clock_ms + MAX_AHEAD_MS:
            _refuse_ahead(time, problem, judge)
    return time_ms


def _refuse_ahead(time: datetime | int, problem: str, judge: _Judge) -> NoReturn:
    clocks = f"record's timestamp {_utc(judge.record_ms)}, consumer's clock {_utc(judge.now_ms)}"
    # The likeliest slip: the date of a gig to come, which is no time of a statement.
    remedy = f"{REMEDIES['time']} (when the gig is goes into starts_at), or set the wrong clock"
    raise InvalidEvent("time", _shown(time), f"{problem} ({clocks})", remedy)


def _starts_at_ms(start: str | int | None, time_ms: int) -> int | None:
    if start is None or (isinstance(start, str) and not start.strip()):
        return None
    instant = _parse_start(start) if isinstance(start, str) else start
    start_ms = _milliseconds("starts_at", instant)
    if start_ms > time_ms + MAX_START_MS:
        refuse("starts_at", start, "is over five years after time")
    return start_ms


def _parse_start(text: str) -> datetime:
    try:
        # No instant with an offset is that short.
        if len(text) == len("2018-10-31"):
            day = msgspec.convert(text, date)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError:
        refuse("starts_at", text, "is neither an instant with an offset nor a date")


def _milliseconds(field: str, time: datetime | int) -> int:
    if isinstance(time, int):
        milliseconds = time
        unit = other_unit(time)
        if unit:
            raise InvalidEvent(field, time, f"looks like {unit}", IN_MILLISECONDS)
    else:
        milliseconds = math.floor(time.timestamp() * 1000 + 0.5)
    if not MIN_MS <= milliseconds <= MAX_MS:
        refuse(field, _shown(time), "is not within the years 1 to 9999")
    return milliseconds


def _canonical(struct: Venue | Artist) -> str:
    return _encoder.encode(struct).decode()


def _shown(time: datetime | int) -> object:
    return time if isinstance(time, int) else time.isoformat()


def _utc(milliseconds: int) -> str:
    instant = _instant(min(max(milliseconds, MIN_MS), MAX_MS))
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _instant(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
