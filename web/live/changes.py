"""What changed in a list since an earlier generation: what entered, left and moved."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from serving.lookup import Side
from web.live.earlier import Earlier
from web.live.lists import Answer, ListReader
from web.live.ranking import Asked, Item

Kind = Literal["entered", "left", "moved"]


class Change(NamedTuple):
    """An entry whose place changed.

    Attributes:
        id: of the entry.
        kind: of the change.
        rank: its place now, from 1; None: it left.
        was: its place in the earlier list; None: it entered.
    """

    id: str
    kind: Kind
    rank: int | None
    was: int | None


class Changes(NamedTuple):
    """Two lists of one id, compared.

    Attributes:
        answer: the list as apps get it now.
        changes: those of now in their order, then those that left, by their earlier places.
        unchanged: entries whose place is the same.
        names: for people, of those that have one.
    """

    answer: Answer
    changes: list[Change]
    unchanged: int
    names: dict[str, str]


def changed(
    lists: ListReader, earlier: Earlier, side: Side, identity: str, *, since: int, asked: Asked
) -> Changes:
    """What changed in the asked part of a list.

    Args:
        lists: reads the list of now.
        earlier: makes the list of the earlier generation.
        side: of the id.
        identity: whose list.
        since: number of the generation.
        asked: which part; without filters.

    Raises:
        ServingError: Redis does not answer.
        NotThere, TooMany, NotReady, TrainerError: see `Earlier.ranked`.
    """
    # First: it may take long, and the list of now is to be the one that apps get then.
    before = earlier.ranked(side, identity, since, asked)
    answer = lists.read(side, identity, asked)
    now = answer.items or ()
    found = compared(_ids(now), _ids(before))
    left = [each.id for each in found if each.kind == "left"]
    names = {item.id: item.name for item in now if item.name} | lists.names(side, left)
    return Changes(answer, found, len(now) + len(left) - len(found), names)


def compared(now: Sequence[str], before: Sequence[str]) -> list[Change]:
    """The entries whose places differ.

    Args:
        now: ids of a list, best first.
        before: those of the earlier list.
    """
    ranks = {identity: rank for rank, identity in enumerate(now, 1)}
    places = {identity: rank for rank, identity in enumerate(before, 1)}
    there = [
        Change(identity, "moved" if identity in places else "entered", rank, places.get(identity))
        for identity, rank in ranks.items()
        if places.get(identity) != rank
    ]
    gone = [Change(each, "left", None, was) for each, was in places.items() if each not in ranks]
    return there + gone


def _ids(items: Sequence[Item]) -> list[str]:
    return [item.id for item in items]
