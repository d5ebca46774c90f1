"""Checks ids and sources given on the command line against the event contract."""

import msgspec

from consumer.events import InvalidEvent, decode
from consumer.table.schema import Side
from gigstream.errors import WrongUse

_TIME_MS = 1_541_000_000_000


def checked(side: Side, identity: str) -> str:
    """Return the id if an event could carry it.

    Raises:
        WrongUse: It breaks the event contract.
    """
    _check(f"{side}_id", identity)
    return identity


def checked_source(name: str) -> str:
    """Return the name of a source if an event could carry it.

    Raises:
        WrongUse: It is empty, or breaks the event contract.
    """
    if not name:  # in an event, an empty text is as none
        raise WrongUse("source: '' is empty; name one that `gigstream source list` shows")
    _check("source", name)
    return name


def typed(text: str) -> str:
    """Return a text of the command line if it came in UTF-8.

    Raises:
        WrongUse: It holds bytes of another encoding.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise WrongUse(f"{text!a} is not UTF-8; type it in a terminal that uses UTF-8") from None
    return text


def _check(field: str, value: str) -> None:
    typed(value)
    # The contract's own decoder decides: there is one rule for ids.
    statement = {"event_id": "e", "artist_id": "a", "venue_id": "v", "time": _TIME_MS}
    try:
        decode(msgspec.json.encode(statement | {field: value}), record_ms=_TIME_MS)
    except InvalidEvent as error:
        raise WrongUse(str(error)) from None
