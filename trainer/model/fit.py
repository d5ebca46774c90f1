"""The fitted model: a vector and a popularity for every artist and venue.

A *cold fit* is a function of the plays, the date, the recipe and the seed. Rows are sorted by id
before the fit, so that neither row numbers nor the order of plays change a bit of the result. The
statistics over all rows (mean and covariance of the factors, mean and deviation of popularity) are
frozen until the next fit; `trainer.model.foldin` changes single rows in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.als.choose import engine
from trainer.als.engine import Engine, Factors
from trainer.errors import InsaneModel, NothingToFit
from trainer.model.initial import carried, drawn, drawn_venues
from trainer.model.walk import walk
from trainer.plays.matrix import DAY_MS, Plays, confidence, inverse_index, popularities
from trainer.recipe import START, Recipe, Weights

Names = tuple[list[str], list[str]]

PER_ROW = ("factors", "bias", "yearly", "fitted", "liveness", "walk_row")
"""The fields of `SideModel` that are arrays by row."""

YEAR_DAYS = 365.0
"""Half-life of `SideModel.yearly`."""

NORM_LIMIT = 1e4
"""Largest accepted factor norm; those of real gigs stay below 10."""


@dataclass(frozen=True)
class SideModel:
    """All artists, or all venues. Statistics cover the rows with plays at the fit."""

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
    """n: whether the row had plays at the fit; its biases are then frozen. Default: where factors
    are not zero, which is equivalent directly after a fit."""
    liveness: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """n: z of -log(1 + days since the last play that counts); 0 where there is none. Default: 0."""
    liveness_mean: float = 0.0
    """Of -log(1 + days since the last play)."""
    liveness_std: float = 0.0
    """The same, population."""
    yearly: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """n: z of log(1 + popularity), of a half-life of a year. Default: 0."""
    yearly_mean: float = 0.0
    """Of log(1 + popularity), of a half-life of a year."""
    yearly_std: float = 0.0
    """The same, population."""
    walk_row: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """n: the row in `Model.walk`; -1 for none, as of all artists. Default: -1."""

    def __post_init__(self) -> None:
        n = len(self.factors)
        if len(self.fitted) != n:
            object.__setattr__(self, "fitted", self.factors.any(axis=1))
        if len(self.liveness) != n:
            object.__setattr__(self, "liveness", np.zeros(n, np.float32))
        if len(self.yearly) != n:
            object.__setattr__(self, "yearly", np.zeros(n, np.float32))
        if len(self.walk_row) != n:
            object.__setattr__(self, "walk_row", np.full(n, -1, np.int32))

    def __len__(self) -> int:
        return len(self.bias)

    def standardised(self, popularity: NDArray[np.float64]) -> NDArray[np.float32]:
        """The bias of a popularity: z = (log(1 + popularity) - mean) / std; 0 where std is 0."""
        return _z(np.log1p(popularity), self.popularity_mean, self.popularity_std)

    def standardised_yearly(self, popularity: NDArray[np.float64]) -> NDArray[np.float32]:
        """The same of a popularity of a half-life of a year."""
        return _z(np.log1p(popularity), self.yearly_mean, self.yearly_std)

    def standardised_days(self, days: NDArray[np.float64]) -> NDArray[np.float32]:
        """The liveness of a candidate from the days since its last play; 0 for infinity."""
        known = np.isfinite(days)
        found = _z(-np.log1p(np.where(known, days, 0)), self.liveness_mean, self.liveness_std)
        return np.where(known, found, np.float32(0))

    def taken(self, rows: NDArray[np.integer]) -> "SideModel":
        """These rows, in order; -1 stands for an unseen row: zero factors, no popularity."""
        unseen = rows < 0
        taken: dict[str, Any] = {name: getattr(self, name)[rows] for name in PER_ROW}
        nothing = {
            "factors": 0,
            "bias": self.standardised(np.zeros(1)),
            "yearly": self.standardised_yearly(np.zeros(1)),
            "fitted": False,
            "liveness": 0,
            "walk_row": -1,
        }
        for name, value in nothing.items():
            taken[name][unseen] = value  # -1 has taken the last row
        return replace(self, **taken)

    def first(self, n: int) -> "SideModel":
        """The first n rows: borrowed, not copied."""
        return replace(self, **{name: getattr(self, name)[:n] for name in PER_ROW})

    def followed_by(self, more: "SideModel") -> "SideModel":
        """The rows of both, with the statistics of this one."""
        pairs = {name: (getattr(self, name), getattr(more, name)) for name in PER_ROW}
        joined: dict[str, Any] = {name: np.concatenate(pair) for name, pair in pairs.items()}
        return replace(self, **joined)


@dataclass(frozen=True)
class Model:
    """Both sides, their ids, and the date and recipe of the fit."""

    artists: SideModel
    venues: SideModel
    artist_ids: list[str]
    venue_ids: list[str]
    as_of_ms: int
    recipe: Recipe
    weights: Weights = START
    """Of the terms of the score."""
    walk: csr_matrix = field(default_factory=lambda: csr_matrix((0, 0), dtype=np.float32))
    """Between venues, by `SideModel.walk_row` (see `trainer.model.walk`)."""

    @property
    def vectors(self) -> Factors:
        """The factors of both sides: borrowed, not copied."""
        return Factors(self.artists.factors, self.venues.factors)

    def aligned(self, artist_ids: Sequence[str], venue_ids: Sequence[str]) -> "Model":
        """The same model with rows in the order of these ids.

        An unseen id gets zero factors and the bias of popularity 0. Ids that are not named are
        dropped.
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
    weights: Weights | None = None,
) -> Model:
    """A cold fit, or a warm one.

    Args:
        plays: rows as in the id lists.
        artist_ids: distinct, by row.
        venue_ids: distinct, by row.
        as_of_ms: the date from which plays age.
        recipe: hyperparameters, engine and seed.
        start: an earlier model of this recipe, with any ids, as initial vectors of a warm fit,
            whose result then depends on its history. None: a cold fit.
        solver: replaces the recipe's engine.
        weights: of the terms of the score. None: those of `start`, or else `START`.

    Raises:
        NothingToFit: there are no plays.
        ValueError: the id lists are not as long as the plays have rows.
    """
    _check(plays, artist_ids, venue_ids)
    artist_rows = _active_rows(plays.per_artist, artist_ids)
    venue_rows = _active_rows(plays.per_venue, venue_ids)
    names = _picked(artist_ids, artist_rows), _picked(venue_ids, venue_rows)
    # In id order: sums over rows in another order would differ in their last bits.
    given = _fit_input(plays.renumbered(artist_rows, venue_rows), as_of_ms, recipe)
    begin = _begin(start, names, given.confident, recipe)
    factors = (solver or engine(recipe.engine)).fit(
        given.confident, begin, recipe, warm=start is not None
    )
    artists = _side(factors.artists, given.artists)
    venues = _side(factors.venues, given.venues)
    venues = replace(venues, walk_row=np.arange(len(venues), dtype=np.int32))
    return Model(
        # Back in the caller's rows: those without plays become unseen ones.
        artists=artists.taken(inverse_index(artist_rows, len(artist_ids))),
        venues=venues.taken(inverse_index(venue_rows, len(venue_ids))),
        artist_ids=list(artist_ids),
        venue_ids=list(venue_ids),
        as_of_ms=as_of_ms,
        recipe=recipe,
        weights=weights or (start.weights if start else START),
        walk=given.walk,
    )


