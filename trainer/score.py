"""What is ranked: a short sum of standardised terms, as one matrix product.

R(a, v) = z[log(1 + popularity(v))] + h / (h + 1) * z[x(a) . y(v)]     venues for an artist
R(v, a) = z[log(1 + activity(a))]   +               z[x(a) . y(v)]     artists for a venue

z standardises over the candidates that had plays at the fit, h is the artist's number of plays.
Per row, z of a product only shifts and scales it, so that R orders as
`scaled row . column + bias of the column`; terms may also add to single cells. Each term gives a
`Part` and the parts are joined into one `LinearScore`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.model import Model, Side

Rows = NDArray[np.integer]

FLAT = 1e-9
"""Products whose deviation is below this tell nothing: z = 0. (ALS aims at 0 and 1.)"""


@dataclass(frozen=True)
class Part:
    """What one term adds to the score of r rows and c columns; None adds nothing."""

    rows: NDArray[np.float32] | None = None
    """r x F, together with `cols`."""
    cols: NDArray[np.float32] | None = None
    """c x F."""
    bias: NDArray[np.float32] | None = None
    """c."""
    shift: NDArray[np.float32] | None = None
    """r: the same for all columns of a row, so it changes no order."""
    additions: csr_matrix | None = None
    """r x c, float32."""


@dataclass(frozen=True)
class LinearScore:
    """R = rows @ cols.T + bias + shift[:, None] + additions, never formed as a whole.

    Raises:
        ValueError: shapes do not fit.
    """

    rows: NDArray[np.float32]
    """r x F."""
    cols: NDArray[np.float32]
    """c x F."""
    bias: NDArray[np.float32]
    """c."""
    shift: NDArray[np.float32]
    """r."""
    additions: csr_matrix | None = None
    """r x c."""

    def __post_init__(self) -> None:
        shapes = self.rows.shape, self.cols.shape, self.bias.shape, self.shift.shape
        (r, width), (c, _), _, _ = shapes
        if shapes != ((r, width), (c, width), (c,), (r,)):
            raise ValueError(f"rows, cols, bias, shift: shapes {shapes} do not fit together")
        if self.additions is not None and self.additions.shape != (r, c):
            raise ValueError(f"additions: shape {self.additions.shape} is not {(r, c)}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return len(self.rows), len(self.cols)


@dataclass(frozen=True)
class Scene:
    """What a term may look at."""

    rows: Side
    """Those for whom is ranked, all of them."""
    cols: Side
    """Those who are ranked, all of them."""
    wanted: Rows
    """r row numbers."""
    candidates: Rows
    """c column numbers."""
    counts: csr_matrix
    """Plays, all rows x all columns."""


Term = Callable[[Scene], Part]


def popularity(scene: Scene) -> Part:
    """Popularity as standardised at the fit: z of log(1 + popularity)."""
    return Part(bias=scene.cols.bias[scene.candidates])


def taste(scene: Scene) -> Part:
    """The standardised product of factors."""
    return _taste(scene, np.ones(len(scene.wanted)))


def shrunk_taste(scene: Scene) -> Part:
    """The same times h / (h + 1), as it is worth little after one play."""
    history = np.asarray(scene.counts[scene.wanted].sum(axis=1), np.float64).ravel()
    return _taste(scene, history / (history + 1))


FOR_ARTISTS: Sequence[Term] = (popularity, shrunk_taste)
FOR_VENUES: Sequence[Term] = (popularity, taste)


def venues_for_artists(model: Model, counts: csr_matrix, rows: Rows, columns: Rows) -> LinearScore:
    """Venues ranked for artists.

    Args:
        model: aligned to `counts`.
        counts: plays, artists x venues.
        rows: artists for whom is ranked.
        columns: candidate venues; a tie goes to the earlier.
    """
    scene = Scene(model.artists, model.venues, rows, columns, counts)
    return joined([term(scene) for term in FOR_ARTISTS], len(rows), len(columns))


def artists_for_venues(model: Model, counts: csr_matrix, rows: Rows, columns: Rows) -> LinearScore:
    """Artists ranked for venues.

    Args:
        model: aligned to `counts`.
        counts: plays, artists x venues.
        rows: venues for whom is ranked.
        columns: candidate artists; a tie goes to the earlier.
    """
    scene = Scene(model.venues, model.artists, rows, columns, counts.T)
    return joined([term(scene) for term in FOR_VENUES], len(rows), len(columns))


def joined(parts: Sequence[Part], n_rows: int, n_cols: int) -> LinearScore:
    """The sum of all parts."""
    additions = [part.additions for part in parts if part.additions is not None]
    return LinearScore(
        rows=_beside([part.rows for part in parts], n_rows),
        cols=_beside([part.cols for part in parts], n_cols),
        bias=_total([part.bias for part in parts], n_cols),
        shift=_total([part.shift for part in parts], n_rows),
        additions=sum(additions[1:], additions[0]) if additions else None,
    )


def _taste(scene: Scene, weight: NDArray[np.float64]) -> Part:
    factors = scene.rows.factors[scene.wanted].astype(np.float64)
    scaled = factors * (weight * inverse_deviation(factors, scene.cols))[:, None]
    return Part(
        rows=scaled.astype(np.float32),
        cols=scene.cols.factors[scene.candidates],
        shift=(-scaled @ scene.cols.mean).astype(np.float32),
    )


def inverse_deviation(factors: NDArray[np.float64], cols: Side) -> NDArray[np.float64]:
    """1 / deviation of each row's product with all columns, 0 where they are all the same."""
    variance = ((factors @ cols.covariance) * factors).sum(axis=1)
    deviation = np.sqrt(np.maximum(variance, 0))
    inverse: NDArray[np.float64] = np.zeros_like(deviation)
    np.divide(1, deviation, out=inverse, where=deviation > FLAT)
    return inverse


def _beside(matrices: Sequence[NDArray[np.float32] | None], size: int) -> NDArray[np.float32]:
    held = [matrix for matrix in matrices if matrix is not None]
    if len(held) == 1:
        return held[0]  # a copy of a million columns saved
    return np.hstack([np.empty((size, 0), np.float32), *held])


def _total(vectors: Sequence[NDArray[np.float32] | None], size: int) -> NDArray[np.float32]:
    held = [vector for vector in vectors if vector is not None]
    total: NDArray[np.float32] = np.sum([np.zeros(size, np.float32), *held], axis=0)
    return total
