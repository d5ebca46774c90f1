"""Our own engine: alternating least squares by whitened conjugate gradients, extrapolated.

Before each sweep the venues are carried on in the direction they came, by `BETA` of their last
move, and the artists are solved against that; then both sides are made as long as suits them
together (`lengths.py`). 8 to 10 sweeps do what 15 plain ones do (docs/solver.md). Nothing makes
such a leap safe, so the objective is watched: a sweep that ends above where the last one ended is
thrown away and done plainly, from the vectors themselves, and leaps are halved from then on. A
plain sweep never raises the objective, since each step of conjugate gradients lowers it.
"""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.blas import one_thread
from trainer.engines import Factors, _als
from trainer.engines.lengths import lengthened
from trainer.engines.relabelled import Relabelled, padded, relabelled
from trainer.engines.whitened import (
    Floats,
    Ints,
    Means,
    Ridge,
    Vectors,
    begun,
    formed,
    plain,
    room,
    solved,
)
from trainer.errors import TooLarge
from trainer.ridge import ridges
from trainer.settings import Recipe

LIMIT = 2**31 - 1
STEPS = 3
BETA = 0.75
"""How far the venues leap, by their last move."""
WORTH = 1.4
"""Plain sweeps that one with leaps is worth at least; `Recipe.iterations` counts plain ones."""
TOLERANCE = 1.5e-5
"""A fit ends after a sweep that gained a smaller share of the objective, or of what zero vectors'
objective has fallen by, where that is less: below implicit's 15 sweeps (docs/solver.md)."""
WARM = 6.0
"""A warm fit's is so many times as large: its half-steps gain by what is new, and little else."""
STEEP = 100.0
"""A confidence above it may need more steps, and exact gathers: a fit that has one takes both."""
FURTHER = 60
FEW = 16
"""Rows of so many cells are solved exactly: that is fewer sums than three steps are."""
LARGEST = 1e4
"""Of confidences and numbers of a start: up to it float32 keeps the digits that are asked for."""
CACHED_BYTES = 2**21
"""Sides up to this size are gathered as float32, larger ones as bf16: that pays where the second
cache is missed."""
GROUP_BYTES = 2**19
"""What the vectors of a group of rows may take, so that they stay in the second cache."""
GROUP_ROWS = 64
"""A smaller group would have too few rows of equal length."""

Watch = Callable[[float], None]


class Local:
    """See `trainer.engines.Engine`.

    Fits are equal to the last bit for any number of threads, on processors with the same
    instruction set.
    """

    def __init__(
        self,
        *,
        isa: str | None = None,
        beta: float = BETA,
        tolerance: float = TOLERANCE,
        watch: Watch | None = None,
    ) -> None:
        """How to fit.

        Args:
            isa: one of `_als.isas()`; default the best.
            beta: how far the venues leap, by their last move; 0 for plain ALS.
            tolerance: end after a sweep that gained less; 0 for exactly `Recipe.iterations`.
            watch: told the objective after every sweep.
        """
        self._isa = isa or _als.isas()[-1]
        self._beta = beta
        self._tolerance = tolerance
        self._watch = watch or _nobody

    def fit(
        self, confidence: csr_matrix, start: Factors, recipe: Recipe, *, warm: bool = False
    ) -> Factors:
        """At most as many sweeps as are worth `recipe.iterations` plain ones, artists first.

        A warm one may end after the first sweep: where its second half, the venues', gained too
        little.

        Raises:
            ValueError: a confidence or a start is NaN or beyond 1e4, a confidence negative, lambda
                lost beside the vectors, or more than 512 factors.
            TooLarge: more than 2**31 - 1 cells.
        """
        _check(confidence, start)
        confidence = _settled(confidence)
        means = self._means(confidence, start, recipe)
        with one_thread():
            matrix = relabelled(confidence, means.threads, _groups(start, means))
            sides = _ridges(confidence, matrix, recipe)
            descent = Descent(matrix, start, sides, means, self._beta)
            constant = float(confidence.data.sum(dtype=np.float64))
            self._descend(descent, self._sweeps(recipe), constant, warm=warm)
            return descent.factors(start.artists.shape[1])

    def _means(self, confidence: csr_matrix, start: Factors, recipe: Recipe) -> Means:
        threads = recipe.threads or os.cpu_count() or 1
        width = _als.width(start.artists.shape[1])
        steep = confidence.data.max(initial=0) > STEEP
        packed = not steep and 4 * width * max(map(len, start)) > CACHED_BYTES
        further, few = (FURTHER, 0) if steep else (0, FEW)
        return Means(self._isa, threads, STEPS, packed, further, few)

    def _sweeps(self, recipe: Recipe) -> int:
        leaping = self._beta and self._tolerance
        return math.ceil(recipe.iterations / WORTH) if leaping else recipe.iterations

    def _descend(self, descent: "Descent", sweeps: int, constant: float, *, warm: bool) -> None:
        before, tolerance = np.inf, self._tolerance * (WARM if warm else 1)
        for value in descent.values(sweeps):
            self._watch(value + constant)
            if warm and before == np.inf:
                before = descent.halfway
            # Near zero vectors, where strong regularisation may hold a fit for long, what is
            # explained so far is the measure; else what is not.
            if tolerance and before - value < tolerance * min(value + constant, -value):
                return
            before = value


class Ridges(NamedTuple):
    """Of both sides, in new order."""

    artists: Ridge
    venues: Ridge


