"""Which rows of a source say the same thing twice, and which outdo each other.

It holds 41 bytes for each row.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Tally(NamedTuple):
    """Of one source.

    Attributes:
        rows: All of them.
        plays: Gigs that would count.
        cancelled: Rows that cancel.
        same: Positions of rows that are repeated: exactly by the last of their gig, or, in files
            without ids, by a row above them.
        outdone: Positions of rows and of the rows that outdo them.
    """

    rows: int
    plays: int
    cancelled: int
    same: Numbers
    outdone: NDArray[np.int64]


class Ledger:
    """The rows of one source, in order.

    Args:
        own_ids: Whether rows have ids, so that the last row of an id counts; else each counts.
    """

    def __init__(self, *, own_ids: bool) -> None:
        self.own_ids = own_ids
        self._parts: list[tuple[Numbers, ...]] = []

    def add(
        self,
        gigs: Sequence[str],
        details: Sequence[str],
        cancelled: NDArray[np.bool_],
        ranks: Numbers | None = None,
    ) -> None:
        """Take rows.

        Args:
            gigs: What identifies the gig of each.
            details: All that each says.
            cancelled: Which of them cancel.
            ranks: Of rows of one gig the greatest counts; of equals the last.
        """
        ranked = np.zeros(len(gigs), np.int64) if ranks is None else ranks
        self._parts.append((hashed(gigs), hashed(details), cancelled.astype(np.int64), ranked))

    def tally(self) -> Tally:
        """What comes of all rows."""
        if not sum(len(part[0]) for part in self._parts):
            return Tally(0, 0, 0, np.empty(0, np.int64), np.empty((0, 2), np.int64))
        gigs, details, cancelled, ranks = (
            np.concatenate(each) for each in zip(*self._parts, strict=True)
        )
        # By gig, then by rank, then by position: the last of each gig counts.
        order = np.lexsort((np.arange(len(gigs)), ranks, gigs))
        ends = np.append(gigs[order][1:] != gigs[order][:-1], True)
        # Of each row in this order: the last row of its gig.
        last = order[ends][np.cumsum(ends) - ends]
        counts, off = len(gigs), int(cancelled.sum())
        if not self.own_ids:
            repeated = order[1:][~ends[:-1]]
            return Tally(counts, counts - off, off, np.sort(repeated), np.empty((0, 2), np.int64))
        equal = details[order] == details[last]
        outdone = np.column_stack([order, last])[~ends & ~equal]
        plays = int((cancelled[order[ends]] == 0).sum())
        return Tally(
            counts, plays, off, np.sort(order[~ends & equal]), outdone[outdone[:, 0].argsort()]
        )


def hashed(texts: Sequence[str]) -> Numbers:
    """64 bits of each text, by this process's own hash."""
    return np.fromiter(map(hash, texts), np.int64, len(texts))
