"""A cold fit is a function of plays, date, recipe and seed."""

import numpy as np
import pytest

from support.data.als import objective
from support.data.gigs import SMALL, world
from trainer.errors import NothingToFit
from trainer.model.fit import Model, fit
from trainer.plays.matrix import DAY_MS, Plays, confidence, popularities
from trainer.recipe import START, Weights

NOW = 365 * DAY_MS
ARRAYS = ("factors", "bias", "mean", "covariance", "fitted")


def same(ours: Model, theirs: Model) -> bool:
    """To the last bit."""
    return (ours.artist_ids, ours.venue_ids) == (theirs.artist_ids, theirs.venue_ids) and all(
        np.array_equal(getattr(mine, name), getattr(other, name))
        for mine, other in ((ours.artists, theirs.artists), (ours.venues, theirs.venues))
        for name in ARRAYS
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neither_row_numbers_nor_the_order_of_plays_change_a_bit(seed):
    plays, artists, venues = world()
    rng = np.random.default_rng(seed)
    artist_order, venue_order = rng.permutation(len(artists)), rng.permutation(len(venues))
    order = rng.permutation(len(plays))
    moved = Plays(
        np.argsort(artist_order).astype(np.int32)[plays.artist][order],
        np.argsort(venue_order).astype(np.int32)[plays.venue][order],
        plays.at_ms[order],
        *plays.shape,
    )
    moved_ids = [artists[row] for row in artist_order], [venues[row] for row in venue_order]

    model = fit(moved, *moved_ids, NOW, SMALL)

    assert same(model.aligned(artists, venues), fit(plays, artists, venues, NOW, SMALL))


def test_ids_without_plays_take_no_part_and_keep_zero_factors():
    plays, artists, venues = world()
    wider = Plays(plays.artist + 1, plays.venue + 2, plays.at_ms, 42, 17)

    model = fit(wider, ["x", *artists, "y"], ["p", "q", *venues], NOW, SMALL)

    assert not model.artists.factors[[0, -1]].any()
    assert model.artists.fitted.tolist() == [False] + [True] * 40 + [False]
    assert same(model.aligned(artists, venues), fit(plays, artists, venues, NOW, SMALL))


def test_the_seed_the_date_and_the_recipe_each_change_the_fit():
    plays, artists, venues = world()
    base = fit(plays, artists, venues, NOW, SMALL)

    for recipe in (SMALL.model_copy(update={"seed": 2}), SMALL.model_copy(update={"alpha": 9})):
        assert not same(base, fit(plays, artists, venues, NOW, recipe))
    assert not same(base, fit(plays, artists, venues, NOW + 90 * DAY_MS, SMALL))


def test_biases_are_standardised_popularity_and_statistics_are_of_those_who_played():
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)
    known = np.log1p(popularities(plays, NOW, 60).venues)

    np.testing.assert_allclose(
        model.venues.bias, (known - known.mean()) / known.std(), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(model.venues.mean, model.venues.factors.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(
        model.artists.covariance, np.cov(model.artists.factors.T, bias=True), rtol=1e-4, atol=1e-9
    )


def test_an_unseen_id_is_aligned_with_zero_factors_and_the_bias_of_no_popularity():
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)

    grown = model.aligned([*artists, "new"], ["new", *venues[1:]])

    assert not grown.artists.factors[-1].any()
    assert not grown.venues.factors[0].any()
    side = grown.venues
    assert side.bias[0] == np.float32(-side.popularity_mean / side.popularity_std)
    assert not side.fitted[0]
    assert np.array_equal(grown.venues.factors[1:], model.venues.factors[1:])
    assert np.array_equal(grown.venues.covariance, model.venues.covariance)


def test_where_all_venues_are_equally_popular_no_bias_tells_them_apart():
    plays = Plays(np.arange(4, dtype=np.int32), np.arange(4, dtype=np.int32), np.full(4, NOW), 4, 4)
    ids = list("abcd")

    model = fit(plays, ids, ids, NOW, SMALL)

    assert model.venues.bias.tolist() == [0, 0, 0, 0]
    assert model.aligned(ids, [*ids, "e"]).venues.bias.tolist() == [0] * 5


def test_one_play_is_enough_to_fit():
    plays = Plays(np.zeros(1, np.int32), np.zeros(1, np.int32), np.full(1, NOW), 1, 1)

    model = fit(plays, ["a"], ["v"], NOW, SMALL)

    assert np.isfinite(model.artists.factors).all()
    assert model.venues.covariance.shape == (8, 8)


def test_without_plays_there_is_nothing_to_fit():
    none = np.empty(0, np.int32)

    with pytest.raises(NothingToFit, match="there are no plays to fit; import or send some"):
        fit(Plays(none, none, np.empty(0, np.int64), 1, 1), ["a"], ["v"], NOW, SMALL)


def test_id_lists_of_another_length_are_refused():
    plays, artists, venues = world()

    with pytest.raises(ValueError, match="39 and 15 ids for a matrix of 40 x 15"):
        fit(plays, artists[1:], venues, NOW, SMALL)


def grown() -> tuple[Plays, list[str], list[str], Plays, list[str], list[str]]:
    """A world, and the same with an artist and a venue more, and new plays for others."""
    plays, artists, venues = world(400, 60, 6000)
    more, bigger = world(401, 61, 100, seed=8), (401, 61)
    both = Plays(
        np.append(plays.artist, more[0].artist),
        np.append(plays.venue, more[0].venue),
        np.append(plays.at_ms, more[0].at_ms),
        *bigger,
    )
    return plays, artists, venues, both, more[1], more[2]


def misfit(plays: Plays, model: Model) -> float:
    confident = confidence(plays, model.as_of_ms, model.recipe)
    return objective(confident, model.vectors, model.recipe.regularization)


@pytest.mark.parametrize("engine", ["local", "implicit"])
def test_a_warm_fit_of_a_grown_world_is_as_good_as_a_cold_one_of_more_sweeps(engine):
    plays, artists, venues, more, more_artists, more_venues = grown()
    recipe = SMALL.model_copy(update={"engine": engine, "iterations": 15})
    earlier = fit(plays, artists, venues, NOW, recipe)

    warm = fit(more, more_artists, more_venues, NOW, recipe, start=earlier)
    cold = fit(more, more_artists, more_venues, NOW, recipe)
    hasty = fit(more, more_artists, more_venues, NOW, recipe.model_copy(update={"iterations": 2}))

    assert misfit(more, warm) < misfit(more, cold) * 1.001 < misfit(more, hasty)
    assert warm.artists.factors[-1].any()
    assert warm.venues.factors[-1].any()


def test_a_warm_fit_keeps_the_weights_of_its_start():
    weights = Weights({"own": 2.0}, {"als": 1.0})
    plays, artists, venues = world()
    earlier = fit(plays, artists, venues, NOW, SMALL, weights=weights)

    assert fit(plays, artists, venues, NOW, SMALL, start=earlier).weights == weights
    assert fit(plays, artists, venues, NOW, SMALL).weights == START


def test_a_warm_fit_leaves_lists_calmer_than_a_cold_one_of_another_seed():
    plays, artists, venues, more, more_artists, more_venues = grown()
    recipe = SMALL.model_copy(update={"iterations": 15})
    earlier = fit(plays, artists, venues, NOW, recipe)
    warm = fit(more, more_artists, more_venues, NOW, recipe, start=earlier)
    cold = fit(
        more, more_artists, more_venues, NOW, recipe.model_copy(update={"seed": recipe.seed + 1})
    )

    def moved(model: Model) -> float:
        was, now = (
            one.artists.factors[:400] @ one.venues.factors[:60].T for one in (earlier, model)
        )
        return float(np.abs(was - now).mean())

    assert moved(warm) < moved(cold)


def test_a_warm_fit_starts_from_ids_and_not_from_rows():
    plays, artists, venues, more, more_artists, more_venues = grown()
    earlier = fit(plays, artists, venues, NOW, SMALL)
    shuffled = earlier.aligned(artists[::-1], ["elsewhere", *venues[::-1]])

    one, other = (
        fit(more, more_artists, more_venues, NOW, SMALL, start=start)
        for start in (earlier, shuffled)
    )

    assert same(one, other)


def test_a_warm_fit_of_a_world_that_shares_nothing_with_its_start_still_fits():
    plays, artists, venues = world()
    elsewhere = [f"other-{name}" for name in artists], [f"other-{name}" for name in venues]
    recipe = SMALL.model_copy(update={"iterations": 15})

    warm = fit(plays, artists, venues, NOW, recipe, start=fit(plays, *elsewhere, NOW, recipe))
    cold = fit(plays, artists, venues, NOW, recipe)

    assert warm.venues.factors.any(axis=1).all()
    assert misfit(plays, warm) < misfit(plays, cold) * 1.05
