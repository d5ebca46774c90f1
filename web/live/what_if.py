"""A subject that is only described: its vector is solved from its plays, and nothing is stored."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

import numpy as np

from trainer.model.foldin import solved
from trainer.model.online import OnlineModel
from trainer.plays.matrix import Plays
from trainer.plays.nights import Nights, codes_of
from trainer.ranking.history import History
from trainer.ranking.subject import Subject
from web.errors import UnknownId
from web.live.pool import OTHER, Pool


class Play(NamedTuple):
    """One gig of a described subject."""

    id: str
    """Of the other side: where it played, or who played there."""
    day: date | None
    """None: that of the data's clock."""


class DescribedHistory(History):
    """The plays of all subjects, and those of a described one.

    Args:
        plays: of all that are known.
        as_of_ms: the date from which plays age.
        row: the number of the described one.
    """

    def __init__(self, plays: Plays, as_of_ms: int, row: int) -> None:
        super().__init__(plays, as_of_ms)
        self._row = row

    def nights_shared_by(self, own: Plays) -> Nights:
        """All nights of these plays, which are the described one's, with everyone who played."""
        known = super().nights_shared_by(own)
        # Nights that the described one played alone are not among the known ones.
        codes = np.unique(codes_of(own.venue, own.at_ms))
        code = np.append(np.repeat(known.codes, np.diff(known.begin)), codes)
        artist = np.append(known.artist, np.full(len(codes), self._row))
        order = np.lexsort((artist, code))
        distinct, begin = np.unique(code[order], return_index=True)
        return Nights(distinct, np.append(begin, len(code)), artist[order])


def described(pool: Pool, current: OnlineModel, plays: Sequence[Play]) -> Subject:
    """The subject of these plays.

    Args:
        pool: the candidates.
        current: the live model.
        plays: at least none.

    Raises:
        UnknownId: a play names an id that the live model does not know.
    """
    own = _plays(pool, plays)
    other = current.venues if pool.side == "artist" else current.artists
    # One beyond all rows, so that no mate has its number.
    row = pool.plays.n_artists
    history = DescribedHistory(pool.plays, pool.model.as_of_ms, row)
    return Subject(row, solved(current, own, other)[0], own, history)


def _plays(pool: Pool, plays: Sequence[Play]) -> Plays:
    as_of_ms = pool.model.as_of_ms
    rows = [_row(pool, number, play.id) for number, play in enumerate(plays)]
    at_ms = [as_of_ms if play.day is None else midnight_ms(play.day) for play in plays]
    return Plays(
        np.zeros(len(rows), np.int32),
        np.array(rows, np.int32),
        np.array(at_ms, np.int64),
        1,
        pool.plays.n_venues,
    )


def midnight_ms(day: date) -> int:
    """When a day begins in UTC, epoch ms."""
    return int(datetime.combine(day, time(), UTC).timestamp()) * 1000


def _row(pool: Pool, number: int, identity: str) -> int:
    row = pool.targets.row(identity)
    if row is None or row >= pool.plays.n_venues:
        side = OTHER[pool.side]
        raise UnknownId(side, identity, f"plays[{number}].{side}_id")
    return row
