"""What frames are made of: a model, the plays it follows, and a reader of lists."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from serving.lookup import Recommendation, Side
from trainer.evaluation.splits import Gigs
from trainer.model.fit import Model
from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays
from trainer.plays.merged_rows import Merged


class ListReader(Protocol):
    """Reads lists as apps do; `serving.lookup.Lookup` is one."""

    def artist(self, artist_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best venues for an artist.

        Args:
            artist_id: known or not: an unknown one gets the popular list.
            n: how many, at least 1.
            returns: venues that the artist has played count too.
        """

    def venue(self, venue_id: str, n: int = 10, *, returns: bool = False) -> Recommendation:
        """The best artists for a venue.

        Args:
            venue_id: known or not: an unknown one gets the popular list.
            n: how many, at least 1.
            returns: artists who have played there count too.
        """

    def names(self, ids: Iterable[str], *, of: Side) -> dict[str, str]:
        """Display names by id; ids without a name are left out."""


Connect = Callable[[], AbstractContextManager[ListReader]]


@dataclass(frozen=True)
class Rows:
    """One side of the matrix."""

    ids: Ids
    merged: Merged
    active: NDArray[np.int32]
    """Rows with plays that are not hidden, in the order of their ids."""


@dataclass(frozen=True)
class Content:
    """A model and its plays; their rows are those of the ids."""

    model: Model
    plays: Plays
    artists: Rows
    venues: Rows
    # A function: most notebooks never evaluate, and sorting the plays of a store takes a while.
    gigs: Callable[[], Gigs]
    """The plays in date order, to evaluate on."""

    def rows(self, side: Side) -> Rows:
        """The artists, or the venues."""
        return self.artists if side == "artist" else self.venues
