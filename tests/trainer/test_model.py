"""A cold fit is a function of plays, date, recipe and seed."""

import numpy as np
import pytest

from support.gigs import SMALL, world
from trainer.errors import NothingToFit
from trainer.matrix import DAY_MS, Plays, popularity
from trainer.model import Model, fit

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
    known = np.log1p(popularity(plays, NOW, 60))

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
