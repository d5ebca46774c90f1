"""Whether a fit is of the kind that was judged."""

import numpy as np

from support.data.worlds import gigs
from trainer.gate.sanity import Sanity, affinity, agreement
from trainer.model.fit import fit
from trainer.ranking.similar import similar
from trainer.recipe import Recipe

RECIPE = Recipe(factors=8, threads=1)


def test_factors_of_other_rows_have_no_affinity():
    world = gigs(3000)
    given = world.plays, world.artist_ids, world.venue_ids, int(world.plays.at_ms.max())
    model = fit(*given, RECIPE)
    draw = np.random.default_rng(1)
    moved = draw.permutation(model.venues.factors, axis=0)
    shuffled = type(model)(
        **{**vars(model), "venues": type(model.venues)(**{**vars(model.venues), "factors": moved})}
    )

    sound, lost = affinity(model, world.plays), affinity(shuffled, world.plays)

    assert sound > 0.8
    assert lost < sound - 0.2
    assert Sanity(sound, sound, 1.0).reasons == []
    assert "before a random venue" in Sanity(lost, sound, None).reasons[0]
    ids = world.artist_ids[:50]
    assert agreement(model, model, ids) == 1.0
    assert (agreement(model, shuffled, ids) or 0) < 0.6
    assert "in common" in Sanity(sound, sound, 0.1).reasons[0]


def test_vectors_that_have_shrunk_to_nothing_have_no_affinity_and_cosines_all_the_same():
    world = gigs(3000)
    plays, year_ms = world.plays, 365 * 86_400_000
    given = plays, world.artist_ids, world.venue_ids
    # As of a gig long after all others: they weigh next to nothing, and the vectors vanish.
    late = fit(*given, int(plays.at_ms.max()) + 6 * year_ms, RECIPE)

    assert 0 < abs(late.artists.factors).max() < 1e-6
    assert affinity(late, plays) == 0.5
    found = similar(late, "artist", 0, 5, np.arange(len(world.artist_ids)))
    assert (abs(found.cosines) <= 1 + 1e-6).all()
