"""The published score is the weighted sum of its standardised terms, each as in the textbook."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from support.data.gigs import SMALL, world
from trainer.model.fit import Model, SideModel, fit
from trainer.model.walk import NEAREST, walk
from trainer.plays.matrix import DAY_MS, Plays, decayed, popularities
from trainer.ranking.history import History
from trainer.ranking.part import ScorePart
from trainer.ranking.score import (
    TERMS,
    LinearScore,
    artists_for_venues,
    joined,
    venues_for_artists,
)
from trainer.recipe import START, Weights

NOW = 365 * DAY_MS
PLAYS, ARTISTS, VENUES = world()
ALL_ARTISTS, ALL_VENUES = np.arange(len(ARTISTS)), np.arange(len(VENUES))


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(PLAYS, ARTISTS, VENUES, NOW, SMALL)


def z(values: np.ndarray) -> np.ndarray:
    """Standardised along the last axis, by the textbook; 0 where nothing varies."""
    centred = values - values.mean(axis=-1, keepdims=True)
    deviation = values.std(axis=-1, keepdims=True)
    return np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 1e-12)


def alone(model: Model, **weights: float) -> Model:
    """The model with these terms only."""
    return replace(model, weights=Weights(weights, weights))


def dense(days: float, plays: Plays = PLAYS) -> np.ndarray:
    return decayed(plays, NOW, days).toarray()


def for_artists(model: Model, plays: Plays = PLAYS) -> np.ndarray:
    return whole(venues_for_artists(model, plays, ALL_ARTISTS, ALL_VENUES))


def for_venues(model: Model, plays: Plays = PLAYS) -> np.ndarray:
    return whole(artists_for_venues(model, plays, ALL_VENUES, ALL_ARTISTS))


def whole(score: LinearScore) -> np.ndarray:
    rows, cols = score.rows.astype(float), score.cols.astype(float)
    added = 0 if score.additions is None else score.additions.toarray()
    return rows @ cols.T + score.bias + score.shift[:, None] + added


def products(model: Model) -> np.ndarray:
    return model.artists.factors.astype(float) @ model.venues.factors.astype(float).T


# Each term


def test_popularity_is_the_same_for_everybody(model):
    popular = popularities(PLAYS, NOW, 60)

    found = for_artists(alone(model, popularity=1))
    active = for_venues(alone(model, popularity=1))

    np.testing.assert_allclose(found, np.tile(z(np.log1p(popular.venues)), (40, 1)), atol=1e-5)
    np.testing.assert_allclose(active, np.tile(z(np.log1p(popular.artists)), (15, 1)), atol=1e-5)


def test_popularity_over_the_year_is_that_of_a_longer_half_life(model):
    expected = z(np.log1p(popularities(PLAYS, NOW, 365).venues))

    found = for_artists(alone(model, yearly=1))

    np.testing.assert_allclose(found, np.tile(expected, (40, 1)), atol=1e-5)


@pytest.mark.parametrize("ranked", ["artists", "venues"])
def test_liveness_is_how_long_ago_the_last_gig_was(model, ranked):
    plays = PLAYS if ranked == "artists" else PLAYS.transposed()
    last = np.array([plays.at_ms[plays.venue == row].max() for row in range(plays.n_venues)])
    formula = for_artists if ranked == "artists" else for_venues

    found = formula(alone(model, liveness=1))

    expected = z(-np.log1p((NOW - last) / DAY_MS))
    np.testing.assert_allclose(found, np.tile(expected, (plays.n_artists, 1)), atol=1e-5)


def test_als_counts_by_the_artist_s_number_of_plays_and_for_venues_as_it_is(model):
    h = PLAYS.per_artist[:, None]

    found, back = for_artists(alone(model, als=1)), for_venues(alone(model, als=1))

    np.testing.assert_allclose(found, h / (h + 1) * z(products(model)), atol=1e-4)
    np.testing.assert_allclose(back, z(products(model).T), atol=1e-4)


def test_own_history_raises_what_was_played_by_how_recently(model):
    expected = np.log1p(5 * dense(180))

    found, back = for_artists(alone(model, own=1)), for_venues(alone(model, own=1))

    np.testing.assert_allclose(found, z(expected), atol=1e-4)
    np.testing.assert_allclose(back, z(expected.T), atol=1e-4)


def test_mates_point_to_where_they_play_now(model):
    """By the formula, over every night."""
    nights: dict[tuple[int, int], set[int]] = {}
    for artist, venue, at_ms in zip(PLAYS.artist, PLAYS.venue, PLAYS.at_ms, strict=True):
        nights.setdefault((venue, at_ms // DAY_MS), set()).add(artist)
    shared = np.zeros((40, 40))
    for (_, day), bill in nights.items():
        for one in bill:
            for other in bill - {one}:
                shared[one, other] += 0.5 ** ((365 - day) / 365) / (len(bill) - 1)
    plays = np.log1p(dense(120))
    plays /= np.sqrt(plays.sum(axis=1, keepdims=True))
    number = (shared > 0).sum(axis=1)[:, None]
    assert number.min() > 0 or (number == 0).any()

    found = for_artists(alone(model, mates=1))

    np.testing.assert_allclose(found, number / (number + 5) * z(shared @ plays), atol=1e-4)


def test_an_artist_without_mates_is_not_told_anything_by_them(model):
    kept = PLAYS.artist == 3
    lonely = Plays(PLAYS.artist[kept], PLAYS.venue[kept], PLAYS.at_ms[kept], *PLAYS.shape)

    found = venues_for_artists(alone(model, mates=1), lonely, np.array([3]), ALL_VENUES)

    assert not whole(found).any()


def test_item_item_walks_from_the_artist_s_venues(model):
    found = for_artists(alone(model, rp3=1))

    order = np.argsort(np.argsort(VENUES))  # the walk's rows are in the order of ids
    near = model.walk.toarray()[order][:, order]
    np.testing.assert_allclose(found, z(np.log1p(dense(180)) @ near), atol=1e-4)


def test_the_walk_is_rp3beta():
    visits = np.log1p(dense(180))
    back = (visits.T / visits.T.sum(axis=1, keepdims=True)) ** 1.37
    out = (visits / visits.sum(axis=1, keepdims=True)) ** 1.37
    expected = back @ out / visits.sum(axis=0) ** 0.16
    expected /= expected.sum(axis=1, keepdims=True)

    np.testing.assert_allclose(walk(PLAYS, NOW).toarray(), expected, rtol=1e-5)


def test_of_the_walk_the_nearest_are_kept_and_scaled_to_one():
    rng = np.random.default_rng(2)
    wide = Plays(
        np.zeros(800, np.int32), np.arange(800, dtype=np.int32), np.zeros(800, np.int64), 1, 800
    )
    uneven = replace(wide, at_ms=rng.integers(0, 365, 800) * DAY_MS)

    for plays in (wide, uneven):
        found = walk(plays, NOW)
        assert np.diff(found.indptr).tolist() == [NEAREST] * 800
        np.testing.assert_allclose(np.asarray(found.sum(axis=1)), 1, rtol=1e-5)
    assert walk(wide, NOW)[5].indices.tolist() == list(range(NEAREST))


def test_a_venue_that_came_after_the_fit_is_absent_from_the_walk_and_wrong_nowhere(model):
    grown = alone(model.aligned(ARTISTS, [*VENUES, "new"]), rp3=1)
    plays = Plays(
        np.append(PLAYS.artist, 3).astype(np.int32),
        np.append(PLAYS.venue, 15).astype(np.int32),
        np.append(PLAYS.at_ms, NOW),
        40,
        16,
    )

    found = whole(venues_for_artists(grown, plays, np.array([3]), np.arange(16)))

    near = model.walk.toarray()[model.venues.walk_row][:, model.venues.walk_row]
    raw = np.append(np.log1p(dense(180))[3] @ near, 0)
    np.testing.assert_allclose(found[0], z(raw), atol=1e-4)


# Their sum


@pytest.mark.parametrize("direction", ["artists", "venues"])
def test_the_score_is_the_weighted_sum_of_the_terms(model, direction):
    formula = {"artists": for_artists, "venues": for_venues}[direction]
    weights = dict(zip(TERMS[direction], (0.5, 0.8, 2, 1.5, 0.25, 3, 1), strict=False))

    found = formula(alone(model, **weights))

    expected = sum(weight * formula(alone(model, **{name: 1})) for name, weight in weights.items())
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_fit_starts_with_the_weights_of_the_start(model):
    assert model.weights == START
    assert set(START.artists) == set(TERMS["artists"])
    assert set(START.venues) == set(TERMS["venues"])


def test_rows_and_columns_come_in_the_order_that_is_asked_for(model):
    rows, columns = np.array([30, 4]), np.array([9, 2, 11])
    plain = alone(model, popularity=1, als=1)

    some = venues_for_artists(plain, PLAYS, rows, columns)

    np.testing.assert_allclose(whole(some), for_artists(plain)[rows][:, columns], atol=1e-6)


@pytest.mark.parametrize("direction", ["artists", "venues"])
def test_a_few_rows_score_as_they_do_among_all(model, direction):
    """A fold-in reads the plays of its rows alone."""
    plays, formula, rows, columns = {
        "artists": (PLAYS, venues_for_artists, ALL_ARTISTS, ALL_VENUES),
        "venues": (PLAYS.transposed(), artists_for_venues, ALL_VENUES, ALL_ARTISTS),
    }[direction]
    every = formula(model, History(plays, NOW, whole=True), rows, columns)

    for row in rows:
        one = formula(model, History(plays, NOW), rows[row : row + 1], columns)
        assert np.array_equal(one.additions.toarray()[0], every.additions[row].toarray()[0])
        np.testing.assert_allclose(whole(one)[0], whole(every)[row], atol=1e-5)


def test_who_never_played_is_ranked_by_what_all_venues_share(model):
    none = Plays(*(np.empty(0, dtype) for dtype in (np.int32, np.int32, np.int64)), *PLAYS.shape)

    found = whole(venues_for_artists(model, none, ALL_ARTISTS[:1], ALL_VENUES))[0]

    expected = np.float32(0.7) * (model.venues.bias + model.venues.liveness)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [0, 1e-12])
def test_where_taste_does_not_tell_venues_apart_it_adds_nothing(model, scale):
    flat = replace(
        alone(model, als=1),
        artists=replace(model.artists, factors=model.artists.factors * np.float32(scale)),
    )

    score = venues_for_artists(flat, PLAYS, ALL_ARTISTS, ALL_VENUES)

    assert np.isfinite(score.rows).all()
    assert not score.rows.any()


def test_where_all_venues_have_one_vector_taste_adds_nothing():
    same = np.full((4, 2), 0.3, np.float32)
    flat = SideModel(same, np.zeros(4, np.float32), same[0].astype(float), np.zeros((2, 2)), 0, 0)
    model = Model(flat, flat, list("abcd"), list("wxyz"), NOW, SMALL)
    artist, venue = np.divmod(np.arange(16, dtype=np.int32), 4)
    everywhere = Plays(artist, venue, np.zeros(16, np.int64), 4, 4)

    assert not whole(venues_for_artists(model, everywhere, np.arange(4), np.arange(4))).any()


def test_any_number_of_terms_adds_up():
    rng = np.random.default_rng(1)
    added = csr_matrix(np.array([[0, 2, 0], [1, 0, 0]], np.float32))
    one, two = (
        ScorePart(
            rows=rng.random((2, width), np.float32),
            cols=rng.random((3, width), np.float32),
            bias=rng.random(3, np.float32),
            shift=rng.random(2, np.float32),
            additions=added,
        )
        for width in (4, 2)
    )

    score = joined([one, ScorePart(), two], 2, 3)

    apart = (LinearScore(p.rows, p.cols, p.bias, p.shift, p.additions) for p in (one, two))
    np.testing.assert_allclose(whole(score), sum(map(whole, apart)), rtol=1e-6)


def test_no_term_at_all_is_a_score_of_zeros():
    assert whole(joined([], 2, 3)).tolist() == [[0, 0, 0]] * 2


def test_shapes_that_do_not_fit_are_told():
    rows, cols = np.zeros((2, 4), np.float32), np.zeros((3, 4), np.float32)
    bias, shift = np.zeros(3, np.float32), np.zeros(2, np.float32)

    with pytest.raises(ValueError, match="rows, cols, bias, shift: shapes"):
        LinearScore(rows, cols[:, 1:], bias, shift)
    with pytest.raises(ValueError, match="rows, cols, bias, shift: shapes"):
        LinearScore(rows, cols, bias, bias)
    with pytest.raises(ValueError, match=r"additions: shape \(3, 2\) is not \(2, 3\)"):
        LinearScore(rows, cols, bias, shift, csr_matrix((3, 2)))
