"""The engine `local`: alternating least squares by whitened conjugate gradients, extrapolated.

Before each sweep the venues are extrapolated, V + BETA (V - V of the last sweep), and the artists
are solved against that. Both sides are then rescaled to their jointly optimal norms (`rescale.py`).
8 to 10 sweeps reach the objective of 15 plain ones (docs/solver.md). Extrapolation may raise the
objective. A sweep that does is discarded and repeated without extrapolation, and BETA is halved for
the rest of the fit. A plain sweep never raises the objective, since each conjugate gradient step
lowers it.
"""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.als import _als
from trainer.als.engine import Factors
from trainer.als.half_step import (
    Floats,
    Ints,
    Ridge,
    SolverOptions,
    Vectors,
    half_step,
    in_identity_basis,
    materialized,
    unsolved,
    workspace,
)
from trainer.als.regularization import ridges
from trainer.als.reorder import Relabelled, padded, relabelled
from trainer.als.rescale import rescaled
from trainer.als.runtime import one_thread
from trainer.errors import TooLarge
from trainer.recipe import Recipe

LIMIT = 2**31 - 1
STEPS = 3
BETA = 0.75
"""Extrapolation factor of the venues."""
PLAIN_SWEEPS_PER_SWEEP = 1.4
"""One extrapolated sweep replaces at least this many plain ones, which `Recipe.iterations`
counts."""
TOLERANCE = 1.5e-5
"""Stop when a sweep improves J by less than TOLERANCE * min(J, J(0) - J). J is then below that of
implicit after 15 sweeps (docs/solver.md)."""
WARM_TOLERANCE_FACTOR = 6.0
"""Multiplies TOLERANCE in a warm fit, whose half-steps improve J by little more than the new
plays."""
HIGH_CONFIDENCE = 100.0
"""With a confidence above it, a fit takes extra steps and gathers float32: three steps on bf16
would not converge."""
EXTRA_CG_STEPS = 60
DUAL_MAX_CELLS = 16
"""Rows of up to this many cells are solved exactly: that takes fewer operations than three
steps."""
LARGEST = 1e4
"""Largest confidence and initial value: up to it float32 keeps the digits that are promised."""
CACHED_BYTES = 2**21
"""Sides up to this size are gathered as float32, larger ones as bf16, which is faster once vectors
do not fit into the second-level cache."""
GROUP_BYTES = 2**19
"""Size of the vectors of a group of rows that stay in the second-level cache."""
GROUP_ROWS = 64
"""Least rows of a group; a smaller one has too few rows of equal length."""


class Local:
    """See `trainer.als.engine.Engine`.

    Fits are equal to the last bit for any number of threads, on processors with the same
    instruction set.
    """

    def __init__(
        self,
        *,
        isa: str | None = None,
        beta: float = BETA,
        tolerance: float = TOLERANCE,
        watch: Callable[[float], None] = lambda _objective: None,
    ) -> None:
        """Configure the solver.

        Args:
            isa: one of `_als.isas()`; default the best.
            beta: extrapolation factor; 0 for plain ALS.
            tolerance: see `TOLERANCE`; 0 for exactly `Recipe.iterations` sweeps.
            watch: called with the objective after every sweep.
        """
        self._isa = isa or _als.isas()[-1]
        self._beta = beta
        self._tolerance = tolerance
        self._watch = watch

    def fit(
        self, confidence: csr_matrix, start: Factors, recipe: Recipe, *, warm: bool = False
    ) -> Factors:
        """Alternate from `start`, artists first; see `trainer.als.engine.Engine`.

        A warm fit may end after one sweep, where solving the venues improved J too little.

        Args:
            confidence: artists x venues; cells of the same pair add up.
            start: initial vectors; not changed.
            recipe: `iterations` counts plain sweeps.
            warm: the start is near a solution.

        Raises:
            ValueError: a confidence or a start is NaN or beyond 1e4, a confidence negative, lambda
                lost beside the vectors, or more than 512 factors.
            TooLarge: more than 2**31 - 1 cells.
        """
        _check(confidence, start)
        confidence = _canonical(confidence)
        options = self._options(confidence, start, recipe)
        # The kernel starts threads of its own: those of BLAS would compete with them for the cores.
        with one_thread():
            matrix = relabelled(confidence, options.threads, _groups(start, options))
            sides = _ridges(confidence, matrix, recipe)
            descent = Descent(matrix, start, sides, options, self._beta)
            constant = float(confidence.data.sum(dtype=np.float64))
            self._descend(descent, self._sweeps(recipe), constant, warm=warm)
            return descent.factors(start.artists.shape[1])

    def _options(self, confidence: csr_matrix, start: Factors, recipe: Recipe) -> SolverOptions:
        threads = recipe.threads or os.cpu_count() or 1
        width = _als.width(start.artists.shape[1])
        steep = confidence.data.max(initial=0) > HIGH_CONFIDENCE
        packed = not steep and 4 * width * max(map(len, start)) > CACHED_BYTES
        further, few = (EXTRA_CG_STEPS, 0) if steep else (0, DUAL_MAX_CELLS)
        return SolverOptions(self._isa, threads, STEPS, packed, further, few)

    def _sweeps(self, recipe: Recipe) -> int:
        plain = not (self._beta and self._tolerance)
        most = recipe.iterations
        return most if plain else math.ceil(most / PLAIN_SWEEPS_PER_SWEEP)

    def _descend(self, descent: "Descent", sweeps: int, constant: float, *, warm: bool) -> None:
        before, tolerance = np.inf, self._tolerance * (WARM_TOLERANCE_FACTOR if warm else 1)
        for value in descent.values(sweeps):
            self._watch(value + constant)
            # No half-step has told J at the start: what the artists' first one tells stands for it.
            if warm and before == np.inf:
                before = descent.halfway
            # J - J(0) = value. Strong regularisation may keep a fit near zero vectors for many
            # sweeps: there J(0) - J, the explained part, is the smaller scale; later J is.
            if tolerance and before - value < tolerance * min(value + constant, -value):
                return
            before = value


