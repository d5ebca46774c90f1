"""What is known of one artist or venue: counts, the venues or artists it met, its place."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from consumer.events.statement import Venue
from serving.lookup import Side
from web.live.model import State
from web.live.pool import Rows

MOST_MET = 200


class Met(NamedTuple):
    """One of the other side, and the gigs with it."""

    id: str
    name: str | None
    gigs: int
    last_ms: int


class Profile(NamedTuple):
    """What counts of one id.

    Attributes:
        side: of the id.
        id: as it was asked for.
        name: for people; None: no statement gave one.
        counts_as: the id that it was merged into; None: it was not.
        is_known: whether a statement named it.
        is_hidden: whether no list shows it.
        plays: that count.
        first_ms: of its plays, epoch ms.
        last_ms: of its plays.
        met: of the other side, most gigs first; `MOST_MET` of them.
        met_count: how many it met, those beyond `met` included.
        facts: of a venue, as last stated.
    """

    side: Side
    id: str
    name: str | None
    counts_as: str | None
    is_known: bool
    is_hidden: bool
    plays: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    met: Sequence[Met] = ()
    met_count: int = 0
    facts: Venue | None = None


def profile(state: State, side: Side, identity: str) -> Profile:
    """What is known of an id.

    Args:
        state: the live model.
        side: of the id.
        identity: any text.
    """
    pool = state.pools[side]
    row = pool.subjects.row(identity)
    hidden = identity in state.hidden(side)
    if row is None or row >= pool.plays.n_artists:
        return Profile(side, identity, None, None, is_known=False, is_hidden=hidden)
    own, target = pool.own(row), pool.subjects.ids[row]
    return Profile(
        side=side,
        id=identity,
        name=pool.subjects.names_of([identity]).get(identity),
        counts_as=target if target != identity else None,
        is_known=True,
        is_hidden=hidden,
        plays=len(own),
        first_ms=int(own.at_ms.min()) if len(own) else None,
        last_ms=int(own.at_ms.max()) if len(own) else None,
        met=_met(state, side, own.venue, own.at_ms),
        met_count=len(np.unique(own.venue)),
        facts=state.facts.of(identity) if side == "venue" else None,
    )


def _met(state: State, side: Side, others: Rows, at_ms: NDArray[np.int64]) -> list[Met]:
    table = state.pools[side].targets
    rows, index, gigs = np.unique(others, return_inverse=True, return_counts=True)
    last = np.zeros(len(rows), np.int64)
    np.maximum.at(last, index, at_ms)
    # Of equal counts the latest first.
    best = np.lexsort((-last, -gigs))[:MOST_MET]
    names = table.named(rows[best])
    ids = [table.ids[row] for row in rows[best].tolist()]
    counted = zip(ids, gigs[best].tolist(), last[best].tolist(), strict=True)
    return [Met(name, names.get(name), count, at) for name, count, at in counted]
