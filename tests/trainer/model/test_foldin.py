"""Folding in solves exactly, touches only who was touched, and keeps what the fit froze."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from support.data.gigs import SMALL, rows, world
from trainer.als import _als
from trainer.als.exact import Common, gram, solve
from trainer.als.runtime import one_thread
from trainer.errors import InsaneModel
from trainer.model.fit import Model, fit
from trainer.model.foldin import folded
from trainer.plays.matrix import DAY_MS, Plays, confidence, counts, popularities
from trainer.recipe import Recipe

NOW = 365 * DAY_MS
NONE = np.empty(0, np.int32)
PLAYS, ARTISTS, VENUES = world()


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(PLAYS, ARTISTS, VENUES, NOW, SMALL)


def with_plays(*more: tuple[int, int, int], shape: tuple[int, int] = PLAYS.shape) -> Plays:
    """The world's plays and these (artist, venue, day)."""
    artist, venue, day = np.array(more, np.int64).reshape(-1, 3).T
    return Plays(
        np.append(PLAYS.artist, artist).astype(np.int32),
        np.append(PLAYS.venue, venue).astype(np.int32),
        np.append(PLAYS.at_ms, day * DAY_MS),
        *shape,
    )


def without(artist: int) -> Plays:
    kept = PLAYS.artist != artist
    return Plays(PLAYS.artist[kept], PLAYS.venue[kept], PLAYS.at_ms[kept], *PLAYS.shape)


def dense(c: np.ndarray, fixed: np.ndarray, regularization: float) -> np.ndarray:
    """(Y'CY + lambda I) x = Y'Cp, as in the paper, with every cell written out."""
    weight = np.where(c > 0, c, 1.0)
    left = fixed.T @ (weight[:, None] * fixed) + regularization * np.eye(fixed.shape[1])
    return np.linalg.solve(left, fixed.T @ (weight * (c > 0)))


def test_a_hand_solved_example_comes_out():
    # Venues 1 and 2 (one factor), lambda 1, Y'Y + lambda = 6:
    #   c = 3 at the first:      (6 + 2 * 1) x = 3          x = 3 / 8
    #   c = 3 and 2:             (6 + 2 * 1 + 1 * 4) x = 7  x = 7 / 12
    #   no plays:                x = 0
    confident = csr_matrix(np.array([[3, 0], [3, 2], [0, 0]], np.float32))

    solved = solve(confident, np.array([[1], [2]], np.float32), 1.0)

    assert solved.tolist() == [[np.float32(3 / 8)], [np.float32(7 / 12)], [0]]


def equations(
    seed: int, n_rows: int, n_fixed: int, width: int, *, dense_rows: bool
) -> tuple[csr_matrix, np.ndarray]:
    """Confidences from almost 0 to 10,000, and the other side's vectors."""
    rng = np.random.default_rng(seed)
    fixed = rng.normal(size=(n_fixed, width)).astype(np.float32)
    c = np.exp(rng.uniform(np.log(1e-3), np.log(1e4), (n_rows, n_fixed)))
    held = rng.random((n_rows, n_fixed)) < (0.9 if dense_rows else 0.3)
    return csr_matrix((c * held).astype(np.float32)), fixed


def check_exact(confident: csr_matrix, fixed: np.ndarray, regularization: float) -> None:
    common = Common(gram(fixed), regularization)
    own = regularization * np.linspace(0.5, 3, confident.shape[0])
    for each, ridges in ((None, np.full(len(own), regularization)), (own, own)):
        expected = [
            dense(row, fixed.astype(float), ridge)
            for row, ridge in zip(confident.toarray(), ridges, strict=True)
        ]
        for way, solved in ways(common, confident, fixed, each).items():
            np.testing.assert_allclose(solved, expected, rtol=1e-5, atol=1e-6, err_msg=way)


