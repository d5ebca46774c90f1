"""What breaks the contract: the field, what was sent, what is wrong with it, what to send.

No record that it raises about is lost: `_dead` of `consumer/ingest/rows.py` stores a dead letter.
"""

from typing import NoReturn

from .statuses import STATUSES

MAX_ID_BYTES = 256

_PREVIEW = 80


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
        self.field, self.value, self.problem, self.remedy = field, value, problem, remedy


def refuse(field: str, value: object, problem: str) -> NoReturn:
    """Raise `InvalidEvent` with the field's remedy.

    Args:
        field: a key of `REMEDIES`.
        value: what was sent.
        problem: what is wrong with it.
    """
    raise InvalidEvent(field, value, problem, REMEDIES[field]) from None


def _preview(value: object) -> str:
    # A whole value of megabytes need not be written out for its first characters.
    shown = repr(value[:_PREVIEW] if isinstance(value, str | bytes) else value)
    return shown if len(shown) <= _PREVIEW else f"{shown[: _PREVIEW - 3]}..."


_AN_ID = f"send a string of 1 to {MAX_ID_BYTES} UTF-8 bytes without control characters"
_A_TEXT = "send a string or leave it out"
REMEDIES = {
    "value": "send one JSON object with event_id, artist_id, venue_id and time",
    "key": f"send null with the plain event_id as the record's key: {_AN_ID}",
    "event_id": _AN_ID,
    "artist_id": _AN_ID,
    "venue_id": _AN_ID,
    "source": _AN_ID,
    "time": "send when the statement was made, as 2018-10-31T20:00:00Z or epoch milliseconds",
    "status": f"send one of {', '.join(STATUSES)}, or say in the setting statuses what it means",
    "version": "send an integer from 0 up or leave it out",
    "starts_at": "send when the gig starts, as 2018-10-31T20:00:00+01:00 or 2018-10-31",
    "artist_name": _A_TEXT,
    "venue_name": _A_TEXT,
    "venue": "send an object with lat, lng, city, country, capacity or leave it out",
    "venue.city": _A_TEXT,
    "venue.country": _A_TEXT,
    "artist": "send an object with genres or leave it out",
    "artist.genres": "send a list of strings or leave it out",
    "content-type": "send application/json or application/cloudevents+json",
    "data": "send one JSON object with event_id, artist_id, venue_id and time",
    "data_base64": "send JSON in base64, or better the object itself as data",
    "ce_specversion": "send 1.0",
    "ce_id": "send what identifies this CloudEvent, a string that is not empty",
    "ce_source": f"send the booking system: {_AN_ID}",
    "ce_type": "send what kind of statement this is, as com.example.gig.confirmed",
    "ce_subject": f"send the event_id, here or in the data: {_AN_ID}",
    "ce_time": "send when the statement was made, as 2018-10-31T20:00:00Z, here or in the data",
    "ce_datacontenttype": "send application/json or leave it out",
}
