"""Folding in: solving single artists and venues from all their plays, between two fits.

A row's vector is solved exactly (`trainer.als.exact`) with the other side fixed. The date, all
statistics and the biases of fitted rows keep their values of the fit.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.als.regularization import own_ridges
from trainer.model.fit import YEAR_DAYS, Model, SideModel, days_since_last
from trainer.model.online import Biases, GrowingFactors, OnlineModel, Rows
from trainer.plays.matrix import Plays, activity, confidence, counts, met


def folded(model: Model, plays: Plays, artists: Rows, venues: Rows) -> Model:
    """A copy of the model with these rows folded in.

    Args:
        model: stays as it is.
        plays: see `fold_in`, as the others.
        artists: rows.
        venues: rows.
    """
    current = OnlineModel(model)
    fold_in(current, plays, artists, venues)
    return current.model


def fold_in(current: OnlineModel, plays: Plays, artists: Rows, venues: Rows) -> None:
    """Solve these rows from all their plays; other rows do not change.

    Artists are solved first, then venues. A new artist with plays at a new venue was solved while
    the venue's vector was zero, so both are solved once more.

    Args:
        current: its rows are those of `plays`.
        plays: all plays; those of other rows are not used.
        artists: distinct rows, with or without plays, fitted or not.
        venues: the same of venues.
    """
    _solve(current, plays, artists, venues)
    new_artists = artists[~current.artists.side.fitted[artists]]
    new_venues = venues[~current.venues.side.fitted[venues]]
    if not len(new_artists) or not len(new_venues):
        return
    met = counts(plays.for_artists(new_artists))[:, new_venues]
    if met.nnz:
        _solve(
            current,
            plays,
            new_artists[np.diff(met.indptr) > 0],
            new_venues[np.diff(met.tocsc().indptr) > 0],
        )


def _solve(current: OnlineModel, plays: Plays, artists: Rows, venues: Rows) -> None:
    # Artists first, as in a sweep of the fit: the venues are then solved against them.
    if len(artists):
        _refresh(current, current.artists, artists, plays, current.venues)
    if len(venues):
        _refresh(current, current.venues, venues, plays.transposed(), current.artists)


def _refresh(
    current: OnlineModel, side: GrowingFactors, rows: Rows, plays: Plays, other: GrowingFactors
) -> None:
    """Solve these rows of `side`; `plays` are all of them, `side` x `other`."""
    factors = solved(current, plays.for_artists(rows), other)
    biases = Biases.of(side.side, rows)
    # Rows of the fit keep their biases: a list is made from one state of all candidates.
    new = ~side.side.fitted[rows]
    if new.any():
        for held, found in zip(biases, _biases(current, side.side, rows[new], plays), strict=True):
            held[new] = found
    side.write(rows, factors, biases)


def solved(current: OnlineModel, own: Plays, other: GrowingFactors) -> NDArray[np.float32]:
    """The exact vectors of r rows, with the other side fixed; nothing is written.

    Args:
        current: the date and the recipe.
        own: all plays of these rows, r x the other side.
        other: the other side.

    Returns:
        r x F; zeros for a row without plays.
    """
    confident = confidence(own, current.as_of_ms, current.recipe)
    ridge = own_ridges(confident, current.recipe)
    return other.common.solve(confident, other.side.factors, ridge)


def _biases(current: OnlineModel, side: SideModel, rows: Rows, plays: Plays) -> Biases:
    """Of rows that had no plays at the fit."""
    own, now = plays.for_artists(rows), current.as_of_ms
    partners = met(plays.transposed(), np.unique(own.venue))
    popular = activity(own, now, current.recipe.popularity_half_life_days, partners)
    yearly = activity(own, now, YEAR_DAYS, partners)
    return Biases(
        bias=side.standardised(popular),
        yearly=side.standardised_yearly(yearly),
        liveness=side.standardised_days(days_since_last(own, now, partners)),
    )
