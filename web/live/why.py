"""A list with its reasons."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from serving.lookup import Item, Recommendation, Side
from trainer.live.reasons import Explained, Reason
from web.live.lists import Answer, ListReader
from web.live.model import LiveModel
from web.live.ranking import Asked

Names = Mapping[Side, Mapping[str, str]]


class Why(NamedTuple):
    """A part of a list, and why it is so.

    Attributes:
        answer: the entries.
        explained: the reasons of each.
        names: of the causes.
    """

    answer: Answer
    explained: Explained
    names: Names


def why(live: LiveModel, lists: ListReader, side: Side, identity: str, asked: Asked) -> Why:
    """The asked part of a list, explained.

    Args:
        live: the live model.
        lists: reads lists.
        side: of the id.
        identity: whose list.
        asked: which part.

    Raises:
        ServingError: Redis does not answer.
        NotReady: the live model is not loaded.
    """
    answer = lists.read(side, identity, asked)
    explained = live.explain(side, _as_read(identity, answer))
    return Why(answer, explained, _names(live, explained.entries))


def _as_read(identity: str, answer: Answer) -> Recommendation:
    """The answer as if it had been read from Redis."""
    return Recommendation(
        id=identity,
        items=tuple(Item(item.id, item.score, item.plays) for item in answer.items or ()),
        generation=answer.generation,
        as_of=answer.as_of,
        age_s=0.0,
        # To the reasons it is one whether a list was stored or scored.
        source="popular" if answer.source == "popular" else "model",
    )


def _names(live: LiveModel, entries: Sequence[Sequence[Reason]]) -> Names:
    wanted: dict[Side, set[str]] = {"artist": set(), "venue": set()}
    for reason in (each for entry in entries for each in entry):
        if reason.cause is not None:
            wanted[reason.cause_of].add(reason.cause)
    # Where the model is busy the reasons are given without names: ids stand for them.
    return {side: live.names(side, [*ids]) or {} for side, ids in wanted.items()}
