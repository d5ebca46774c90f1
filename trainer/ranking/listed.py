"""What was ranked for a block of owners: as entries, or as the texts that Redis gets."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.contract import encode_list
from trainer.ranking.topn import TopN

Row = tuple[list[int], list[float], list[int] | None]
"""Of one owner: indices of candidates best first, their scores, and their plays."""


class Listed(NamedTuple):
    """The best candidates of some owners, in parallel.

    Attributes:
        owners: ids.
        best: indices of candidates, and scores.
        plays: with each of them; None: the view does not show them.
    """

    owners: list[str]
    best: TopN
    plays: NDArray[np.int32] | None

    def rows(self) -> Iterator[tuple[str, Row]]:
        """What each owner's list holds."""
        sizes = (self.best.cols >= 0).sum(axis=1)
        # Where there are few candidates most of a row is filling: it is not made into objects.
        width = int(sizes.max(initial=0))
        columns, scores = (part[:, :width].tolist() for part in self.best)
        plays = [None] * len(columns) if self.plays is None else self.plays[:, :width].tolist()
        for owner, n, *row in zip(self.owners, sizes.tolist(), columns, scores, plays, strict=True):
            found, scored, times = row
            yield owner, (found[:n], scored[:n], None if times is None else times[:n])

    def texts(self, head: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Ids and lists, as `Entry.encode` gives them.

        Args:
            head: of `encode_head`.
            names: ids of all candidates, `quoted`: once each, not once for each list.

        Raises:
            ValueError: a score is not finite.
        """
        if not np.isfinite(self.best.scores[self.best.cols >= 0]).all():
            raise ValueError("a score is not finite; fit the model again")
        for owner, (found, scores, plays) in self.rows():
            yield owner, encode_list(head, map(names.__getitem__, found), scores, plays)
