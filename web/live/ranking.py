"""Exact lists on request: every candidate that the filters keep is scored.

The score is that of the published lists (`trainer.ranking.score`), so that a list without filters
is the published one, made at this moment.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from serving.contract import rounded
from trainer.plays.matrix import Plays
from trainer.ranking.part import ScoringInput
from trainer.ranking.score import everywhere, summed
from trainer.ranking.subject import Subject
from trainer.ranking.topn import top_n
from web.live.facts import VenueColumns
from web.live.filters import Filters, Mask, left_out
from web.live.pool import SUBJECTS, Pool


class Item(NamedTuple):
    """A candidate of a list."""

    id: str
    name: str | None
    score: float
    """As published lists round it; comparable within one list only."""
    plays: int | None
    """Gigs of the pair so far; None where the list has only pairs that never met."""


class Asked(NamedTuple):
    """Which part of which list is asked for."""

    n: int
    offset: int = 0
    returns: bool = False
    filters: Filters = Filters()

    @property
    def shows_plays(self) -> bool:
        """Whether pairs that met may be in the list."""
        return self.returns or self.filters.not_played_days is not None


Facts = Callable[[Pool], VenueColumns]


def known_subject(pool: Pool, row: int) -> Subject:
    """A subject that the live model knows."""
    side = pool.model.artists if pool.side == "artist" else pool.model.venues
    return Subject(row, side.factors[row], pool.own(row), pool.history)


def ranked(pool: Pool, subject: Subject, asked: Asked, facts: Facts) -> list[Item]:
    """The asked part of a subject's list, best first; shorter only where candidates end.

    Args:
        pool: the candidates.
        subject: whom it is for.
        asked: which part.
        facts: of the pool's candidates.
    """
    out = _left_out(pool, subject.plays, asked, facts)
    # Standardising over no candidate has no meaning.
    if out.all():
        return []
    # Never more than there are: the rest would be padding.
    size = min(asked.offset + asked.n, int((~out).sum()))
    score = summed(SUBJECTS[pool.side], pool.model, _scoring_input(pool, subject))
    found = top_n(score, size, _excluding(out))
    return _items(pool, found.cols[0], found.scores[0], subject.plays, asked)


def _scoring_input(pool: Pool, subject: Subject) -> ScoringInput:
    return ScoringInput(
        vectors=subject.vector[None, :],
        wanted=np.array([subject.row]),
        candidates=pool.candidates,
        own=subject.plays,
        history=subject.history,
        as_of_ms=pool.model.as_of_ms,
        walk=pool.model.walk,
    )


def popular(pool: Pool, asked: Asked, facts: Facts) -> list[Item]:
    """The same for an unknown subject: candidates by popularity.

    Args:
        pool: the candidates.
        asked: which part.
        facts: of the pool's candidates.
    """
    nothing = Plays(*_NO_PLAYS, 1, pool.plays.n_venues)
    out = _left_out(pool, nothing, asked, facts)
    weights = getattr(pool.model.weights, SUBJECTS[pool.side])
    bias = everywhere(pool.candidates.side, weights)[pool.candidates.rows]
    # Stable, so that ties go to the lower id, as in the published list.
    order = np.argsort(-bias, kind="stable")
    order = order[~out[order]][: asked.offset + asked.n]
    return _items(pool, order, bias[order], nothing, asked)


_NO_PLAYS = np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64)


def _left_out(pool: Pool, own: Plays, asked: Asked, facts: Facts) -> Mask:
    return left_out(pool, own, asked.filters, lambda: facts(pool), returns=asked.returns)


def _excluding(out: Mask) -> csr_matrix:
    columns = np.flatnonzero(out).astype(np.int32)
    ones = np.ones(len(columns), np.int8)
    return csr_matrix((ones, columns, np.array([0, len(columns)])), shape=(1, len(out)))


def _items(
    pool: Pool,
    places: NDArray[np.integer],
    scores: NDArray[np.float32],
    own: Plays,
    asked: Asked,
) -> list[Item]:
    """Items of the asked part of all that was found."""
    part = slice(asked.offset, asked.offset + asked.n)
    places, scores = places[part], scores[part]
    rows = pool.candidates.rows[places[places >= 0]]
    names = pool.targets.named(rows)
    counts = np.bincount(own.venue, minlength=pool.plays.n_venues) if asked.shows_plays else None
    ids = [pool.targets.ids[row] for row in rows.tolist()]
    return [
        Item(name, names.get(name), rounded(score), None if counts is None else int(counts[row]))
        for name, score, row in zip(ids, scores.tolist(), rows.tolist(), strict=False)
    ]
