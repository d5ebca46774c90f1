"""Folding in: solving single artists and venues from all their plays, between two fits.

A row's vector is solved exactly (`trainer.exact`) while the other side stands still. The date, all
statistics and the biases of fitted rows stay as they were at the fit.
"""

import numpy as np

from trainer.current import Current, Rows, Standing
from trainer.matrix import Plays, activity, confidence, counts
from trainer.model import Model
from trainer.ridge import own_ridges


def folded(model: Model, plays: Plays, artists: Rows, venues: Rows) -> Model:
    """A copy of the model, with these rows folded in: see `fold_in`."""
    current = Current(model)
    fold_in(current, plays, artists, venues)
    return current.model


def fold_in(current: Current, plays: Plays, artists: Rows, venues: Rows) -> None:
    """Solve these rows anew from all their plays; all others stay as they are.

    Artists are solved first, then venues. Where both a new artist and a new venue met, neither
    knew the other the first time, so that those are solved once more.

    Args:
        current: its rows are those of `plays`.
        plays: all plays; those of other rows are not used.
        artists: distinct rows, with or without plays, in the fit or not.
        venues: likewise.
    """
    _solve(current, plays, artists, venues)
    new_artists = artists[~current.artists.side.fitted[artists]]
    new_venues = venues[~current.venues.side.fitted[venues]]
    if not len(new_artists) or not len(new_venues):
        return
    met = counts(plays.of_artists(new_artists))[:, new_venues]
    if met.nnz:
        _solve(
            current,
            plays,
            new_artists[np.diff(met.indptr) > 0],
            new_venues[np.diff(met.tocsc().indptr) > 0],
        )


def _solve(current: Current, plays: Plays, artists: Rows, venues: Rows) -> None:
    if len(artists):
        own = plays.of_artists(artists)
        _refresh(current, current.artists, artists, own, current.venues)
    if len(venues):
        own = plays.mirrored().of_artists(venues)
        _refresh(current, current.venues, venues, own, current.artists)


def _refresh(current: Current, side: Standing, rows: Rows, own: Plays, other: Standing) -> None:
    """Solve these rows of `side`; `own` are their plays, `rows` x `other`."""
    now, recipe = current.as_of_ms, current.recipe
    confident = confidence(own, now, recipe)
    each = own_ridges(confident, recipe)
    factors = other.common.solve(confident, other.side.factors, each)
    popular = activity(own, now, recipe.popularity_half_life_days)
    known = side.side
    bias = np.where(known.fitted[rows], known.bias[rows], known.standardised(popular))
    side.write(rows, factors, bias)
