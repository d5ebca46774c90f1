"""The JSON of lists."""

from datetime import datetime
from typing import Any

import msgspec

from web.live.lists import Answer, Source
from web.live.ranking import Asked


class Entry(msgspec.Struct):
    """One recommended venue or artist."""

    id: str
    name: str | None
    score: float
    """Comparable within one list only."""
    plays: int | None
    """Gigs of the pair so far; null where the list has only pairs that never met."""


class ListPart(msgspec.Struct):
    """Which part of which list it is."""

    id: str | None
    """Whom it is for; null for one that was only described."""
    generation: int
    as_of: datetime
    """From when plays age in its scores: the data's clock at the fit."""
    source: Source
    """`model` and `foldin`: the list in Redis, as published or as changed since. `popular`: the id
    has no list of its own. `live`: scored for this request."""
    offset: int
    next_offset: int | None
    """Where the next part begins; null at the end of the list."""


class RankedList(ListPart):
    """A part of a list, best first."""

    items: list[Entry]


def ranked_list(identity: str | None, answer: Answer, asked: Asked) -> RankedList:
    """The JSON of an answer.

    Args:
        identity: whom the list is for; None: one that was only described.
        answer: the list.
        asked: which part of it was asked for.
    """
    items = [Entry(*item) for item in answer.items or ()]
    return RankedList(**part_of(identity, answer, asked), items=items)


def part_of(identity: str | None, answer: Answer, asked: Asked) -> dict[str, Any]:
    """The members of `ListPart`.

    Args:
        identity: whom the list is for; None: one that was only described.
        answer: the list.
        asked: which part of it was asked for.
    """
    # A full page may be the last: then the next one is empty, which costs one request
    # and spares all others a count of the candidates.
    is_full = len(answer.items or ()) == asked.n
    return {
        "id": identity,
        "generation": answer.generation,
        "as_of": answer.as_of,
        "source": answer.source,
        "offset": asked.offset,
        "next_offset": asked.offset + asked.n if is_full else None,
    }