def days_since_last(
    plays: Plays, as_of_ms: int, partners: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Days since the last play of each artist, 0 for one that is ahead, infinity for none.

    A play counts where somebody else played at that venue too: as in popularity, partners that
    were made up for one row do not make it alive.

    Args:
        plays: all of these artists.
        as_of_ms: the date from which plays age.
        partners: by venue, the number of distinct artists that ever played there.
    """
    last = np.full(plays.n_artists, -np.inf)
    counted = partners[plays.venue] > 1
    # Not `last[rows] = ...`: of several plays of one artist that would keep any one.
    np.maximum.at(last, plays.artist[counted], plays.at_ms[counted].astype(np.float64))
    days: NDArray[np.float64] = np.maximum(as_of_ms - last, 0) / DAY_MS
    return days


def check(model: Model) -> None:
    """Reject a model that cannot rank.

    Raises:
        InsaneModel: a factor or bias is not finite, or a norm is absurd.
    """
    for name, side in (("artist", model.artists), ("venue", model.venues)):
        _check_side(name, side)


class _Bustle(NamedTuple):
    """How busy the rows of a side are."""

    popularity: NDArray[np.float64]
    yearly: NDArray[np.float64]
    days: NDArray[np.float64]
    """Since the last play."""


class _FitInput(NamedTuple):
    """The input of a fit: small beside the plays, which may be freed."""

    confident: csr_matrix
    artists: "_Bustle"
    venues: "_Bustle"
    walk: csr_matrix


def _fit_input(plays: Plays, as_of_ms: int, recipe: Recipe) -> _FitInput:
    popular = popularities(plays, as_of_ms, recipe.popularity_half_life_days)
    yearly = popularities(plays, as_of_ms, YEAR_DAYS)
    per_venue, per_artist = popular.partners
    artist_days = days_since_last(plays, as_of_ms, per_venue)
    venue_days = days_since_last(plays.transposed(), as_of_ms, per_artist)
    return _FitInput(
        confident=confidence(plays, as_of_ms, recipe),
        artists=_Bustle(popular.artists, yearly.artists, artist_days),
        venues=_Bustle(popular.venues, yearly.venues, venue_days),
        walk=walk(plays, as_of_ms),
    )


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


def _check_side(name: str, side: SideModel) -> None:
    for what in ("factors", "bias", "yearly", "liveness", "mean", "covariance"):
        if not np.isfinite(getattr(side, what)).all():
            raise InsaneModel(f"{name} {what} are not finite")
    largest = float(np.linalg.norm(side.factors, axis=1).max(initial=0.0))
    if largest > NORM_LIMIT:
        raise InsaneModel(f"the largest {name} factor norm is {largest:.3g}")


def _active_rows(per_row: NDArray[np.int64], ids: Sequence[str]) -> NDArray[np.int64]:
    """Rows with plays, in id order."""
    return np.array(sorted(np.flatnonzero(per_row).tolist(), key=ids.__getitem__), np.int64)


def _picked(ids: Sequence[str], rows: NDArray[np.int64]) -> list[str]:
    return [ids[row] for row in rows.tolist()]


def _side(factors: NDArray[np.float32], busy: _Bustle) -> SideModel:
    """The statistics of rows that all have plays."""
    known, yearly = np.log1p(busy.popularity), np.log1p(busy.yearly)
    mean, std = float(known.mean()), float(known.std())
    # A row without a play that counts has infinite days, which would spoil mean and deviation.
    recent = -np.log1p(busy.days[np.isfinite(busy.days)])
    # Means over millions of rows lose digits in float32.
    exact = factors.astype(np.float64)
    side = SideModel(
        factors=factors,
        bias=_z(known, mean, std),
        mean=exact.mean(axis=0),
        # With one factor np.cov returns a plain number.
        covariance=np.atleast_2d(np.cov(exact, rowvar=False, bias=True)),
        popularity_mean=mean,
        popularity_std=std,
        fitted=np.ones(len(factors), np.bool_),
        liveness_mean=float(recent.mean()) if len(recent) else 0.0,
        liveness_std=float(recent.std()) if len(recent) else 0.0,
        yearly_mean=float(yearly.mean()),
        yearly_std=float(yearly.std()),
    )
    return replace(
        side,
        liveness=side.standardised_days(busy.days),
        yearly=side.standardised_yearly(busy.yearly),
    )


def _z(values: NDArray[np.float64], mean: float, std: float) -> NDArray[np.float32]:
    scaled: NDArray[Any] = (values - mean) / std if std else np.zeros_like(values)
    return scaled.astype(np.float32)


def positions(known: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """The row among `known` of each wanted id; -1 where there is none."""
    rows = {name: row for row, name in enumerate(known)}
    return np.array([rows.get(name, -1) for name in wanted], np.int64)


def _same(wanted: Sequence[str], known: list[str]) -> bool:
    return len(wanted) == len(known) and list(wanted) == known
