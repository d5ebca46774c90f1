"""Top-N is exact: what sorting all scores gives, with ties to the lower column and no fillers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from trainer.als import _als
from trainer.als.runtime import one_thread
from trainer.errors import InsaneModel
from trainer.ranking.score import LinearScore
from trainer.ranking.topn import top_n

WAYS = ("kernel", "numpy")


@pytest.fixture(autouse=True, params=WAYS)
def way(request, monkeypatch):
    """By the kernel, and as where it was not built: the same results."""
    monkeypatch.setattr("trainer.ranking.topn.built", lambda: request.param == "kernel")


def linear(rows, cols, bias=None, shift=None, additions=None) -> LinearScore:
    rows, cols = np.asarray(rows, np.float32), np.asarray(cols, np.float32)
    bias = np.zeros(len(cols)) if bias is None else bias
    shift = np.zeros(len(rows)) if shift is None else shift
    return LinearScore(
        rows, cols, np.asarray(bias, np.float32), np.asarray(shift, np.float32), additions
    )


def ranked(values) -> LinearScore:
    """One row whose scores are these values."""
    return linear(np.zeros((1, 0)), np.zeros((len(values), 0)), values)


def by_sorting(score: LinearScore, n: int, exclude: np.ndarray) -> tuple[list, list]:
    """The oracle: every score in float64, rounded to float32, all of them sorted."""
    exact = score.rows.astype(float) @ score.cols.astype(float).T + score.bias
    if score.additions is not None:
        exact = exact + score.additions.toarray()
    exact = (exact + score.shift[:, None]).astype(np.float32)
    cols, scores = [], []
    for values, hidden in zip(exact, exclude, strict=True):
        best = sorted(np.flatnonzero(~hidden).tolist(), key=lambda c: (-values[c], c))[:n]
        cols.append(best + [-1] * (n - len(best)))
        scores.append([float(values[c]) for c in best])
    return cols, scores


def found(score: LinearScore, n: int, exclude: csr_matrix | None = None) -> tuple[list, list]:
    best = top_n(score, n, exclude)
    kept = [scores[cols >= 0].tolist() for cols, scores in zip(best.cols, best.scores, strict=True)]
    assert np.isnan(best.scores[best.cols < 0]).all()
    return best.cols.tolist(), kept


@st.composite
def cases(draw):
    """Small integers, so that most scores tie; sometimes a third of everything is excluded."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_rows, n_cols, width = (draw(st.integers(*limits)) for limits in ((1, 5), (1, 40), (0, 4)))
    small = draw(st.integers(0, 3))
    added = rng.integers(-2, 3, (n_rows, n_cols)) * (rng.random((n_rows, n_cols)) < 0.3)
    score = linear(
        rng.integers(-small, small + 1, (n_rows, width)),
        rng.integers(-small, small + 1, (n_cols, width)),
        rng.integers(-small, small + 1, n_cols),
        rng.integers(-3, 3, n_rows),
        csr_matrix(added.astype(np.float32)) if draw(st.booleans()) else None,
    )
    hidden = rng.random((n_rows, n_cols)) < draw(st.sampled_from([0, 0.3, 1]))
    return score, draw(st.integers(1, 45)), hidden


@given(case=cases())
def test_it_is_what_sorting_everything_gives(case):
    score, n, hidden = case

    assert found(score, n, csr_matrix(hidden)) == by_sorting(score, n, hidden)


@given(seed=st.integers(0, 2**32), n=st.integers(1, 60))
def test_it_is_what_sorting_gives_for_real_valued_factors_of_which_some_are_equal(seed, n):
    rng = np.random.default_rng(seed)
    cols = rng.normal(size=(50, 64))[rng.integers(0, 50, 300)]
    bias = rng.normal(size=300) if seed % 2 else np.zeros(300)
    score = linear(rng.normal(size=(7, 64)), cols, bias, rng.normal(size=7))

    ours, theirs = found(score, n), by_sorting(score, n, np.zeros((7, 300), bool))

    for our_scores, their_scores in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(our_scores, their_scores, rtol=1e-6)
    for row, columns in enumerate(ours[0]):
        for one, next_one in pairwise(columns):
            if np.array_equal(cols[one], cols[next_one]) and bias[one] == bias[next_one]:
                assert one < next_one, (row, columns)


