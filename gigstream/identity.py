"""Ids given on the command line, held against the event contract."""

from typing import TYPE_CHECKING

from gigstream.errors import WrongUse

if TYPE_CHECKING:
    from consumer.merges import Side

SIDES = ("artist", "venue")


def checked(side: "Side", identity: str) -> str:
    """The id.

    Raises:
        WrongUse: No event could carry it.
    """
    import msgspec

    from consumer.events import InvalidEvent, decode

    statement = {"event_id": "e", "artist_id": "a", "venue_id": "v", "time": 0}
    try:
        decode(msgspec.json.encode(statement | {f"{side}_id": identity}), record_ms=0)
    except InvalidEvent as error:
        raise WrongUse(str(error)) from None
    return identity
