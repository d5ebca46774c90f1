"""A list with its reasons."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from serving.lookup import Item, Recommendation, Side
from trainer.live.reasons import Explained, Reason, by_id
from trainer.ranking.reasons import Explainer
from trainer.ranking.subject import Subject
from web.live.lists import Answer, ListReader, of_described
from web.live.model import LiveModel
from web.live.pool import OTHER, SUBJECTS, Pool
from web.live.ranking import Asked
from web.live.ranking import Item as Listed
from web.live.what_if import Play

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
    causes = _causes(explained.entries)
    # Where the model is busy the reasons are given without names: ids stand for them.
    names: Names = {of: live.names(of, ids) or {} for of, ids in causes.items()}
    return Why(answer, explained, names)


def why_described(live: LiveModel, side: Side, plays: Sequence[Play], asked: Asked) -> Why:
    """The list of one that is described by its plays alone, explained.

    Args:
        live: the live model.
        side: of the described one.
        plays: of the other side; none: the popular list.
        asked: which part.

    Raises:
        UnknownId: a play names an unknown id.
        NotReady: the live model is not loaded.
    """
    # List and reasons under one lock: from one state, the shares add up to the scores.
    with live.reading() as state:
        answer, subject = of_described(state, side, plays, asked)
        entries = [*described_reasons(state.pools[side], subject, answer.items or ())]
        tables = state.tables
        names: Names = {of: tables[of].names_of(ids) for of, ids in _causes(entries).items()}
        return Why(answer, Explained(entries, current=True), names)


def described_reasons(
    pool: Pool, subject: Subject | None, items: Sequence[Listed]
) -> Iterator[list[Reason]]:
    """The reasons of entries of a described one's list, greatest share first.

    Args:
        pool: that the list was ranked from.
        subject: whom it is for; None: it is the popular list.
        items: the entries.
    """
    explainer = Explainer(SUBJECTS[pool.side], pool.model, pool.history, pool.candidates.rows)
    listed = np.array(pool.targets.ids.rows(item.id for item in items), np.int64)
    found = (
        explainer.explain_subject(subject, listed) if subject else explainer.explain_popular(listed)
    )
    ids = {pool.side: pool.subjects.ids, OTHER[pool.side]: pool.targets.ids}
    return by_id(found, ids, pool.side)


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


def _causes(entries: Sequence[Sequence[Reason]]) -> dict[Side, list[str]]:
    """The ids of all causes, by side."""
    wanted: dict[Side, set[str]] = {"artist": set(), "venue": set()}
    for reason in (each for entry in entries for each in entry):
        if reason.cause is not None:
            wanted[reason.cause_of].add(reason.cause)
    return {side: [*ids] for side, ids in wanted.items()}
