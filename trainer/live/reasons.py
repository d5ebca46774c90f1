"""The reasons of a published list, by ids, from the live model and the store."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from serving.lookup import Recommendation, Side
from trainer.live.following import Following
from trainer.live.generation import Generation
from trainer.plays.ids import Ids
from trainer.plays.interactions import Interactions
from trainer.ranking.contributions import NO_CAUSE
from trainer.ranking.lists import Lists
from trainer.ranking.reasons import Reasons, Rows

_ROUNDING = 1e-3
"""Scores of five digits and sums of float32 numbers differ by less."""


class Reason(NamedTuple):
    """The share of one term in the score of one entry."""

    term: str
    share: float
    """0 is what the average candidate has."""
    cause: str | None
    """The id of the played venue, artist or bill-mate that contributes most to it."""
    cause_of: Side
    """Whether the cause is an artist or a venue."""


class Explained(NamedTuple):
    """The reasons of one list."""

    entries: Sequence[Sequence[Reason]]
    """By entry, greatest share first; none for an entry that is no candidate any more."""
    current: bool
    """Whether the shares add up to the published scores. Otherwise plays or vectors changed since
    the list was published, and the shares are as of now."""


def explained(
    generation: Generation, following: Following, side: Side, found: Recommendation
) -> Explained:
    """The reasons of every entry of a list.

    Args:
        generation: folded in.
        following: the store that it follows.
        side: for whom the list is.
        found: the list, as read from Redis.
    """
    lists, known = generation.lists(following, 1), following.interactions
    listed = _candidates(lists, known, side, [item.id for item in found.items])
    there = listed >= 0
    reasons = _reasons(lists, known, side, found, listed[there])
    named = iter(by_id(reasons, {"artist": known.artists, "venue": known.venues}, side))
    # Lists of artists whose plays did not change keep the vectors of venues as they were.
    stored = np.array([item.score for item in found.items])[there]
    current = there.all() and np.allclose(reasons.scores, stored, _ROUNDING, _ROUNDING)
    return Explained([next(named) if known_one else () for known_one in there], bool(current))


def _candidates(lists: Lists, known: Interactions, side: Side, ids: Sequence[str]) -> Rows:
    """The rows of these ids; -1 for one that is no candidate."""
    others, rows = (
        (known.venues, lists.venue_rows) if side == "artist" else (known.artists, lists.artist_rows)
    )
    found = np.array([others.table.find(each) for each in ids], np.int64)
    return np.where(np.isin(found, rows), found, -1)


def _reasons(
    lists: Lists, known: Interactions, side: Side, found: Recommendation, listed: Rows
) -> Reasons:
    ids, merged = (
        (known.artists, known.merged_artists)
        if side == "artist"
        else (known.venues, known.merged_venues)
    )
    row, explainer = ids.row(found.id), lists.explainer(side)
    if row is None or found.source == "popular":
        return explainer.explain_popular(listed)
    # A merged id has the list of the id that it counts as.
    return explainer.explain(int(merged.mapped(np.array([row], np.int32))[0]), listed)


def by_id(reasons: Reasons, ids: Mapping[Side, Ids], side: Side) -> Iterator[list[Reason]]:
    """By entry, greatest share first, with ids in place of rows.

    Args:
        reasons: of the entries of one list.
        ids: of both sides.
        side: for whom the list is.
    """
    for entry in range(len(reasons.scores)):
        each = [_reason(reasons, term, entry, ids, side) for term in reasons.shares]
        yield sorted(each, key=lambda reason: -reason.share)


def _reason(reasons: Reasons, term: str, entry: int, ids: Mapping[Side, Ids], side: Side) -> Reason:
    # Mates are artists; other causes are what the subject has plays with.
    cause_of: Side = "artist" if term == "mates" or side == "venue" else "venue"
    row = int(reasons.causes[term][entry]) if term in reasons.causes else NO_CAUSE
    share = float(reasons.shares[term][entry])
    return Reason(term, share, None if row == NO_CAUSE else ids[cause_of][row], cause_of)