@dataclass
class State:
    """Both sides after a sweep, and the objective less the sum of all confidences."""

    artists: Vectors
    venues: Vectors
    value: float


class Descent:
    """ALS in renumbered rows; `values` moves it on."""

    def __init__(
        self, matrix: Relabelled, start: Factors, sides: Ridges, means: Means, beta: float
    ) -> None:
        self._matrix = matrix
        self._ridges = sides
        self._means = means
        self._beta = beta
        self._state = State(
            begun(padded(start.artists, matrix.artist_order)),
            plain(padded(start.venues, matrix.venue_order), sides.venues, means),
            np.inf,
        )
        self.halfway = np.inf
        """The same after the artists' half of the last sweep."""
        # A half-step writes beside the vectors it starts from: so it can be thrown away.
        self._spare = np.empty_like(self._state.artists.coordinates)
        self._white_artists = room(self._state.artists, means)
        self._white_venues = room(self._state.venues, means)
        self._before: Floats | None = None

    def values(self, sweeps: int) -> Iterator[float]:
        """The objective after each sweep, less the sum of all confidences."""
        for _ in range(sweeps):
            self._sweep()
            yield self._state.value

    def factors(self, size: int) -> Factors:
        """The vectors in the caller's order."""
        state, matrix = self._state, self._matrix
        return Factors(
            self._restored(state.artists, matrix.artist_order, size),
            self._restored(state.venues, matrix.venue_order, size),
        )

    def _restored(self, vectors: Vectors, order: Ints, size: int) -> Floats:
        out = np.empty((len(order), size), np.float32)
        basis = np.ascontiguousarray(vectors.basis, np.float32)
        means = self._means
        _als.scatter(means.isa, vectors.coordinates, basis, order, out, means.threads)
        return out

    def _sweep(self) -> None:
        before = self._state
        made = self._swept(leaping=bool(self._beta))
        if made.value > before.value:
            self._beta /= 2
            made = self._swept(leaping=False)
        self._spare = before.artists.coordinates
        self._state = made

    def _swept(self, *, leaping: bool) -> State:
        """The state after both half-steps; this one stays as it is."""
        state = self._state
        artists, venues = self._leapt() if leaping else (state.artists, state.venues)
        means, matrix, ridges = self._means, self._matrix, self._ridges
        artists, self.halfway = solved(
            matrix.artists, artists, venues, ridges.artists,
            means=means, white=self._white_venues, out=self._spare,
        )  # fmt: skip
        if leaping:
            artists, venues = lengthened(artists, venues, self.halfway)
        out = np.empty_like(venues.coordinates)
        venues, value = solved(
            matrix.venues, venues, artists, ridges.venues,
            means=means, white=self._white_artists, out=out,
        )  # fmt: skip
        return State(artists, venues, value)

    def _leapt(self) -> tuple[Vectors, Vectors]:
        """Where the next sweep begins."""
        state = self._state
        venues, artists = lengthened(state.venues, state.artists, state.value)
        now, before = formed(venues, self._means), self._before
        self._before = now
        if before is not None:
            leapt = now + np.float32(self._beta) * (now - before)
            venues = plain(leapt, self._ridges.venues, self._means)
        return artists, venues


def _groups(start: Factors, means: Means) -> int:
    shorter, longer = sorted(map(len, start))
    size = longer * _als.width(start.artists.shape[1]) * (2 if means.packed else 4)
    if size <= CACHED_BYTES:
        return 1
    return max(min(size // GROUP_BYTES, shorter // GROUP_ROWS), 1)


def _ridges(confidence: csr_matrix, matrix: Relabelled, recipe: Recipe) -> Ridges:
    if not recipe.regularization_exponent:
        alike = Ridge(recipe.regularization, np.empty(0, np.float32))
        return Ridges(alike, alike)
    sides = (confidence, matrix.artist_order), (confidence.T.tocsr(), matrix.venue_order)
    return Ridges(*(_beyond(ridges(side, recipe)[order], recipe) for side, order in sides))


def _beyond(each: NDArray[np.float64], recipe: Recipe) -> Ridge:
    return Ridge(recipe.regularization, (each - recipe.regularization).astype(np.float32))


def _nobody(_: float) -> None:
    """The objective that nobody watches."""


def _check(confidence: csr_matrix, start: Factors) -> None:
    most = max(confidence.nnz, *confidence.shape)
    if most > LIMIT:
        raise TooLarge(f"rows or pairs: {most} exceed {LIMIT}; split the store")
    _check_size("confidence", confidence.data)
    for side in Factors._fields:
        _check_size(f"start.{side}", getattr(start, side).ravel())
    if confidence.data.min(initial=0) < 0:
        raise ValueError("confidence: negative; give 0 or more for each pair")


def _check_size(name: str, values: Floats) -> None:
    # No mask as large as the values, unless there is a bad one to look for. A NaN fails both.
    if values.min(initial=0) >= -LARGEST and values.max(initial=0) <= LARGEST:
        return
    wrong = np.flatnonzero(~(np.abs(values) <= LARGEST))[0]
    raise ValueError(f"{name}: {values[wrong]} at {wrong}; give finite numbers up to {LARGEST:g}")


def _settled(confidence: csr_matrix) -> csr_matrix:
    """With one cell a pair: cells of the same pair add up."""
    if confidence.has_canonical_format:
        return confidence
    settled = confidence.copy()
    settled.sum_duplicates()
    return settled
