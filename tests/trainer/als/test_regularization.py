"""A lambda for every row, by the number of its pairs: the same minimum as dense algebra finds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.sparse import csr_matrix

from support.data.als import exact, half, matrices, objective, start
from support.data.gigs import world
from trainer.als import _als
from trainer.als.choose import engine
from trainer.als.engine import Factors
from trainer.als.local import Local
from trainer.als.regularization import ridges
from trainer.errors import EngineMissing
from trainer.model.fit import fit
from trainer.model.foldin import folded
from trainer.model.initial import carried
from trainer.plays.matrix import DAY_MS, confidence
from trainer.recipe import Recipe
from trainer.settings import TrainerSettings

NOW = 365 * DAY_MS
ISAS = _als.isas()
BY_COUNT = Recipe(factors=16, regularization=2, regularization_exponent=1, iterations=20, threads=1)


def both(matrix: csr_matrix, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Lambdas by artist and by venue."""
    return ridges(matrix, recipe), ridges(matrix.T.tocsr(), recipe)


@pytest.mark.parametrize(
    ("exponent", "expected"), [(0, [3, 3, 3]), (0.5, [3 * 2, 3, 3]), (1, [3 * 4, 3, 3])]
)
def test_a_row_s_lambda_grows_with_its_cells_above_zero(exponent, expected):
    matrix = csr_matrix(([9, 0.1, 2, 1, 5, 0], [0, 1, 2, 3, 2, 3], [0, 4, 6, 6]), shape=(3, 4))

    each = ridges(matrix, Recipe(regularization=3, regularization_exponent=exponent))

    assert each.tolist() == expected


@settings(max_examples=60, deadline=None)
@given(
    matrix=matrices(),
    factors=st.integers(1, 140),
    isa=st.sampled_from(ISAS),
    exponent=st.floats(0.01, 1),
)
def test_a_half_step_with_a_lambda_per_row_is_a_dense_float64_solve(matrix, factors, isa, exponent):
    each = ridges(matrix, Recipe(regularization=2, regularization_exponent=exponent))
    drawn = np.random.default_rng(3).normal(scale=0.3, size=(matrix.shape[1], factors))
    venues = drawn.astype(np.float32)

    artists, value = half(matrix, venues, each, isa=isa)
    wanted = exact(matrix, venues, each)

    assert np.abs(artists - wanted).max() <= 1e-4 * max(np.abs(wanted).max(), 1e-3)
    reached = objective(matrix, Factors(wanted, venues), (each, 2.0))
    assert value == pytest.approx(reached, rel=1e-4)


@pytest.mark.parametrize("isa", ISAS)
def test_a_row_too_long_to_be_held_has_its_lambda_too(isa):
    rng = np.random.default_rng(1)
    matrix = csr_matrix(rng.gamma(2.0, 2.0, (3, 5003)).astype(np.float32))
    venues = rng.normal(scale=0.05, size=(5003, 512)).astype(np.float32)
    each = np.array([20.0, 2000.0, 200.0])

    artists, _ = half(matrix, venues, each, isa=isa)
    wanted = exact(matrix, venues, each)

    assert np.abs(artists - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("beta", [0.0, 0.5, 1000.0])
@pytest.mark.parametrize("exponent", [0.3, 1])
def test_the_objective_with_a_lambda_per_row_is_told_and_falls_in_every_sweep(beta, exponent):
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    recipe = BY_COUNT.model_copy(update={"regularization_exponent": exponent})
    told: list[float] = []

    factors = Local(beta=beta, tolerance=0, watch=told.append).fit(
        matrix, start(*matrix.shape, 16), recipe
    )

    assert all(after <= before * (1 + 1e-5) for before, after in pairwise(told))
    reached = objective(matrix, factors, both(matrix, recipe))
    assert told[-1] == pytest.approx(reached, rel=1e-5)


def test_a_converged_fit_is_where_neither_side_can_be_solved_any_lower():
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    recipe = BY_COUNT.model_copy(update={"iterations": 300})

    artists, venues = Local(tolerance=0).fit(matrix, start(*matrix.shape, 16), recipe)

    by_artist, by_venue = both(matrix, recipe)
    np.testing.assert_allclose(artists, exact(matrix, venues, by_artist), atol=1e-3)
    np.testing.assert_allclose(venues, exact(matrix.T.tocsr(), artists, by_venue), atol=1e-3)


def test_who_is_folded_in_has_the_lambda_of_its_own_pairs():
    plays, artists, venues = world(n_plays=3000)
    model = fit(plays, artists, venues, NOW, BY_COUNT)
    matrix = confidence(plays, NOW, BY_COUNT)

    again = folded(model, plays, np.array([3, 8]), np.array([], np.int32))

    wanted = exact(matrix, model.venues.factors, ridges(matrix, BY_COUNT))[[3, 8]]
    np.testing.assert_allclose(again.artists.factors[[3, 8]], wanted, rtol=1e-4, atol=1e-6)


def test_a_new_venue_of_a_warm_fit_begins_with_the_lambda_of_its_own_pairs():
    matrix = confidence(world(n_plays=3000)[0], NOW, BY_COUNT)
    drawn = start(*matrix.shape, 16)
    earlier = Factors(drawn.artists * 50, drawn.venues.copy())
    earlier.venues[4] = 0

    grown = carried(earlier, drawn.venues, matrix, BY_COUNT)

    transposed = matrix.T.tocsr()
    wanted = exact(transposed, earlier.artists, ridges(transposed, BY_COUNT))[4]
    np.testing.assert_allclose(grown.venues[4], wanted, rtol=1e-4, atol=1e-6)


def test_implicit_refuses_a_lambda_per_row_by_name():
    matrix = confidence(world()[0], NOW, Recipe())

    with pytest.raises(ValueError, match=r"regularization_exponent: .*use 'local', or exponent 0"):
        engine("implicit").fit(matrix, start(*matrix.shape, 16), BY_COUNT)
    with pytest.raises(ValidationError, match="regularization_exponent"):
        TrainerSettings(engine="implicit", regularization_exponent=0.5)
    assert TrainerSettings(engine="implicit").recipe().regularization_exponent == 0


@pytest.mark.parametrize("exponent", [-0.1, 1.1, float("nan")])
def test_an_exponent_outside_0_to_1_is_refused_by_name(exponent):
    with pytest.raises(ValidationError, match="regularization_exponent"):
        Recipe(regularization_exponent=exponent)


def test_without_the_kernel_a_lambda_per_row_asks_for_it_instead_of_passing_to_implicit(
    monkeypatch,
):
    monkeypatch.setattr("trainer.als.choose.built", lambda: False)
    monkeypatch.setattr("trainer.settings.usable", lambda _: "implicit")
    recipe = TrainerSettings(regularization_exponent=1).recipe()

    with pytest.raises(EngineMissing, match="'local' was not built here"):
        engine(recipe.engine)