class Ridges(NamedTuple):
    """Of both sides, in new row order."""

    artists: Ridge
    venues: Ridge


@dataclass
class State:
    """Both sides after a sweep, and J - sum c."""

    artists: Vectors
    venues: Vectors
    value: float


class Descent:
    """ALS on renumbered rows; iterating over `values` runs the sweeps."""

    def __init__(
        self, matrix: Relabelled, start: Factors, sides: Ridges, options: SolverOptions, beta: float
    ) -> None:
        self._matrix = matrix
        self._ridges = sides
        self._options = options
        self._beta = beta
        self._state = State(
            unsolved(padded(start.artists, matrix.artist_order)),
            in_identity_basis(padded(start.venues, matrix.venue_order), sides.venues, options),
            np.inf,
        )
        self.halfway = np.inf
        """J - sum c after the artists' half-step of the last sweep."""
        # A half-step keeps the vectors that it starts from, so that a sweep can be discarded.
        self._spare = np.empty_like(self._state.artists.coordinates)
        self._whitened_artists = workspace(self._state.artists, options)
        self._whitened_venues = workspace(self._state.venues, options)
        self._before: Floats | None = None

    def values(self, sweeps: int) -> Iterator[float]:
        """J - sum c after each of at most `sweeps` sweeps."""
        for _ in range(sweeps):
            self._sweep()
            yield self._state.value

    def factors(self, size: int) -> Factors:
        """The vectors in the caller's row order, `size` columns each."""
        state, matrix = self._state, self._matrix
        return Factors(
            self._restored(state.artists, matrix.artist_order, size),
            self._restored(state.venues, matrix.venue_order, size),
        )

    def _restored(self, vectors: Vectors, order: Ints, size: int) -> Floats:
        out = np.empty((len(order), size), np.float32)
        basis = np.ascontiguousarray(vectors.basis, np.float32)
        options = self._options
        _als.scatter(options.isa, vectors.coordinates, basis, order, out, options.threads)
        return out

    def _sweep(self) -> None:
        before = self._state
        made = self._swept(extrapolate=bool(self._beta))
        if made.value > before.value:
            self._beta /= 2
            made = self._swept(extrapolate=False)
        # The old artists are not needed any more: the next sweep writes its own in their place.
        self._spare = before.artists.coordinates
        self._state = made

    def _swept(self, *, extrapolate: bool) -> State:
        """The state after both half-steps; `self._state` is not changed."""
        state = self._state
        artists, venues = self._extrapolated() if extrapolate else (state.artists, state.venues)
        options, matrix, ridges = self._options, self._matrix, self._ridges
        artists, self.halfway = half_step(
            matrix.artists, artists, venues, ridges.artists,
            options=options, whitened=self._whitened_venues, out=self._spare,
        )  # fmt: skip
        if extrapolate:
            artists, venues = rescaled(artists, venues, self.halfway)
        out = np.empty_like(venues.coordinates)
        venues, value = half_step(
            matrix.venues, venues, artists, ridges.venues,
            options=options, whitened=self._whitened_artists, out=out,
        )  # fmt: skip
        return State(artists, venues, value)

    def _extrapolated(self) -> tuple[Vectors, Vectors]:
        """Both sides rescaled, and the venues extrapolated: the start of a sweep."""
        state = self._state
        venues, artists = rescaled(state.venues, state.artists, state.value)
        now, before = materialized(venues, self._options), self._before
        self._before = now
        if before is not None:
            extrapolated = now + np.float32(self._beta) * (now - before)
            # Vectors of two sweeps have two bases; their sum has neither.
            venues = in_identity_basis(extrapolated, self._ridges.venues, self._options)
        return artists, venues


def _groups(start: Factors, options: SolverOptions) -> int:
    shorter, longer = sorted(map(len, start))
    size = longer * _als.width(start.artists.shape[1]) * (2 if options.packed else 4)
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
    # min and max need no temporary mask as large as the values. A NaN fails both comparisons.
    if values.min(initial=0) >= -LARGEST and values.max(initial=0) <= LARGEST:
        return
    wrong = np.flatnonzero(~(np.abs(values) <= LARGEST))[0]
    raise ValueError(f"{name}: {values[wrong]} at {wrong}; give finite numbers up to {LARGEST:g}")


def _canonical(confidence: csr_matrix) -> csr_matrix:
    """One cell per pair: cells of the same pair add up."""
    if confidence.has_canonical_format:
        return confidence
    canonical = confidence.copy()
    canonical.sum_duplicates()
    return canonical
