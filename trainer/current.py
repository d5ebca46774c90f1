"""The live model, kept current between two fits: it grows and is rewritten in place.

A fit's vectors are copied once, when its generation goes live. From then on what an event costs
hangs on what it touches, not on how many artists and venues there are: new ids get room that is
doubled when it runs out, a changed vector moves the other side's Gram matrix by two outer products,
and what the changed rows were before is remembered until their lists are published.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.exact import Common, Floats, gram
from trainer.ids import Ids
from trainer.model import Model, Side, positions

Rows = NDArray[np.integer]


class Before(NamedTuple):
    """What some rows of a side were."""

    rows: Rows
    factors: NDArray[np.float32]
    bias: NDArray[np.float32]
    squares: Floats


class Standing:
    """All artists, or all venues, of the live model."""

    def __init__(self, side: Side, ids: list[str], regularization: float) -> None:
        self._side = side
        self._regularization = regularization
        self.ids = ids
        self._followed: Ids | None = None
        self._size = 0
        self._take(side)

    def __len__(self) -> int:
        return self._size

    @property
    def side(self) -> Side:
        """As it is now: borrowed, valid until the next change."""
        n = self._size
        return replace(
            self._side, factors=self._factors[:n], bias=self._bias[:n], fitted=self._fitted[:n]
        )

    @cached_property
    def common(self) -> Common:
        """For solving rows of the other side."""
        return Common(self._squares, self._regularization)

    def follow(self, ids: Ids) -> None:
        """Let row numbers be those of `ids`; one that was never seen gets a row of its own.

        The first time, and when it is another object than the last time, this is as much work as
        there are ids; after that, as there are new ones.
        """
        if self._followed is not ids:
            self._take(self.side.taken(positions(self.ids, ids.ids)))
            self._followed, self.ids = ids, ids.ids
        elif len(ids) > self._size:
            self._grow(len(ids))

    def write(self, rows: Rows, factors: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """Put vectors and biases in place of what these distinct rows have."""
        old, new = (part.astype(np.float64) for part in (self._factors[rows], factors))
        self._write(rows, factors, bias, self._squares + (new.T @ new - old.T @ old))

    def before(self, rows: Rows) -> Before:
        """What these rows are now."""
        return Before(rows, self._factors[rows], self._bias[rows], self._squares)

    def restore(self, before: Before) -> None:
        """Undo every `write` since, if it was of these rows."""
        self._write(*before)

    def _write(
        self,
        rows: Rows,
        factors: NDArray[np.float32],
        bias: NDArray[np.float32],
        squares: Floats,
    ) -> None:
        self._factors[rows], self._bias[rows], self._squares = factors, bias, squares
        self.__dict__.pop("common", None)

    def _take(self, side: Side) -> None:
        self._size = len(side)
        self._factors, self._bias = side.factors.copy(), side.bias.copy()
        self._fitted = side.fitted.copy()
        self._squares = gram(side.factors)
        self.__dict__.pop("common", None)

    def _grow(self, size: int) -> None:
        if size > len(self._factors):
            room = max(size, 2 * len(self._factors)) - len(self._factors)
            unseen = self._side.taken(np.full(room, -1))
            self._factors = np.concatenate([self._factors, unseen.factors])
            self._bias = np.concatenate([self._bias, unseen.bias])
            self._fitted = np.concatenate([self._fitted, unseen.fitted])
        self._size = size


class Current:
    """Both sides of the live model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        penalty = model.recipe.regularization
        self.artists = Standing(model.artists, model.artist_ids, penalty)
        self.venues = Standing(model.venues, model.venue_ids, penalty)
        self.as_of_ms, self.recipe = model.as_of_ms, model.recipe

    @property
    def model(self) -> Model:
        """As it is now: borrowed, valid until the next change."""
        return replace(
            self._model,
            artists=self.artists.side,
            venues=self.venues.side,
            artist_ids=self.artists.ids,
            venue_ids=self.venues.ids,
        )

    @contextmanager
    def trial(self, artists: Rows, venues: Rows) -> Iterator[None]:
        """Changes to these rows within are undone where an error ends it."""
        with ExitStack() as undo:
            undo.callback(self.artists.restore, self.artists.before(artists))
            undo.callback(self.venues.restore, self.venues.before(venues))
            yield
            undo.pop_all()