@st.composite
def wide_cases(draw):
    """Enough columns that the first of them are looked at for a floor; vectors of all lengths."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_rows, n_cols, width = (draw(st.integers(*limits)) for limits in ((1, 30), (250, 900), (0, 9)))
    spread = draw(st.sampled_from([0, 3]))
    lengths = 10.0 ** rng.uniform(-spread, spread, n_cols)
    cols = rng.integers(-2, 3, (n_cols, width)) * lengths[:, None]
    bias = rng.integers(-2, 3, n_cols) * draw(st.sampled_from([0.0, 1.0, 1000.0]))
    added = rng.integers(-2, 3, (n_rows, n_cols)) * (rng.random((n_rows, n_cols)) < 0.02)
    score = linear(
        rng.integers(-2, 3, (n_rows, width)),
        cols.astype(np.float32),
        bias,
        rng.integers(-3, 3, n_rows),
        csr_matrix(added.astype(np.float32)) if draw(st.booleans()) else None,
    )
    hidden = rng.random((n_rows, n_cols)) < draw(st.sampled_from([0, 0.1, 0.95]))
    return score, draw(st.integers(1, 3)), hidden


@given(case=wide_cases())
def test_among_many_columns_it_is_what_sorting_everything_gives(case):
    score, n, hidden = case
    exact = by_sorting(score, n, hidden)

    for isa in _als.isas():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_als, "isas", lambda isa=isa: [isa])
            assert found(score, n, csr_matrix(hidden)) == exact, isa


def test_a_tie_at_the_cut_goes_to_the_lower_column():
    assert found(ranked([1, 3, 2, 2, 2, 0]), 3)[0] == [[1, 2, 3]]


def test_columns_of_equal_factors_tie_wherever_they_stand():
    # A float32 product gives equal columns different last bits at the edge of a block.
    rng = np.random.default_rng(5)
    for n_cols in (9, 17, 33, 1021):
        cols = np.tile(rng.normal(size=64).astype(np.float32), (n_cols, 1))
        score = linear(rng.normal(size=(13, 64)), cols)

        assert top_n(score, 8).cols.tolist() == [list(range(8))] * 13


def test_the_number_of_threads_changes_no_bit():
    rng = np.random.default_rng(6)
    score = linear(rng.normal(size=(90, 64)), rng.normal(size=(700, 64)), rng.normal(size=700))
    whole = top_n(score, 20)

    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            best = top_n(score, 20)
        assert np.array_equal(best.cols, whole.cols)
        assert np.array_equal(best.scores, whole.scores)


def test_every_instruction_set_gives_the_same_bits_in_any_number_of_threads(monkeypatch):
    rng = np.random.default_rng(7)
    score = linear(rng.normal(size=(131, 50)), rng.normal(size=(3333, 50)), rng.normal(size=3333))
    exclude = csr_matrix(rng.random((131, 3333)) < 0.1)
    whole = top_n(score, 10, exclude)

    for isa in _als.isas():
        monkeypatch.setattr(_als, "isas", lambda isa=isa: [isa])
        for threads in (1, 3):
            best = top_n(score, 10, exclude, threads=threads)
            assert np.array_equal(best.cols, whole.cols)
            assert np.array_equal(best.scores, whole.scores)


def test_ties_by_the_thousand_take_no_more_room_than_the_few_that_win():
    score = linear(np.ones((3, 2)), np.ones((5000, 2)), np.repeat([0.0, 1.0], 2500))

    assert top_n(score, 7).cols.tolist() == [list(range(2500, 2507))] * 3


def test_columns_may_be_marked_in_any_order():
    unsorted = csr_matrix((np.ones(3, np.float32), [3, 0, 2], [0, 3]), shape=(1, 5))

    assert found(ranked([5, 4, 3, 2, 1]), 3, unsorted)[0] == [[1, 4, -1]]
    assert unsorted.indices.tolist() == [3, 0, 2]  # borrowed, not sorted in place


def test_a_shift_so_large_that_scores_round_together_leaves_the_tie_to_the_lower_column():
    score = linear(np.zeros((1, 0)), np.zeros((200, 0)), np.arange(200) * 1e-4, [1e6])

    assert top_n(score, 2).cols.tolist() == [[0, 1]]


def test_a_stored_zero_excludes_as_well():
    exclude = csr_matrix((np.zeros(1, np.float32), [1], [0, 1]), shape=(1, 3))

    assert found(ranked([1, 3, 2]), 3, exclude)[0] == [[2, 0, -1]]


def test_negative_scores_are_returned_and_no_filler_is():
    with one_thread():
        library = AlternatingLeastSquares(factors=1)
    library.user_factors = np.ones((1, 1), np.float32)
    library.item_factors = np.array([[-1], [-2], [-3], [-4]], np.float32)
    played = csr_matrix(np.array([[0, 1, 1, 1]], np.float32))
    ids, scores = library.recommend(0, played, N=6)
    assert len(ids) > 1  # the trap: played venues and row 0 fill the list up
    assert scores.max() == 0

    ours = found(linear(library.user_factors, library.item_factors), 6, played)

    assert ours == ([[0, -1, -1, -1, -1, -1]], [[-1]])


def test_an_artist_without_a_vector_gets_the_popular_list_where_the_library_gives_zeros():
    with one_thread():
        library = AlternatingLeastSquares(factors=1)
    library.user_factors = np.zeros((1, 1), np.float32)
    library.item_factors = np.ones((3, 1), np.float32)
    nothing = csr_matrix((1, 3), dtype=np.float32)  # the trap: an empty row is accepted
    ids, scores = library.recommend(0, nothing, N=3)
    assert (sorted(ids.tolist()), scores.tolist()) == ([0, 1, 2], [0, 0, 0])

    ours = found(linear(library.user_factors, library.item_factors, [0.1, 0.3, 0.2]), 3, nothing)

    assert ours[0] == [[1, 2, 0]]


def test_additions_lift_single_columns_of_single_rows():
    added = csr_matrix(np.array([[0, 0, 9], [0, 0, 0]], np.float32))
    score = linear(np.zeros((2, 0)), np.zeros((3, 0)), [1, 3, 2], additions=added)

    assert found(score, 2) == ([[2, 1], [1, 2]], [[11, 3], [3, 2]])


def test_additions_stored_twice_count_twice():
    twice = csr_matrix((np.ones(2, np.float32), [0, 0], [0, 2]), shape=(1, 3))
    score = linear(np.zeros((1, 0)), np.zeros((3, 0)), [0.5, 1, 2], additions=twice)

    assert found(score, 3) == ([[0, 2, 1]], [[2.5, 2, 1]])
    assert found(score, 1)[0] == [[0]]


def test_scores_that_float32_would_blur_are_told_apart():
    score = linear([[3e7, 1, -3e7]], [[1, 1, 1], [1, 3, 1], [1, 2, 1]])

    assert found(score, 3) == ([[1, 2, 0]], [[3, 2, 1]])


def test_the_shift_is_in_the_scores():
    score = linear(np.zeros((2, 0)), np.zeros((2, 0)), [1, 2], [10, -10])

    assert found(score, 2)[1] == [[12, 11], [-8, -9]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["rows", "cols", "bias", "shift", "additions"])
def test_a_score_that_is_no_number_is_refused(part, value):
    parts = {
        "rows": np.zeros((2, 3), np.float32),
        "cols": np.zeros((4, 3), np.float32),
        "bias": np.zeros(4, np.float32),
        "shift": np.zeros(2, np.float32),
        "additions": csr_matrix(np.ones((2, 4), np.float32)),
    }
    array = parts[part].data if part == "additions" else parts[part]
    array.flat[-1] = value

    with pytest.raises(InsaneModel, match="holds a NaN or an infinity"):
        top_n(LinearScore(**parts), 2)


def test_no_columns_and_no_rows_are_no_trouble():
    assert top_n(linear(np.ones((2, 3)), np.ones((0, 3))), 2).cols.tolist() == [[-1, -1]] * 2
    assert top_n(linear(np.ones((0, 3)), np.ones((2, 3))), 2).cols.shape == (0, 2)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="n: 0 is below 1"):
        top_n(ranked([1]), 0)
    with pytest.raises(ValueError, match=r"exclude: shape \(1, 3\) is not the score's \(1, 2\)"):
        top_n(ranked([1, 2]), 1, csr_matrix((1, 3)))
