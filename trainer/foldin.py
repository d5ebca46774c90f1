"""Folding in: solving single artists and venues from all their plays, between two fits.

A row's vector is the exact minimum of the objective (see `trainer.engines`) while the other side
stands still:
    (Y'Y + Yu'(Cu - I)Yu + lambda I) x = Yu'cu
over the u columns that the row has plays with. The date, all statistics and the biases of fitted
rows stay as they were at the fit.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.blas import one_thread
from trainer.matrix import Plays, confidence, counts, popularity
from trainer.model import Model, Side

Rows = NDArray[np.integer]

_BATCH_BYTES = 32_000_000


def fold_in(model: Model, plays: Plays, artists: Rows, venues: Rows) -> Model:
    """Solve these rows anew from all their plays; all others stay as they are.

    Artists are solved first, then venues. Where both a new artist and a new venue met, neither
    knew the other the first time, so that those are solved once more.

    Args:
        model: aligned to `plays`.
        plays: all plays; those of other rows are not used.
        artists: distinct rows, with or without plays, in the fit or not.
        venues: likewise.
    """
    model = _both(model, plays, artists, venues)
    new_artists = artists[~model.artists.fitted[artists]]
    new_venues = venues[~model.venues.fitted[venues]]
    if not len(new_artists) or not len(new_venues):
        return model
    met = counts(plays.of_artists(new_artists))[:, new_venues]
    if met.nnz:
        model = _both(
            model,
            plays,
            new_artists[np.diff(met.indptr) > 0],
            new_venues[np.diff(met.tocsc().indptr) > 0],
        )
    return model


def solve(
    confident: csr_matrix, fixed: NDArray[np.float32], regularization: float
) -> NDArray[np.float32]:
    """The exact vectors of r rows against a fixed other side.

    Args:
        confident: r x m, already times alpha.
        fixed: m x F.
        regularization: lambda, above 0.

    Returns:
        r x F, float32; zeros for a row without plays.

    Raises:
        ValueError: shapes do not fit.
    """
    if confident.shape[1] != len(fixed):
        raise ValueError(f"fixed: {len(fixed)} rows for {confident.shape[1]} columns of confidence")
    solved = np.zeros((confident.shape[0], fixed.shape[1]), np.float32)
    with one_thread():
        exact = fixed.astype(np.float64)
        base = exact.T @ exact + regularization * np.eye(fixed.shape[1])
        for rows in _batches(np.diff(confident.indptr), fixed.shape[1]):
            solved[rows] = _solve_batch(confident, rows, exact, base)
    return solved


def _both(model: Model, plays: Plays, artists: Rows, venues: Rows) -> Model:
    own = plays.of_artists(artists)
    model = replace(
        model,
        artists=_refreshed(model.artists, artists, own, model.venues, model),
    )
    own = plays.mirrored().of_artists(venues)
    return replace(model, venues=_refreshed(model.venues, venues, own, model.artists, model))


def _refreshed(side: Side, rows: Rows, own: Plays, other: Side, model: Model) -> Side:
    """`side` with these rows solved; `own` are their plays, `rows` x `other`."""
    if not len(rows):
        return side
    recipe = model.recipe
    factors = side.factors.copy()
    factors[rows] = solve(
        confidence(own, model.as_of_ms, recipe), other.factors, recipe.regularization
    )
    popular = popularity(own.mirrored(), model.as_of_ms, recipe.popularity_half_life_days)
    bias = side.bias.copy()
    bias[rows] = np.where(side.fitted[rows], bias[rows], side.standardised(popular))
    return replace(side, factors=factors, bias=bias)


def _batches(sizes: NDArray[np.integer], width: int) -> Iterator[NDArray[np.int64]]:
    """Rows of equal size together, so that a row's result does not hang on its company."""
    order = np.argsort(sizes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(sizes[order])) + 1):
        size = int(sizes[rows[0]]) if len(rows) else 0
        step = max(1, _BATCH_BYTES // (8 * width * max(size, width)))
        for start in range(0, len(rows), step):
            yield rows[start : start + step]


def _solve_batch(
    confident: csr_matrix,
    rows: NDArray[np.int64],
    fixed: NDArray[np.float64],
    base: NDArray[np.float64],
) -> NDArray[np.float64]:
    """For b rows of k cells each: b x F."""
    first = confident.indptr[rows]
    cells = first[:, None] + np.arange(confident.indptr[rows[0] + 1] - first[0])
    weight = confident.data[cells].astype(np.float64)
    seen = fixed[confident.indices[cells]]
    across = seen.transpose(0, 2, 1)
    left = base + (across * (weight - 1)[:, None, :]) @ seen
    right = across @ weight[:, :, None]
    solved: NDArray[np.float64] = np.linalg.solve(left, right)[:, :, 0]
    return solved
