"""The JSON of lists."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from web.live.lists import Answer, Source
from web.live.ranking import Asked

Score = Annotated[float, msgspec.Meta(description="Comparable within one list only.")]
Plays = Annotated[
    int | None,
    msgspec.Meta(
        description="Gigs of the pair so far; null where the list has only pairs that never met."
    ),
]
AsOf = Annotated[
    datetime,
    msgspec.Meta(
        description="From when plays age in its scores: the clock of the data when the model of "
        "its generation was fitted. /v1/status has the clock of the data now."
    ),
]
Origin = Annotated[
    Source,
    msgspec.Meta(
        description="model and foldin: the list in Redis, as published or as changed since. "
        "popular: the id has no list of its own. live: scored for this request."
    ),
]


class Entry(msgspec.Struct):
    """One recommended venue or artist."""

    id: str
    name: str | None
    score: Score
    plays: Plays


class ListPart(msgspec.Struct):
    """Which part of which list it is."""

    id: Annotated[
        str | None,
        msgspec.Meta(description="Whom it is for; null for one that was only described."),
    ]
    generation: int
    as_of: AsOf
    source: Origin
    offset: int
    next_offset: Annotated[
        int | None,
        msgspec.Meta(description="Where the next part begins; null at the end of the list."),
    ]


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
