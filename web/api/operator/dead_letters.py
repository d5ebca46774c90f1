"""Dead letters over HTTP: their kinds, one as it was received, and replay."""

import base64
import binascii
from dataclasses import asdict
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.datastructures.state import State
from litestar.params import JSONBody, Parameter

from consumer.dead_letters.letters import DeadLetter, Filter
from operations import dead_letters as known
from operations.errors import Refused
from web.api.bodies import described_by, schema_of
from web.api.operator.actor import actor_of
from web.api.operator.bodies import MAX_REASON, Replay
from web.api.problems import documented
from web.api.services import Answering

MAX_SHOWN, MAX_KINDS = 200, 200

Found = dict[str, Any]
Asking = Request[Any, Any, State]
Count = Annotated[int, Parameter(ge=1, le=MAX_SHOWN, description="How many of the newest.")]
Field = Annotated[
    str | None,
    Parameter(min_length=1, max_length=MAX_REASON, description="Only those that broke this field."),
]
Reason = Annotated[
    str | None,
    Parameter(
        min_length=1,
        max_length=MAX_REASON,
        description="Only those whose reason contains this text.",
    ),
]
Unresolved = Annotated[bool, Parameter(description="Only those that were not replayed.")]
Letter = Annotated[
    str,
    Parameter(
        min_length=1,
        max_length=MAX_REASON,
        description="topic_id/partition/offset as the list has it; its end is enough if it is "
        "unique.",
    ),
]


@get("/dead-letters", responses=documented(), summary="Dead letters", tags=["operator"])
async def dead_letters(
    services: Answering,
    n: Count = 20,
    field: Field = None,
    reason: Reason = None,
    unresolved: Unresolved = False,
) -> Found:
    """Dead letters by source, field and reason, and the newest of them.

    `matching` and `kinds_count` count all; `kinds` has the most frequent 200.
    """
    where = Filter(field=field, reason=reason, is_open=unresolved)
    store = services.operations.settings.store
    found = await services.operations.look(known.listing, store, where, n, by_reason=True)
    return {
        "matching": found.matching,
        "kinds": [asdict(kind) for kind in found.kinds[:MAX_KINDS]],
        "kinds_count": len(found.kinds),
        "dead_letters": list(found.newest),
    }


@get(
    "/dead-letters/one",
    responses=documented(404, 409),
    summary="One dead letter",
    tags=["operator"],
)
async def dead_letter(services: Answering, id: Letter) -> Found:  # noqa: A002 - its name in HTTP
    """One dead letter as it was received: value, key and headers, bytes in base64."""
    store = services.operations.settings.store
    facts, letter = await services.operations.look(known.one, store, id)
    return {**facts, **_content(letter)}


@post(
    "/dead-letters/replay",
    status_code=200,
    operation_class=described_by(schema_of(Replay)),
    responses=documented(404, 409, 413, 503),
    summary="Replay dead letters",
    tags=["operator"],
)
async def replay(services: Answering, request: Asking, data: JSONBody[Replay]) -> Found:
    """Send dead letters that are valid now to the topic that they came from.

    Without ids: all that match and were not replayed. Those that are still invalid are not sent.
    """
    wanted, operations = _wanted(data), services.operations
    # A dry run must not wait behind actions that wait for the trainer.
    run = operations.look if data.dry_run else operations.act
    return await run(
        known.replay, operations.settings, actor_of(request), wanted, dry_run=data.dry_run
    )


def _wanted(data: Replay) -> known.Wanted:
    return known.Wanted(
        ids=tuple(data.ids),
        where=Filter(
            field=data.field,
            reason=data.reason,
            since=data.since,
            until=data.until,
            is_open=True,
        ),
        source=data.source,
        any_source=data.source is None,
        n=data.n,
        value=None if data.value_base64 is None else _decoded(data.value_base64),
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(
            "value_base64 is not base64; encode the value", field="value_base64"
        ) from None


def _content(letter: DeadLetter) -> Found:
    headers = [{"name": name, "value": _both(value)} for name, value in letter.headers]
    return {
        "partition": letter.partition,
        "offset": letter.offset,
        "replay_of": letter.replay_of,
        "headers": headers,
        "key": _both(letter.key),
        "value": _both(letter.value),
    }


def _both(value: bytes | None) -> Found | None:
    """The bytes, and as text where they are UTF-8."""
    if value is None:
        return None
    try:
        text: str | None = value.decode()
    except UnicodeDecodeError:
        text = None
    return {"text": text, "base64": base64.b64encode(value).decode()}
