"""The published score is the sum of its standardised terms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from support.gigs import SMALL, world
from trainer.matrix import DAY_MS, activity, counts, popularities
from trainer.model import Model, Side, fit
from trainer.score import LinearScore, Part, artists_for_venues, joined, venues_for_artists

NOW = 365 * DAY_MS
PLAYS, ARTISTS, VENUES = world()
ALL_ARTISTS, ALL_VENUES = np.arange(len(ARTISTS)), np.arange(len(VENUES))


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(PLAYS, ARTISTS, VENUES, NOW, SMALL)


def z(values: np.ndarray) -> np.ndarray:
    """Standardised along the last axis, by the textbook."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return centred / values.std(axis=-1, keepdims=True)


def whole(score: LinearScore) -> np.ndarray:
    rows, cols = score.rows.astype(float), score.cols.astype(float)
    added = 0 if score.additions is None else score.additions.toarray()
    return rows @ cols.T + score.bias + score.shift[:, None] + added


def products(model: Model) -> np.ndarray:
    return model.artists.factors.astype(float) @ model.venues.factors.astype(float).T


def test_venues_for_artists_are_popularity_and_taste_by_the_number_of_plays(model):
    score = venues_for_artists(model, counts(PLAYS), ALL_ARTISTS, ALL_VENUES)

    h = PLAYS.per_artist[:, None]
    popular = z(np.log1p(popularities(PLAYS, NOW, 60).venues))
    expected = popular + h / (h + 1) * z(products(model))
    np.testing.assert_allclose(whole(score), expected, atol=1e-4)


def test_artists_for_venues_are_standardised_over_artists_not_read_by_column(model):
    score = artists_for_venues(model, counts(PLAYS), ALL_VENUES, ALL_ARTISTS)

    active = z(np.log1p(activity(PLAYS, NOW, 60)))
    np.testing.assert_allclose(whole(score), active + z(products(model).T), atol=1e-4)


def test_rows_and_columns_come_in_the_order_that_is_asked_for(model):
    rows, columns = np.array([30, 4]), np.array([9, 2, 11])
    every = whole(venues_for_artists(model, counts(PLAYS), ALL_ARTISTS, ALL_VENUES))

    some = venues_for_artists(model, counts(PLAYS), rows, columns)

    np.testing.assert_allclose(whole(some), every[rows][:, columns], atol=1e-6)


def test_who_never_played_is_ranked_by_popularity_alone(model):
    none = csr_matrix(PLAYS.shape, dtype=np.int32)

    score = venues_for_artists(model, none, ALL_ARTISTS[:1], ALL_VENUES)

    assert whole(score)[0].tolist() == model.venues.bias.tolist()


@pytest.mark.parametrize("scale", [0, 1e-12])
def test_where_taste_does_not_tell_venues_apart_it_adds_nothing(model, scale):
    flat = replace(
        model,
        artists=replace(model.artists, factors=model.artists.factors * np.float32(scale)),
    )

    score = venues_for_artists(flat, counts(PLAYS), ALL_ARTISTS, ALL_VENUES)

    assert np.isfinite(score.rows).all()
    assert not score.rows.any()


def test_where_all_venues_have_one_vector_taste_adds_nothing():
    same = np.full((4, 2), 0.3, np.float32)
    flat = Side(same, np.zeros(4, np.float32), same[0].astype(float), np.zeros((2, 2)), 0, 0)
    model = Model(flat, flat, list("abcd"), list("wxyz"), NOW, SMALL)
    played = csr_matrix(np.ones((4, 4), np.int32))

    assert not whole(venues_for_artists(model, played, np.arange(4), np.arange(4))).any()


def test_any_number_of_terms_adds_up():
    rng = np.random.default_rng(1)
    added = csr_matrix(np.array([[0, 2, 0], [1, 0, 0]], np.float32))
    one, two = (
        Part(
            rows=rng.random((2, width), np.float32),
            cols=rng.random((3, width), np.float32),
            bias=rng.random(3, np.float32),
            shift=rng.random(2, np.float32),
            additions=added,
        )
        for width in (4, 2)
    )

    score = joined([one, Part(), two], 2, 3)

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
