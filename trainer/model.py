"""The fitted model: a vector and a popularity for every artist and venue.

A *cold fit* is a function of the plays, the date, the recipe and the seed: rows are sorted by id
inside, so that neither row numbers nor the order of plays change a bit of it. What a fit finds out
about all rows together (mean, covariance, mean and deviation of popularity) stays frozen until the
next fit; see `trainer.foldin` for what changes in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.engines import Engine, Factors, engine
from trainer.errors import NothingToFit
from trainer.matrix import Plays, confidence, places, popularities
from trainer.settings import Recipe
from trainer.start import carried, drawn, drawn_venues

Names = tuple[list[str], list[str]]


@dataclass(frozen=True)
class Side:
    """All artists, or all venues. Statistics are over the rows that had plays at the fit."""

    factors: NDArray[np.float32]
    """n x F; zero where a row has no plays."""
    bias: NDArray[np.float32]
    """n: z of log(1 + popularity)."""
    mean: NDArray[np.float64]
    """F: of the factors."""
    covariance: NDArray[np.float64]
    """F x F: of the factors, population."""
    popularity_mean: float
    """Of log(1 + popularity)."""
    popularity_std: float
    """Of log(1 + popularity), population."""
    fitted: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """n: had plays at the fit, so that its bias is frozen. Default: where factors are not zero,
    which is the same right after a fit."""

    def __post_init__(self) -> None:
        if len(self.fitted) != len(self.factors):
            object.__setattr__(self, "fitted", self.factors.any(axis=1))

    def __len__(self) -> int:
        return len(self.bias)

    def standardised(self, popularity: NDArray[np.float64]) -> NDArray[np.float32]:
        """What bias such a popularity means by the frozen standards; 0 where all were equal."""
        return _z(np.log1p(popularity), self.popularity_mean, self.popularity_std)

    def taken(self, rows: NDArray[np.integer]) -> "Side":
        """Its rows in this order; -1 stands for a row that it has never seen."""
        unseen = rows < 0
        factors, bias = self.factors[rows], self.bias[rows]
        factors[unseen] = 0
        bias[unseen] = self.standardised(np.zeros(1))
        return replace(self, factors=factors, bias=bias, fitted=self.fitted[rows] & ~unseen)


@dataclass(frozen=True)
class Model:
    """Both sides, and what they were fitted from."""

    artists: Side
    venues: Side
    artist_ids: list[str]
    venue_ids: list[str]
    as_of_ms: int
    recipe: Recipe

    @property
    def vectors(self) -> Factors:
        """The factors of both sides: borrowed, not copied."""
        return Factors(self.artists.factors, self.venues.factors)

    def aligned(self, artist_ids: Sequence[str], venue_ids: Sequence[str]) -> "Model":
        """The same model with rows in the order of these ids.

        An id that it has never seen gets zero factors and the bias of no popularity; an id that
        is not named is left out.
        """
        if _same(artist_ids, self.artist_ids) and _same(venue_ids, self.venue_ids):
            return self
        return replace(
            self,
            artists=self.artists.taken(positions(self.artist_ids, artist_ids)),
            venues=self.venues.taken(positions(self.venue_ids, venue_ids)),
            artist_ids=list(artist_ids),
            venue_ids=list(venue_ids),
        )


def fit(
    plays: Plays,
    artist_ids: Sequence[str],
    venue_ids: Sequence[str],
    as_of_ms: int,
    recipe: Recipe,
    *,
    start: Model | None = None,
    solver: Engine | None = None,
) -> Model:
    """A cold fit, or a warm one.

    Args:
        plays: rows as in the id lists.
        artist_ids: distinct, by row.
        venue_ids: distinct, by row.
        as_of_ms: the date from which plays age.
        recipe: all the rest.
        start: an earlier model of this recipe, with whatever ids: where a warm fit begins, which
            then depends on its history. None: a cold fit.
        solver: in place of the recipe's engine.

    Raises:
        NothingToFit: there are no plays.
        ValueError: the id lists are not as long as the plays have rows.
    """
    _check(plays, artist_ids, venue_ids)
    artist_rows = _playing(plays.per_artist, artist_ids)
    venue_rows = _playing(plays.per_venue, venue_ids)
    names = _picked(artist_ids, artist_rows), _picked(venue_ids, venue_rows)
    seen = _seen(plays.renumbered(artist_rows, venue_rows), as_of_ms, recipe)
    begin = _begin(start, names, seen.confident, recipe)
    factors = (solver or engine(recipe.engine)).fit(
        seen.confident, begin, recipe, warm=start is not None
    )
    artists = _side(factors.artists, seen.activity)
    venues = _side(factors.venues, seen.popularity)
    return Model(
        artists=artists.taken(places(artist_rows, len(artist_ids))),
        venues=venues.taken(places(venue_rows, len(venue_ids))),
        artist_ids=list(artist_ids),
        venue_ids=list(venue_ids),
        as_of_ms=as_of_ms,
        recipe=recipe,
    )


class _Seen(NamedTuple):
    """What a fit sees of the plays, which are many times as large and may go."""

    confident: csr_matrix
    activity: NDArray[np.float64]
    popularity: NDArray[np.float64]


def _seen(plays: Plays, as_of_ms: int, recipe: Recipe) -> _Seen:
    days = recipe.popularity_half_life_days
    return _Seen(confidence(plays, as_of_ms, recipe), *popularities(plays, as_of_ms, days))


def _begin(start: Model | None, names: Names, confident: csr_matrix, recipe: Recipe) -> Factors:
    if start is None:
        return drawn(*names, recipe)
    fresh = drawn_venues(names[1], recipe)
    return carried(start.aligned(*names).vectors, fresh, confident, recipe)


def _check(plays: Plays, artist_ids: Sequence[str], venue_ids: Sequence[str]) -> None:
    if (len(artist_ids), len(venue_ids)) != plays.shape:
        raise ValueError(
            f"artist_ids, venue_ids: {len(artist_ids)} and {len(venue_ids)} ids for a matrix of "
            f"{plays.n_artists} x {plays.n_venues}"
        )
    if not len(plays):
        raise NothingToFit("there are no plays to fit; import or send some first")


def _playing(per_row: NDArray[np.int64], ids: Sequence[str]) -> NDArray[np.int64]:
    """Rows with plays, in id order."""
    return np.array(sorted(np.flatnonzero(per_row).tolist(), key=ids.__getitem__), np.int64)


def _picked(ids: Sequence[str], rows: NDArray[np.int64]) -> list[str]:
    return [ids[row] for row in rows.tolist()]


def _side(factors: NDArray[np.float32], popular: NDArray[np.float64]) -> Side:
    """Of rows that all have plays."""
    known = np.log1p(popular)
    mean, std = float(known.mean()), float(known.std())
    exact = factors.astype(np.float64)
    return Side(
        factors=factors,
        bias=_z(known, mean, std),
        mean=exact.mean(axis=0),
        covariance=np.atleast_2d(np.cov(exact, rowvar=False, bias=True)),
        popularity_mean=mean,
        popularity_std=std,
        fitted=np.ones(len(factors), np.bool_),
    )


def _z(values: NDArray[np.float64], mean: float, std: float) -> NDArray[np.float32]:
    scaled: NDArray[Any] = (values - mean) / std if std else np.zeros_like(values)
    return scaled.astype(np.float32)


def positions(known: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """The rows of the wanted ids among the known; -1 where there is none."""
    rows = {name: row for row, name in enumerate(known)}
    return np.array([rows.get(name, -1) for name in wanted], np.int64)


def _same(wanted: Sequence[str], known: list[str]) -> bool:
    return len(wanted) == len(known) and list(wanted) == known
