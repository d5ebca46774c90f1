"""Our own engine solves the objective: against dense algebra, on any shape, to any bit."""

import logging
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from support.data.als import exact, half, matrices, objective, start
from support.data.gigs import SMALL, world
from trainer.als import _als, local
from trainer.als.choose import engine
from trainer.als.engine import Factors
from trainer.als.half_step import SLACK
from trainer.als.local import Local
from trainer.als.reorder import relabelled
from trainer.errors import EngineMissing
from trainer.model.fit import fit
from trainer.plays.matrix import DAY_MS, Plays, confidence
from trainer.recipe import Recipe, built
from trainer.settings import TrainerSettings

NOW = 365 * DAY_MS
ISAS = _als.isas()


@settings(max_examples=60, deadline=None)
@given(
    matrix=matrices(),
    factors=st.integers(1, 140),
    isa=st.sampled_from(ISAS),
    groups=st.integers(1, 5),
)
def test_a_half_step_is_a_dense_float64_solve(matrix, factors, isa, groups):
    drawn = np.random.default_rng(3).normal(scale=0.3, size=(matrix.shape[1], factors))
    venues = drawn.astype(np.float32)

    artists, value = half(matrix, venues, 2.0, isa=isa, groups=groups)
    wanted = exact(matrix, venues, 2.0)

    assert np.abs(artists - wanted).max() <= 1e-4 * max(np.abs(wanted).max(), 1e-3)
    assert value == pytest.approx(objective(matrix, Factors(wanted, venues), 2.0), rel=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    matrix=matrices(),
    factors=st.sampled_from([3, 64, 109, 200]),
    isa=st.sampled_from(ISAS),
    per_row=st.booleans(),
    groups=st.integers(1, 5),
)
def test_rows_of_few_cells_are_exact_without_a_start_or_a_step(
    matrix, factors, isa, per_row, groups
):
    matrix.data = np.minimum(matrix.data, 100)
    drawn = np.random.default_rng(3).normal(scale=0.3, size=(matrix.shape[1], factors))
    venues = drawn.astype(np.float32)
    penalty = np.linspace(1, 40, matrix.shape[0]) if per_row else 2.0

    artists, _ = half(matrix, venues, penalty, isa=isa, steps=0, few=16, groups=groups)
    wanted = exact(matrix, venues, penalty)

    few = np.diff(matrix.indptr) <= 16
    assume(few.any())
    error = np.abs(artists - wanted).max(axis=1)
    assert (error[few] <= 1e-4 * np.abs(wanted[few]).max(axis=1)).all()
    assert not artists[~few].any()  # they had neither
    rows = matrix[few]
    _, value = half(rows, venues, penalty[few] if per_row else 2.0, isa=isa, steps=0, few=16)
    weights = (penalty[few], 2.0) if per_row else 2.0
    assert value == pytest.approx(objective(rows, Factors(wanted[few], venues), weights), rel=1e-4)


