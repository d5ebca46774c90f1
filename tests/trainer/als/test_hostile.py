"""Whatever matrix comes: the vectors of a dense float64 solve to 1e-4, or a refusal by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from support.data.als import descended, exact, half, objective, start
from trainer.als import _als
from trainer.als.local import Local
from trainer.als.regularization import ridges
from trainer.errors import TooLarge
from trainer.model.fit import fit
from trainer.plays.matrix import DAY_MS, Plays, confidence
from trainer.recipe import Recipe

NOW = 365 * DAY_MS
ISAS = _als.isas()
DIGITS = 1e-4
NOTHING = 1e-15
"""Vectors shorter than this are as good as zero: confidences of 1e-15 lead there."""

confidences = st.one_of(
    st.sampled_from([0.0, 1e-12, 1e-6, 1e-3, 0.999, 1.0, 1.001, 40.0, 100.0, 101.0, 1e4]),
    st.floats(0, 50, width=32),
)


@st.composite
def matrices(draw):
    """Of any shape from one by one, rows and columns empty or full, a few confidences in all."""
    shape = draw(st.sampled_from([(1, 1), (1, 40), (40, 1), (7, 9), (30, 100)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = np.array(draw(st.lists(confidences, min_size=1, max_size=4)), np.float32)
    cells = rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.6, 1.0]))
    cells &= (rng.random((shape[0], 1)) < 0.8) & (rng.random(shape[1]) < 0.8)
    row, column = np.nonzero(cells)
    # Zeros are stored: a pair that has played, whose confidence is 0.
    return csr_matrix((rng.choice(values, len(row)), (row, column)), shape=shape)


def cancelled(matrix: csr_matrix, venues: np.ndarray) -> np.ndarray:
    """By row, how far its right side is below a hundredth of what it adds up without signs."""
    signed = np.abs(matrix.astype(float) @ venues).max(axis=1, initial=NOTHING**2)
    unsigned = (matrix.astype(float) @ np.abs(venues)).max(axis=1, initial=NOTHING**2)
    return np.maximum(1, unsigned / signed / 100)


@settings(max_examples=150, deadline=None)
@given(
    matrix=matrices(),
    factors=st.integers(1, 70),
    length=st.sampled_from([1e-3, 0.1, 0.3]),
    penalty=st.sampled_from([0.3, 2.0, 30.0]),
    exponent=st.sampled_from([0.0, 1.0]),
    isa=st.sampled_from(ISAS),
)
def test_a_half_step_on_any_shape_is_a_dense_float64_solve(
    *, matrix, factors, length, penalty, exponent, isa
):
    drawn = np.random.default_rng(3).normal(scale=length, size=(matrix.shape[1], factors))
    venues = drawn.astype(np.float32)
    recipe = Recipe(regularization=penalty, regularization_exponent=exponent)
    each = ridges(matrix, recipe) if exponent else penalty

    few = 16 if matrix.data.max(initial=0) <= 100 else 0  # as a fit does
    artists, _ = half(matrix, venues, each, isa=isa, steps=1000, few=few)
    wanted = exact(matrix, venues, each)

    # Row by row: a long vector hides nothing of a short one's error.
    error = np.abs(artists - wanted).max(axis=1, initial=0)
    allowed = DIGITS * np.abs(wanted).max(axis=1, initial=0) * cancelled(matrix, venues)
    assert (error <= allowed + NOTHING).all()


@settings(max_examples=40, deadline=None)
@given(
    matrix=matrices(),
    factors=st.integers(1, 20),
    penalty=st.sampled_from([0.1, 2.0, 30.0]),
    exponent=st.sampled_from([0.0, 1.0]),
    isa=st.sampled_from(ISAS),
)
def test_a_fit_of_any_shape_ends_no_higher_than_dense_float64_sweeps(
    *, matrix, factors, penalty, exponent, isa
):
    recipe = Recipe(
        factors=factors, regularization=penalty, regularization_exponent=exponent, iterations=15,
        threads=1,
    )  # fmt: skip
    unsolved, each = start(*matrix.shape, factors), ridges(matrix, recipe)
    penalties = each, ridges(matrix.T.tocsr(), recipe)

    ours = Local(isa=isa, tolerance=0).fit(matrix, unsolved, recipe)

    anchor = objective(matrix, descended(matrix, unsolved, penalties, 15), penalties)
    assert objective(matrix, ours, penalties) <= anchor * (1 + DIGITS) + NOTHING
    for side, cells in zip(ours, (matrix, matrix.T.tocsr()), strict=True):
        assert np.isfinite(side).all()
        assert not side[np.diff(cells.indptr) == 0].any()


@settings(max_examples=40, deadline=None)
@given(data=st.data(), exponent=st.sampled_from([0.0, 0.5]))
def test_cells_of_the_same_pair_add_up_and_their_order_is_nothing(data, exponent):
    matrix = data.draw(matrices())
    cells = matrix.tocoo()
    order = np.array(data.draw(st.permutations(range(min(matrix.nnz, 30)))), int)
    order = np.append(order, np.arange(len(order), matrix.nnz))
    half_each = np.append(order, order)
    row = cells.row[half_each]
    by_row = np.argsort(row, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=matrix.shape[0]))])
    shuffled = csr_matrix(
        (cells.data[half_each][by_row] / 2, cells.col[half_each][by_row], indptr),
        shape=matrix.shape,
    )
    recipe = Recipe(factors=3, iterations=4, regularization_exponent=exponent, threads=1)
    unsolved = start(*matrix.shape, 3)

    once, again = (Local().fit(each, unsolved, recipe) for each in (matrix, shuffled))

    for ours, theirs in zip(again, once, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    assert shuffled.nnz == 2 * matrix.nnz  # it was borrowed


@settings(max_examples=40, deadline=None)
@given(
    artists=st.lists(st.text(), unique=True, min_size=1, max_size=9),
    venues=st.lists(st.text(), unique=True, min_size=1, max_size=5),
    days=st.lists(st.sampled_from([0, 364, 365, 400, -20_000]), min_size=1, max_size=30),
    seed=st.integers(0, 2**32),
)
def test_ids_of_any_unicode_and_gigs_of_any_day_are_fitted_in_any_order(
    artists, venues, days, seed
):
    rng = np.random.default_rng(seed)
    who, where = (rng.integers(0, len(ids), len(days)) for ids in (artists, venues))
    plays = Plays(
        who.astype(np.int32), where.astype(np.int32), np.array(days) * DAY_MS,
        len(artists), len(venues),
    )  # fmt: skip
    transposed = Plays(
        np.int32(len(artists) - 1) - plays.artist, plays.venue, plays.at_ms, *plays.shape
    )
    recipe = Recipe(factors=4, iterations=15, regularization=1, threads=1)

    model = fit(plays, artists, venues, NOW, recipe)
    other = fit(transposed, artists[::-1], venues, NOW, recipe).aligned(artists, venues)

    assert np.array_equal(model.artists.factors, other.artists.factors)
    matrix = confidence(plays, NOW, recipe)
    wanted = exact(matrix.T.tocsr(), model.artists.factors, 1.0)
    assert np.isfinite(model.venues.factors).all()
    np.testing.assert_allclose(model.venues.factors, wanted, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 2e4, -3e38])
def test_what_is_not_finite_or_too_large_is_refused_by_name(wrong):
    matrix = csr_matrix(np.full((3, 2), 2, np.float32))
    matrix.data[4] = wrong
    unsolved = start(3, 2, 4)

    said = rf"{np.float32(wrong)} at {{}}; give finite numbers up to 10000".replace("+38", r"\+38")
    with pytest.raises(ValueError, match="confidence: " + said.format(4)):
        Local().fit(matrix, unsolved, Recipe(factors=4))
    matrix.data[4] = 2
    unsolved.venues[1, 0] = wrong
    with pytest.raises(ValueError, match=r"start\.venues: " + said.format(4)):
        Local().fit(matrix, unsolved, Recipe(factors=4))


def test_a_negative_confidence_and_too_many_factors_are_refused_by_name():
    with pytest.raises(ValueError, match="confidence: negative"):
        Local().fit(csr_matrix(-np.ones((2, 2), np.float32)), start(2, 2, 4), Recipe(factors=4))
    with pytest.raises(ValueError, match="factors: at most 512"):
        Local().fit(csr_matrix(np.ones((2, 2), np.float32)), start(2, 2, 513), Recipe())


def test_more_rows_or_cells_than_32_bits_number_are_refused_by_name():
    wide = csr_matrix((1, 2**31), dtype=np.float32)
    with pytest.raises(TooLarge, match="2147483648"):
        Local().fit(wide, start(1, 1, 4), Recipe(factors=4))

    full = csr_matrix((1, 1), dtype=np.float32)
    full.indptr = np.array([0, 2**31], np.int64)  # as a matrix of 24 GB would have it
    with pytest.raises(TooLarge, match="2147483648"):
        Local().fit(full, start(1, 1, 4), Recipe(factors=4))


def test_a_fit_solves_steep_rows_exactly_beside_ordinary_ones_of_a_large_side():
    # Sides as large are gathered as bf16 where nothing is steep; three steps would solve the steep
    # venue to 2e-2, and bf16 all others to 1e-3.
    rng = np.random.default_rng(1)
    cells = (rng.random((9000, 40)) < 0.002) * rng.uniform(1, 20, (9000, 40))
    cells[rng.choice(9000, 60, replace=False), 0] = 1e4
    matrix = csr_matrix(cells.astype(np.float32))
    recipe = Recipe(factors=64, regularization=30, iterations=6)

    artists, venues = Local(tolerance=0).fit(matrix, start(*matrix.shape, 64), recipe)

    wanted = exact(matrix.T.tocsr(), artists, 30.0)
    assert (np.abs(venues - wanted).max(axis=1) <= DIGITS * np.abs(wanted).max(axis=1)).all()
