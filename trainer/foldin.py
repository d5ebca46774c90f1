"""Folding in: solving single artists and venues from all their plays, between two fits.

A row's vector is solved exactly (`trainer.exact`) while the other side stands still. The date, all
statistics and the biases of fitted rows stay as they were at the fit.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainer.exact import solve
from trainer.matrix import Plays, confidence, counts, popularity
from trainer.model import Model, Side
from trainer.ridge import ridges

Rows = NDArray[np.integer]


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
    confident = confidence(own, model.as_of_ms, recipe)
    factors[rows] = solve(confident, other.factors, ridges(confident, recipe))
    popular = popularity(own.mirrored(), model.as_of_ms, recipe.popularity_half_life_days)
    bias = side.bias.copy()
    bias[rows] = np.where(side.fitted[rows], bias[rows], side.standardised(popular))
    return replace(side, factors=factors, bias=bias)
