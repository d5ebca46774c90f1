"""Artists or venues with the most similar vectors in the live model."""

from typing import NamedTuple

import numpy as np

from serving.lookup import Side
from trainer.ranking.similar import similar
from web.live.model import State
from web.live.pool import OTHER

_DIGITS = 6


class Likeness(NamedTuple):
    """An id, and the cosine of its vector to the one that was asked for."""

    id: str
    name: str | None
    similarity: float


def alike(state: State, side: Side, identity: str, n: int) -> list[Likeness]:
    """The n most similar ids of the same side, without itself; none where it has no vector.

    Args:
        state: the live model.
        side: of the id.
        identity: a known one.
        n: at least 1.

    Raises:
        UnknownId: no statement named it.
    """
    # Candidates of the other side's subjects: they are the ids of this side that have plays.
    pool = state.pools[OTHER[side]]
    row = state.row(side, identity)
    shown = np.setdiff1d(pool.candidates.rows, pool.hidden)
    found = similar(pool.model, side, row, n, shown)
    names = pool.targets.named(found.rows)
    ids = [pool.targets.ids[row] for row in found.rows.tolist()]
    return [
        Likeness(name, names.get(name), round(float(cosine), _DIGITS))
        for name, cosine in zip(ids, found.cosines, strict=True)
    ]
