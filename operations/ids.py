"""Checks ids and sources that operators name against the event contract."""

import msgspec

from consumer.events import InvalidEvent, decode
from consumer.table.schema import Side
from operations.errors import Refused

_TIME_MS = 1_541_000_000_000


def checked(side: Side, identity: str) -> str:
    """Return the id if an event could carry it.

    Raises:
        Refused: It breaks the event contract.
    """
    _check(f"{side}_id", identity)
    return identity


def checked_source(name: str) -> str:
    """Return the name of a source if an event could carry it.

    Raises:
        Refused: It is empty, or breaks the event contract.
    """
    if not name:  # in an event, an empty text is as none
        raise Refused(
            "source: '' is empty; name one that `gigstream source list` shows", field="source"
        )
    _check("source", name)
    return name


def typed(text: str) -> str:
    """Return a text if it is UTF-8, which those of a command line need not be.

    Raises:
        Refused: It holds bytes of another encoding.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(f"{text!a} is not UTF-8; type it in a terminal that uses UTF-8") from None
    return text


def _check(field: str, value: str) -> None:
    typed(value)
    # The contract's own decoder decides: there is one rule for ids.
    statement = {"event_id": "e", "artist_id": "a", "venue_id": "v", "time": _TIME_MS}
    try:
        decode(msgspec.json.encode(statement | {field: value}), record_ms=_TIME_MS)
    except InvalidEvent as error:
        raise Refused(str(error), field=field) from None