def ways(
    common: Common, confident: csr_matrix, fixed: np.ndarray, each: np.ndarray | None
) -> dict[str, np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.als.exact.built", lambda: False)
        solved = {"numpy": common.solve(confident, fixed, each)}
    return solved | {isa: common.solve(confident, fixed, each, isa=isa) for isa in _als.isas()}


@given(
    seed=st.integers(0, 2**32),
    n_rows=st.integers(1, 40),
    n_fixed=st.integers(1, 80),
    width=st.integers(1, 40),
    regularization=st.floats(0.1, 100),
)
def test_every_row_is_the_exact_minimum_in_every_way(seed, n_rows, n_fixed, width, regularization):
    confident, fixed = equations(seed, n_rows, n_fixed, width, dense_rows=bool(seed % 2))

    check_exact(confident, fixed, regularization)


@pytest.mark.parametrize("width", [64, 100, 512])
def test_wide_vectors_and_long_rows_are_solved_exactly_too(width):
    confident, fixed = equations(1, 20, 500, width, dense_rows=False)

    check_exact(confident, fixed, 5.0)


def test_a_row_s_bits_do_not_hang_on_its_company():
    confident, fixed = equations(2, 60, 90, 24, dense_rows=False)
    common = Common(gram(fixed), 3.0)

    together = common.solve(confident, fixed)

    for row in range(60):
        assert np.array_equal(common.solve(confident[row], fixed)[0], together[row])


def test_vectors_beyond_all_measure_are_refused_by_name():
    with pytest.raises(InsaneModel, match="too long for their regularization"):
        solve(csr_matrix(np.ones((1, 2), np.float32)), np.full((2, 3), 1e30, np.float32), 1.0)


def test_it_agrees_with_implicit_s_own_recalculation():
    plays, *_ = world(n_plays=3000)
    confident = confidence(plays, NOW, SMALL)
    fixed = np.random.default_rng(1).normal(size=(15, 8)).astype(np.float32)
    with one_thread():
        library = AlternatingLeastSquares(factors=8, regularization=30, alpha=1.0)
        library.item_factors = fixed
        theirs = library.recalculate_user(np.arange(40), confident)

    np.testing.assert_allclose(solve(confident, fixed, 30), theirs, rtol=1e-3, atol=1e-5)


def test_who_is_folded_in_from_the_plays_of_the_fit_stays_where_the_fit_put_them():
    recipe = Recipe(engine="implicit", factors=8, iterations=200)  # all 200 sweeps
    model = fit(PLAYS, ARTISTS, VENUES, NOW, recipe)

    again = folded(model, PLAYS, np.arange(40), np.arange(15))

    np.testing.assert_allclose(again.artists.factors, model.artists.factors, atol=1e-4)
    np.testing.assert_allclose(again.venues.factors, model.venues.factors, atol=1e-4)


def test_a_newcomer_is_ranked_much_as_if_it_had_been_in_the_fit():
    recipe = Recipe(factors=8, iterations=30)
    known = fit(PLAYS, ARTISTS, VENUES, NOW, recipe)
    late = fit(without(0), ARTISTS, VENUES, NOW, recipe)

    result = folded(late, PLAYS, rows(0), NONE)

    theirs = result.venues.factors @ result.artists.factors[0]
    ours = known.venues.factors @ known.artists.factors[0]
    assert np.corrcoef(theirs, ours)[0, 1] > 0.95


def test_only_those_named_change(model):
    plays = with_plays((3, 5, 360), (4, 5, 360))

    result = folded(model, plays, rows(3), rows(5))

    changed = (result.artists.factors != model.artists.factors).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [3]
    changed = (result.venues.factors != model.venues.factors).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [5]


def test_what_the_fit_froze_stays(model):
    plays = with_plays(*[(3, 5, 364)] * 9)

    result = folded(model, plays, rows(3), rows(5))

    assert result.as_of_ms == model.as_of_ms
    for ours, before in ((result.artists, model.artists), (result.venues, model.venues)):
        for name in (
            "bias",
            "yearly",
            "liveness",
            "mean",
            "covariance",
            "popularity_mean",
            "popularity_std",
        ):
            assert np.array_equal(getattr(ours, name), getattr(before, name))


def test_the_model_that_was_given_is_not_changed(model):
    before = model.artists.factors.copy(), model.venues.factors.copy()

    folded(model, with_plays((3, 5, 360)), rows(3), rows(5))

    assert np.array_equal(before[0], model.artists.factors)
    assert np.array_equal(before[1], model.venues.factors)


def test_a_new_venue_gets_its_bias_by_the_fit_s_standards_each_time_it_is_touched(model):
    side = model.venues
    grown = model.aligned(ARTISTS, [*VENUES, "new"])
    first = with_plays((3, 15, 365), shape=(40, 16))
    second = with_plays((3, 15, 365), (4, 15, 365), shape=(40, 16))

    once = folded(grown, first, rows(3), rows(15))
    twice = folded(once, second, rows(4), rows(15))

    elsewhere = np.diff(counts(PLAYS).indptr)[[3, 4]]
    worth = np.cumsum(elsewhere / (elsewhere + 1))
    for result, popular in zip((once, twice), worth, strict=True):
        expected = (np.log1p(popular) - side.popularity_mean) / side.popularity_std
        assert result.venues.bias[15] == pytest.approx(expected, rel=1e-6)
        alive = (0 - side.liveness_mean) / side.liveness_std
        assert result.venues.liveness[15] == pytest.approx(alive, rel=1e-6)
    assert popularities(second, NOW, 60).venues[15] == worth[1]


def test_a_play_after_the_date_of_the_fit_weighs_one(model):
    tomorrow, today = (with_plays((3, 5, day)) for day in (366, 365))

    ours = folded(model, tomorrow, rows(3), NONE)

    assert np.array_equal(ours.artists.factors, folded(model, today, rows(3), NONE).artists.factors)


def test_a_new_artist_at_a_new_venue_are_solved_by_turns_twice_after_those_they_know(model):
    grown = model.aligned([*ARTISTS, "new"], [*VENUES, "new"])
    plays = with_plays((40, 15, 364), (40, 2, 364), (6, 15, 364), shape=(41, 16))
    artists, venues = grown.artists.factors.copy(), grown.venues.factors.copy()
    by_artist = confidence(plays, NOW, SMALL)
    by_venue = confidence(plays.transposed(), NOW, SMALL)
    for turn_artists, turn_venues in (((6, 40), (2, 15)), ((40,), (15,))):
        artists[[*turn_artists]] = solve(by_artist[[*turn_artists]], venues, 30)
        venues[[*turn_venues]] = solve(by_venue[[*turn_venues]], artists, 30)

    result = folded(grown, plays, rows(6, 40), rows(2, 15))

    assert artists[40].any()
    assert venues[15].any()
    assert np.array_equal(result.artists.factors, artists)
    assert np.array_equal(result.venues.factors, venues)


def test_two_newcomers_who_only_met_each_other_have_no_vector_and_are_not_popular_by_it(model):
    grown = model.aligned([*ARTISTS, "new"], [*VENUES, "new"])
    plays = with_plays((40, 15, 365), shape=(41, 16))

    result = folded(grown, plays, rows(40), rows(15))

    assert not result.artists.factors[40].any()
    assert result.venues.bias[15] == grown.venues.bias[15]


def test_who_has_no_plays_left_gets_a_zero_vector(model):
    result = folded(model, without(7), rows(7), NONE)

    assert not result.artists.factors[7].any()


def test_a_row_s_vector_does_not_depend_on_who_is_folded_in_beside_it(model):
    plays = with_plays(*[(a, v, 350) for a, v in np.ndindex(20, 9)])

    together = folded(model, plays, np.arange(40), NONE)

    for row in (0, 19, 39):
        alone = folded(model, plays, rows(row), NONE)
        assert np.array_equal(alone.artists.factors[row], together.artists.factors[row])


def test_a_gram_matrix_formed_in_small_blocks_is_the_same(monkeypatch):
    _, fixed = equations(3, 40, 20, 8, dense_rows=False)
    whole = gram(fixed)
    monkeypatch.setattr("trainer.als.exact._BATCH_BYTES", 1)

    np.testing.assert_allclose(gram(fixed), whole, rtol=1e-12)


def test_nobody_touched_is_nothing_done(model):
    result = folded(model, PLAYS, NONE, NONE)

    assert np.array_equal(result.artists.factors, model.artists.factors)


def test_a_later_row_number_makes_no_rows_of_zeros_in_between_as_partial_fit_users_does(model):
    with one_thread():
        library = AlternatingLeastSquares(factors=8, iterations=1)
        library.fit(csr_matrix(np.ones((3, 4), np.float32)), show_progress=False)
        library.partial_fit_users([7], csr_matrix(np.ones((1, 4), np.float32)))
    assert not library.user_factors[3:7].any()
    assert len(library.user_factors) == 8

    grown = model.aligned([*ARTISTS, "late"], VENUES)
    result = folded(grown, with_plays((40, 2, 364), shape=(41, 15)), rows(40), NONE)

    assert len(result.artists) == 41
    assert result.artists.factors.any(axis=1).all()


def test_columns_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="fixed: 2 rows for 3 columns of confidence"):
        solve(csr_matrix((1, 3), dtype=np.float32), np.zeros((2, 4), np.float32), 1.0)


def test_the_fitted_mark_survives_alignment_and_folding(model):
    grown = model.aligned(["first", *ARTISTS], VENUES)
    shifted = replace(grown, artists=grown.artists)
    plays = Plays(PLAYS.artist + 1, PLAYS.venue, PLAYS.at_ms, 41, 15)

    result = folded(shifted, plays, rows(0, 1), NONE)

    assert result.artists.fitted.tolist() == [False] + [True] * 40