@pytest.mark.parametrize("isa", ISAS)
def test_rows_of_few_cells_beside_longer_ones_are_exact_too(isa):
    rng = np.random.default_rng(2)
    lengths = rng.integers(0, 25, 2000)
    matrix = np.zeros((len(lengths), 40), np.float32)
    for row, length in zip(matrix, lengths, strict=True):
        row[rng.permutation(40)[:length]] = rng.gamma(2.0, 2.0, length)
    venues = rng.normal(scale=0.3, size=(40, 8)).astype(np.float32)

    artists, _ = half(csr_matrix(matrix), venues, 2.0, isa=isa, steps=0, few=16, groups=9)

    few = lengths <= 16
    assert artists[few] == pytest.approx(exact(csr_matrix(matrix[few]), venues, 2.0), abs=1e-5)
    assert not artists[~few].any()  # they had no start and no step


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("factors", [8, 64, 96, 192, 256, 384, 512])
def test_every_compiled_width_is_exact_for_every_instruction_set(factors, isa):
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    venues = start(*matrix.shape, factors).venues * 50

    artists, _ = half(matrix, venues, 2.0, isa=isa)
    wanted = exact(matrix, venues, 2.0)

    assert np.abs(artists - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("isa", ISAS)
def test_a_row_too_long_to_be_held_is_gathered_in_every_pass(isa):
    # 512 factors: more than 4096 cells are not held.
    rng = np.random.default_rng(1)
    matrix = csr_matrix(rng.gamma(2.0, 2.0, (3, 5003)).astype(np.float32))
    venues = rng.normal(scale=0.05, size=(5003, 512)).astype(np.float32)

    artists, value = half(matrix, venues, 20.0, isa=isa)
    wanted = exact(matrix, venues, 20.0)

    assert np.abs(artists - wanted).max() <= 1e-4 * np.abs(wanted).max()
    assert value == pytest.approx(objective(matrix, Factors(wanted, venues), 20.0), rel=1e-4)


@pytest.mark.parametrize("isa", ISAS)
def test_bf16_is_as_near_as_its_eight_bits(isa):
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    venues = start(*matrix.shape, 64).venues * 50

    artists, value = half(matrix, venues, 2.0, isa=isa, packed=True)
    wanted = exact(matrix, venues, 2.0)

    assert np.abs(artists - wanted).max() <= 1e-2 * np.abs(wanted).max()
    assert value == pytest.approx(objective(matrix, Factors(wanted, venues), 2.0), rel=5e-3)


@pytest.mark.parametrize("factors", [32, 64, 128, 256, 512])
@pytest.mark.parametrize("few", [0, 16])
@pytest.mark.parametrize("per_row", [False, True])
def test_products_of_bf16_lose_little_beside_what_bf16_vectors_lost(factors, few, per_row):
    matrix = confidence(world(n_plays=6000)[0], NOW, Recipe())
    venues = start(*matrix.shape, factors).venues * 50
    penalty = np.linspace(2, 4, matrix.shape[0]) if per_row else 2.0

    wanted = exact(matrix, venues, penalty)

    def off(isa):
        artists, _ = half(matrix, venues, penalty, isa=isa, packed=True, few=few)
        return np.linalg.norm(artists - wanted)

    first, *others = map(off, ISAS)
    assert max(others) <= 1.25 * first


def test_all_instruction_sets_fit_the_same_model():
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    recipe = Recipe(factors=24, regularization=5, iterations=6)
    fits = [Local(isa=isa).fit(matrix, start(*matrix.shape, 24), recipe) for isa in ISAS]

    for other in fits[1:]:
        np.testing.assert_allclose(
            other.artists @ other.venues.T, fits[0].artists @ fits[0].venues.T, atol=1e-3
        )


@pytest.mark.parametrize("isa", ISAS)
def test_an_artist_without_plays_gets_zeros_even_from_a_start_that_is_none(isa):
    matrix = csr_matrix(np.array([[3, 0, 2], [0, 0, 0]], np.float32))

    factors = Local(isa=isa).fit(matrix, start(2, 3, 5), Recipe(factors=5, regularization=0.1))

    assert factors.artists[0].any()
    assert not factors.artists[1].any()
    assert not factors.venues[1].any()


def test_a_hand_solved_example_comes_out():
    # See test_engines.py.
    y = np.sqrt(np.sqrt(1.5) - 0.25)
    matrix = csr_matrix(np.full((3, 2), 2, np.float32))

    recipe = Recipe(factors=1, regularization=1, iterations=100)
    factors = Local(tolerance=0).fit(matrix, start(3, 2, 1), recipe)

    np.testing.assert_allclose(np.abs(factors.artists), y * np.sqrt(2 / 3), rtol=1e-5)
    np.testing.assert_allclose(np.abs(factors.venues), y, rtol=1e-5)


@pytest.mark.parametrize("penalty", [0.5, 5.0, 30.0])
def test_it_ends_no_higher_than_implicit_at_the_same_confidences(penalty):
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    recipe = Recipe(factors=16, regularization=penalty)
    unsolved = start(*matrix.shape, 16)
    ours, theirs = (engine(name).fit(matrix, unsolved, recipe) for name in ("local", "implicit"))

    reached, anchor = (objective(matrix, factors, penalty) for factors in (ours, theirs))
    assert reached <= anchor * (1 + 1e-3)


@pytest.mark.parametrize("beta", [0.0, 0.5, 5.0, 1000.0])
def test_the_objective_falls_in_every_sweep_however_far_a_leap_goes(beta):
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    told: list[float] = []
    recipe = Recipe(factors=16, regularization=5, iterations=20)

    factors = Local(beta=beta, tolerance=0, watch=told.append).fit(
        matrix, start(*matrix.shape, 16), recipe
    )

    assert len(told) == 20
    # The objective comes from float32 sums, which vary by some 1e-6 near the minimum.
    assert all(after <= before * (1 + 1e-5) for before, after in pairwise(told))
    assert told[-1] == pytest.approx(objective(matrix, factors, 5), rel=1e-5)


def test_a_leap_reaches_in_fewer_sweeps_what_plain_sweeps_do():
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    recipe = Recipe(factors=8, regularization=1, iterations=12)
    told: dict[float, list[float]] = {0.0: [], 0.5: []}
    for beta, values in told.items():
        Local(beta=beta, tolerance=0, watch=values.append).fit(
            matrix, start(*matrix.shape, 8), recipe
        )

    assert told[0.5][8] < told[0.0][8]


def test_a_fit_under_strong_regularisation_does_not_end_near_the_zeros_it_starts_from():
    # Less than 1 % is explained in the end: beside the objective, its sweeps gain nearly nothing.
    matrix = confidence(world(400, 60, 8000)[0], NOW, Recipe())
    penalty = 0.9 * np.linalg.norm(matrix.toarray(), 2)
    recipe = Recipe(factors=8, regularization=penalty, threads=1)
    unsolved = start(*matrix.shape, 8)
    ours, theirs = (engine(name).fit(matrix, unsolved, recipe) for name in ("local", "implicit"))

    reached, anchor = (objective(matrix, factors, penalty) for factors in (ours, theirs))
    assert reached <= anchor


def test_a_fit_ends_when_a_sweep_gains_too_little():
    matrix = confidence(world()[0], NOW, Recipe())
    told: list[float] = []
    recipe = Recipe(factors=8, regularization=5, iterations=500)

    Local(tolerance=1e-3, watch=told.append).fit(matrix, start(*matrix.shape, 8), recipe)

    assert 2 < len(told) < 50
    assert told[-2] - told[-1] < 1e-3 * told[-1]
    assert told[-3] - told[-2] >= 1e-3 * told[-2]


def outgrow_the_caches(monkeypatch):
    """Sides are packed, and rows come in groups."""
    monkeypatch.setattr(local, "CACHED_BYTES", 0)
    monkeypatch.setattr(local, "GROUP_BYTES", 2**9)
    monkeypatch.setattr(local, "GROUP_ROWS", 2)


def test_a_fit_in_groups_ends_no_higher_than_one_without(monkeypatch):
    outgrow_the_caches(monkeypatch)
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    unsolved, recipe = start(*matrix.shape, 16), Recipe(factors=16, regularization=5)
    grouped = Local().fit(matrix, unsolved, recipe)
    monkeypatch.setattr(local, "GROUP_ROWS", 10**9)

    plain = Local().fit(matrix, unsolved, recipe)

    assert not np.array_equal(grouped.artists, plain.artists)
    assert objective(matrix, grouped, 5) <= 1.001 * objective(matrix, plain, 5)


def test_rows_that_share_columns_become_neighbours():
    # Four scenes, their artists and venues dealt out in turn; one gig in ten is elsewhere.
    rng = np.random.default_rng(1)
    scene = np.where(rng.random(8000) < 0.1, rng.integers(0, 4, 8000), np.arange(8000) % 4)
    artist, venue = rng.integers(0, 100, 8000) * 4 + np.arange(8000) % 4, rng.integers(0, 20, 8000)
    matrix = csr_matrix((np.ones(8000, np.float32), (artist, venue * 4 + scene)), shape=(400, 80))

    for groups, alike in ((1, range(150)), (4, range(370, 400))):
        made = relabelled(matrix, 2, groups)
        assert np.count_nonzero(np.diff(made.artist_order % 4) == 0) in alike
        assert sorted(made.venue_order) == list(range(80))
        dense = matrix.toarray()[made.artist_order][:, made.venue_order]
        cells = made.artists
        same = csr_matrix((cells.confidence[:-SLACK], cells.column, cells.indptr), dense.shape)
        np.testing.assert_array_equal(same.toarray(), dense)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("grouped", [False, True])
def test_neither_threads_nor_repeats_change_a_bit(isa, grouped, monkeypatch):
    if grouped:
        outgrow_the_caches(monkeypatch)
    matrix = confidence(world(n_plays=3000)[0], NOW, Recipe())
    fits = [
        Local(isa=isa).fit(matrix, start(*matrix.shape, 64), Recipe(threads=threads))
        for threads in (1, 1, 2, 5)
    ]

    for other in fits[1:]:
        assert np.array_equal(other.artists, fits[0].artists)
        assert np.array_equal(other.venues, fits[0].venues)


def test_neither_row_numbers_nor_the_order_of_plays_change_a_bit_of_a_fit():
    plays, artists, venues = world()
    rng = np.random.default_rng(1)
    artist_order, venue_order = rng.permutation(len(artists)), rng.permutation(len(venues))
    order = rng.permutation(len(plays))
    moved = Plays(
        np.argsort(artist_order).astype(np.int32)[plays.artist][order],
        np.argsort(venue_order).astype(np.int32)[plays.venue][order],
        plays.at_ms[order],
        *plays.shape,
    )
    recipe = SMALL.model_copy(update={"engine": "local"})
    ids = [artists[row] for row in artist_order], [venues[row] for row in venue_order]

    model = fit(moved, *ids, NOW, recipe).aligned(artists, venues)
    same = fit(plays, artists, venues, NOW, recipe)

    assert np.array_equal(model.artists.factors, same.artists.factors)
    assert np.array_equal(model.venues.factors, same.venues.factors)


def test_neither_the_matrix_nor_the_start_is_changed():
    matrix = confidence(world()[0], NOW, Recipe())
    unsolved = start(*matrix.shape, 8)
    before = [matrix.data.copy(), matrix.indices.copy(), *(side.copy() for side in unsolved)]

    Local().fit(matrix, unsolved, Recipe(factors=8))

    assert all(map(np.array_equal, before, [matrix.data, matrix.indices, *unsolved]))


def test_columns_out_of_range_never_reach_the_kernel():
    matrix = csr_matrix(np.ones((2, 2), np.float32))
    matrix.indices[3] = 7

    with pytest.raises(ValueError, match=r"out of range|same|broadcast"):
        Local().fit(matrix, start(2, 2, 4), Recipe(factors=4))


@pytest.fixture
def unbuilt(monkeypatch):
    """An install without compiled code."""
    monkeypatch.setitem(sys.modules, "trainer.als._als", None)
    built.cache_clear()
    yield
    built.cache_clear()


def test_without_the_kernel_the_trainer_takes_implicit_and_says_so_once(unbuilt, caplog):
    caplog.set_level(logging.WARNING)

    recipes = [TrainerSettings().recipe() for _ in range(3)]

    assert {recipe.engine for recipe in recipes} == {"implicit"}
    assert recipes[0] == recipes[1]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Install a C++ compiler and reinstall gigstream" in caplog.text


def test_with_the_kernel_the_trainer_s_recipe_names_it():
    assert TrainerSettings().recipe().engine == "local"
    assert TrainerSettings(engine="implicit").recipe().engine == "implicit"


def test_a_recipe_that_asks_for_a_kernel_that_is_not_there_is_refused(unbuilt):
    with pytest.raises(EngineMissing, match="'local' was not built here"):
        engine("local")
