"""Engines solve the objective, and implicit's traps stay inside the library."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from support.data.als import objective, start
from support.data.gigs import world
from trainer.als.choose import engine
from trainer.als.engine import Factors
from trainer.als.runtime import one_thread
from trainer.plays.matrix import DAY_MS, confidence
from trainer.recipe import Recipe

NOW = 365 * DAY_MS


def fitted(matrix: csr_matrix, recipe: Recipe) -> Factors:
    return engine("implicit").fit(matrix, start(*matrix.shape, recipe.factors), recipe)


def test_a_checkerboard_is_learnt():
    board = np.indices((20, 20)).sum(axis=0) % 2
    matrix = csr_matrix(board.astype(np.float32) * 10)

    factors = fitted(matrix, Recipe(factors=3, regularization=0.01, iterations=20))

    assert np.abs(factors.artists @ factors.venues.T - board).max() < 0.05


def test_a_hand_solved_example_comes_out():
    # One factor; by symmetry x = y for all. Artists 0, 1, 2 at venues 0, 1; all played, c = 2:
    # artists minimise 2 venues * 2 (1 - xy)**2 + x**2, so x = 4 y / (4 y**2 + 1);
    # the same for venues with 3 artists: y = 6 x / (6 x**2 + 1). From both: x**2 = y**2 * 2 / 3 and
    # 4 y**2 + 1 = 4 y / x = 4 sqrt(3 / 2), hence y**2 = sqrt(3 / 2) - 1 / 4.
    matrix = csr_matrix(np.full((3, 2), 2, np.float32))
    y = np.sqrt(np.sqrt(1.5) - 0.25)
    x = y * np.sqrt(2 / 3)

    factors = fitted(matrix, Recipe(factors=1, regularization=1, iterations=100))

    np.testing.assert_allclose(np.abs(factors.artists), x, rtol=1e-5)
    np.testing.assert_allclose(np.abs(factors.venues), y, rtol=1e-5)


def test_every_sweep_lowers_the_objective():
    matrix = confidence(world()[0], NOW, Recipe())
    values = [
        objective(matrix, fitted(matrix, Recipe(factors=8, regularization=5, iterations=n)), 5)
        for n in (1, 2, 4, 8)
    ]

    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


def test_confidence_is_not_multiplied_by_alpha_once_more():
    matrix = confidence(world()[0], NOW, Recipe())
    ours = fitted(matrix, Recipe(factors=8, alpha=10))

    assert np.array_equal(ours.venues, fitted(matrix, Recipe(factors=8, alpha=3)).venues)


def test_the_library_s_object_goes_on_from_old_factors_and_our_engine_never_does():
    # Where the matrix has grown or shrunk in between, those factors are read past their end: the
    # process dies, or NaNs come out, or nothing shows. The same shape shows it without the harm.
    matrix = confidence(world()[0], NOW, Recipe())
    with one_thread():
        library = AlternatingLeastSquares(factors=8, iterations=1, random_state=1)
        library.fit(matrix, show_progress=False)
        first = library.item_factors.copy()
        library.fit(matrix, show_progress=False)
    assert not np.array_equal(first, library.item_factors)

    ours, recipe = engine("implicit"), Recipe(factors=8, iterations=1)
    begun = start(*matrix.shape, 8)
    once, again = (ours.fit(matrix, begun, recipe) for _ in range(2))
    assert np.array_equal(once.venues, again.venues)


def test_a_matrix_that_has_grown_is_fitted_whole():
    ours, recipe = engine("implicit"), Recipe(factors=2)
    small, large = (csr_matrix(np.ones((n, n - 1), np.float32)) for n in (40, 500))

    ours.fit(small, start(40, 39, 2), recipe)
    grown = ours.fit(large, start(500, 499, 2), recipe)

    assert (grown.artists.shape, grown.venues.shape) == ((500, 2), (499, 2))
    assert np.array_equal(grown.artists, fitted(large, recipe).artists)


def test_the_start_is_not_changed():
    matrix = confidence(world()[0], NOW, Recipe())
    given = start(*matrix.shape, 8)
    copies = [side.copy() for side in given]

    engine("implicit").fit(matrix, given, Recipe(factors=8))

    assert all(map(np.array_equal, given, copies))


def test_the_number_of_threads_changes_no_bit():
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    one, four = (fitted(matrix, Recipe(factors=64, threads=n)) for n in (1, 4))

    assert np.array_equal(one.artists, four.artists)
    assert np.array_equal(one.venues, four.venues)


def test_an_unknown_engine_is_named_with_those_that_exist():
    with pytest.raises(
        ValueError, match="engine: 'spork' is unknown; use 'local', 'implicit' or 'spark'"
    ):
        engine("spork")
