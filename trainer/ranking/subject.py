"""Whom a list is for: a row of the model, or one that is only described by its plays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.plays.matrix import Plays, decayed
from trainer.ranking.history import History


class Subject(NamedTuple):
    """One artist or venue, with all that its list depends on."""

    row: int
    """Its row; of one that is only described, a number that no row has."""
    vector: NDArray[np.float32]
    """F."""
    plays: Plays
    """Its plays, as row 0."""
    history: History
    """The plays of all subjects, with those of a described one."""

    @property
    def met(self) -> NDArray[np.int32]:
        """The rows of the other side that it has plays with, ascending."""
        return self.plays.pairs.venue

    def decayed(self, as_of_ms: int, half_life_days: float) -> NDArray[np.float64]:
        """Decayed plays with each of `met`.

        Args:
            as_of_ms: the date from which plays age.
            half_life_days: after which a play counts half.
        """
        found: NDArray[np.float64] = decayed(self.plays, as_of_ms, half_life_days).data
        return found
