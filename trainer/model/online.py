"""The live model between two fits: rows are added and rewritten in place.

The vectors are copied once, when a generation goes live. After that the cost of an event depends on
the rows that it changes, not on the number of artists and venues: arrays double when they are full,
a changed row updates the Gram matrix by G += x_new x_new' - x_old x_old', and changed rows are
backed up until their lists are published.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.als.exact import Common, Floats, gram
from trainer.model.fit import Model, SideModel, positions
from trainer.plays.ids import Ids

Rows = NDArray[np.integer]


class Biases(NamedTuple):
    """What does not depend on the subject, of r rows."""

    bias: NDArray[np.float32]
    yearly: NDArray[np.float32]
    liveness: NDArray[np.float32]

    @classmethod
    def of(cls, side: SideModel, rows: Rows) -> "Biases":
        """A copy of those of some rows."""
        return cls(*(getattr(side, name)[rows] for name in cls._fields))

    def write(self, side: SideModel, rows: Rows) -> None:
        """Write them to some rows of a side, in place."""
        for name in self._fields:
            getattr(side, name)[rows] = getattr(self, name)


class RowBackup(NamedTuple):
    """Rows of a side before a change, and its Gram matrix."""

    rows: Rows
    factors: NDArray[np.float32]
    biases: "Biases"
    squares: Floats


class GrowingFactors:
    """Factors and biases of all artists, or all venues, in arrays with room to grow."""

    def __init__(self, side: SideModel, ids: list[str], regularization: float) -> None:
        self._regularization = regularization
        self.ids = ids
        self._followed: Ids | None = None
        self._size = 0
        self._take(side)

    def __len__(self) -> int:
        return self._size

    @property
    def side(self) -> SideModel:
        """The current state: borrowed, valid until the next change."""
        return self._side.first(self._size)

    @cached_property
    def common(self) -> Common:
        """Shared part of the equations of the other side's rows; formed again after a change."""
        return Common(self._squares, self._regularization)

    def follow(self, ids: Ids) -> None:
        """Adopt the row numbers of `ids`; an unseen id gets a row without plays.

        The first call for an object costs time linear in all ids, later calls in new ids.
        """
        # By identity: one and the same `Ids` only appends rows, another may number them
        # differently.
        if self._followed is not ids:
            self._take(self.side.taken(positions(self.ids, ids.ids)))
            self._followed, self.ids = ids, ids.ids
        elif len(ids) > self._size:
            self._grow(len(ids))

    def write(
        self,
        rows: Rows,
        factors: NDArray[np.float32],
        biases: Biases,
    ) -> None:
        """Replace the vectors and biases of distinct rows.

        Args:
            rows: r row numbers.
            factors: r x F.
            biases: of these rows.
        """
        old, new = (part.astype(np.float64) for part in (self._side.factors[rows], factors))
        # In float64: rounding errors of these updates add up until all rows are summed again.
        squares = self._squares + (new.T @ new - old.T @ old)
        self._write(RowBackup(rows, factors, biases, squares))

    def backup(self, rows: Rows) -> RowBackup:
        """A copy of these rows."""
        side = self._side
        return RowBackup(rows, side.factors[rows], Biases.of(side, rows), self._squares)

    def restore(self, before: RowBackup) -> None:
        """Undo all writes to these rows since the backup; other rows must not have been written."""
        self._write(before)

    def _write(self, new: RowBackup) -> None:
        side = self._side
        side.factors[new.rows], self._squares = new.factors, new.squares
        new.biases.write(side, new.rows)
        # A cached property keeps its value there: it belongs to the old Gram matrix.
        self.__dict__.pop("common", None)

    def _take(self, side: SideModel) -> None:
        self._size = len(side)
        self._side = side.taken(np.arange(len(side)))  # a copy, as rows are written in place
        self._squares = gram(side.factors)
        self.__dict__.pop("common", None)

    def _grow(self, size: int) -> None:
        """Make room for twice as many rows where there are more than fit."""
        if size > len(self._side):
            room = max(size, 2 * len(self._side)) - len(self._side)
            self._side = self._side.followed_by(self._side.taken(np.full(room, -1)))
        self._size = size


class OnlineModel:
    """Both sides of the live model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        penalty = model.recipe.regularization
        self.artists = GrowingFactors(model.artists, model.artist_ids, penalty)
        self.venues = GrowingFactors(model.venues, model.venue_ids, penalty)
        self.as_of_ms, self.recipe = model.as_of_ms, model.recipe

    @property
    def model(self) -> Model:
        """The current state: borrowed, valid until the next change."""
        return replace(
            self._model,
            artists=self.artists.side,
            venues=self.venues.side,
            artist_ids=self.artists.ids,
            venue_ids=self.venues.ids,
        )

    @contextmanager
    def transaction(self, artists: Rows, venues: Rows) -> Iterator[None]:
        """Undo changes to these rows if the block raises."""
        with ExitStack() as undo:
            undo.callback(self.artists.restore, self.artists.backup(artists))
            undo.callback(self.venues.restore, self.venues.backup(venues))
            yield
            undo.pop_all()
