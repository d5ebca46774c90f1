"""Events: judged by the contract, sent to Kafka, answered once Kafka has them."""

from typing import Literal

import msgspec
from litestar import Response, post
from litestar.concurrency import sync_to_thread
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import RawBody

from consumer.events import MAX_ID_BYTES, STATUSES
from web.api.bodies import described_by
from web.api.problems import documented
from web.api.services import Answering
from web.errors import BadQuery
from web.live.sink import Verdict

MAX_EVENTS = 1_000
ACCEPTED, SOME, NONE = 202, 207, 422

_SEND = f"send one event, or a list of 1 to {MAX_EVENTS}, as JSON"
_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class EventVerdict(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of one event."""

    index: int
    """Its place in the request, from 0."""
    verdict: Literal["accepted", "refused"]
    """`accepted`: Kafka has it. `refused`: it breaks the contract and was not sent."""
    field: str | None = None
    detail: str | None = None
    """What is wrong with the field."""
    remedy: str | None = None


class Verdicts(msgspec.Struct):
    """What became of the events of a request."""

    accepted: int
    refused: int
    events: list[EventVerdict]


_ID = {"type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES}
_EVENT = {
    "type": "object",
    "title": "Event",
    "description": "One artist at one venue; more members are kept.",
    "required": ["event_id", "artist_id", "venue_id", "time"],
    "properties": {
        "event_id": _ID,
        "artist_id": _ID,
        "venue_id": _ID,
        "time": {
            "type": ["string", "integer"],
            "description": "When the statement was made: RFC 3339, or epoch milliseconds.",
        },
        "status": {"type": "string", "description": f"One of {', '.join(STATUSES)}."},
        "source": {"type": "string", "maxLength": MAX_ID_BYTES},
        "starts_at": {"description": "When the gig starts: RFC 3339, or a date."},
        "version": {"type": "integer", "minimum": 0},
    },
}
_MANY = {"type": "array", "items": _EVENT, "minItems": 1, "maxItems": MAX_EVENTS}
_PARTLY = {
    SOME: ResponseSpec(Verdicts, generate_examples=False, description="Some were refused"),
    NONE: ResponseSpec(Verdicts, generate_examples=False, description="All were refused"),
}


@post(
    "/events",
    status_code=ACCEPTED,
    operation_class=described_by({"oneOf": [_EVENT, _MANY]}),
    responses={**_PARTLY, **documented(413, 503)},
    summary="Send events",
    tags=["events"],
)
async def events(services: Answering, body: RawBody) -> Response[Verdicts]:
    """Send one event, or a list of up to 1,000, to Kafka. Needs the token.

    Each is judged by the event contract; those that follow it are sent, and the answer comes once
    Kafka has them: 202 where all were accepted, 207 where some were, 422 where none was. The same
    event may be sent again: nothing counts twice.
    """
    # In a thread: this waits for Kafka, and other requests must not.
    found = await sync_to_thread(services.sink.send, _split(body))
    verdicts = [_verdict(each) for each in found]
    accepted = sum(each.error is None for each in found)
    # Not 202: a sender that looks at the status alone must notice a refusal.
    status = ACCEPTED if accepted == len(found) else SOME if accepted else NONE
    made = Verdicts(accepted, len(found) - accepted, verdicts)
    return Response(made, status_code=status)


def _split(body: bytes) -> list[bytes]:
    """The events of a body, each as it was written.

    Raises:
        BadQuery: it is neither an object nor a list of a bearable length.
    """
    text = body.strip()
    # One object is not decoded here: the judge does that.
    if text.startswith(b"{"):
        return [text]
    if not text.startswith(b"["):
        raise BadQuery("body", "is neither a JSON object nor a list", _SEND)
    try:
        # Raw: each event keeps its bytes, so that numbers stay as they were written.
        found = _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise BadQuery("body", f"is not JSON: {error}", _SEND) from None
    if not 1 <= len(found) <= MAX_EVENTS:
        raise BadQuery("body", f"holds {len(found)} events", _SEND)
    return [bytes(event) for event in found]


def _verdict(found: Verdict) -> EventVerdict:
    error = found.error
    if error is None:
        return EventVerdict(index=found.place, verdict="accepted")
    return EventVerdict(
        index=found.place,
        verdict="refused",
        field=error.field,
        detail=error.problem,
        remedy=error.remedy,
    )
