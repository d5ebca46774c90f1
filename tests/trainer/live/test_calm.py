"""Lists of consecutive generations without new plays are nearly the same, also after a cold fit."""

from itertools import pairwise

import numpy as np
import pytest

from serving.contract import VIEWS, side_of
from support.data.worlds import gigs
from trainer.evaluation.splits import Gigs
from trainer.evaluation.tuning import tune
from trainer.live.roll_back import common
from trainer.model.fit import Model, fit
from trainer.plays.ids import Ids
from trainer.ranking.lists import Lists
from trainer.recipe import Recipe

RECIPE = Recipe(factors=8, threads=1)
CALM = 0.95


def generation(world: Gigs, start: Model | None = None) -> Model:
    """A fit as the refit process makes it: tuned where it is cold."""
    plays, as_of_ms = world.plays, int(world.plays.at_ms.max())
    given = plays, world.artist_ids, world.venue_ids, as_of_ms, RECIPE
    return fit(*given, start=start, weights=None if start else tune(*given).weights)


def listed(world: Gigs, model: Model) -> dict:
    artists, venues = Ids(world.artist_ids), Ids(world.venue_ids)
    lists = Lists(
        model=model, plays=world.plays, artists=artists, venues=venues, generation=1, size=10
    )
    rows = {"artist": np.arange(len(artists)), "venue": np.arange(len(venues))}
    return {view: lists.changes(view, rows[side_of(view)].astype(np.int32)) for view in VIEWS}


@pytest.mark.parametrize("dated", [True, False])
def test_warm_and_cold_fits_of_the_same_plays_make_nearly_the_same_lists(dated):
    world = gigs(3000, dated=dated)
    cold = generation(world)
    warm = generation(world, start=generation(world, start=cold))
    again = generation(world)  # after the last warm one

    lists = [listed(world, model) for model in (cold, warm, again)]

    for before, after in pairwise(lists):
        for view in VIEWS:
            assert common(before[view], after[view]) >= CALM, view
    assert lists[0] == lists[2], "a cold fit depends on the plays alone"
