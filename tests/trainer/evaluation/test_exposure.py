"""How lists spread their places, against counts by hand."""

import numpy as np
import pytest

from trainer.evaluation.exposure import Exposure, exposure, gini, head

PLAYS = np.array([5, 3, 1, 1])


def test_coverage_long_tail_and_gini_of_three_lists():
    best = np.array([[0, 1], [0, 2], [0, -1]], np.int32)

    found = exposure(best, PLAYS)

    assert found.coverage == pytest.approx(3 / 4)
    assert found.long_tail == pytest.approx(
        2 / 5
    )  # the head is candidate 0, with half of the plays
    # Lists by candidate, sorted: 0, 1, 1, 3.
    assert found.gini == pytest.approx((-3 * 0 - 1 * 1 + 1 * 1 + 3 * 3) / (4 * 5))


def test_the_head_holds_half_of_the_plays():
    assert head(np.array([1, 5, 3, 1])).tolist() == [False, True, False, False]
    assert head(np.array([4, 4, 1, 1])).tolist() == [True, True, False, False]
    assert head(np.zeros(3, np.int64)).tolist() == [False] * 3


def test_gini_is_0_where_all_are_alike_and_nears_1_where_one_has_all():
    assert gini(np.full(7, 3)) == 0
    assert gini(np.array([0, 0, 0, 9])) == pytest.approx(3 / 4)


def test_gini_is_the_mean_difference_of_all_pairs():
    counts = np.random.default_rng(1).integers(0, 20, 30)
    pairs = np.abs(counts[:, None] - counts[None, :])

    assert gini(counts) == pytest.approx(pairs.mean() / (2 * counts.mean()))


def test_without_lists_nothing_is_known():
    assert np.isnan(exposure(np.full((2, 3), -1, np.int32), PLAYS)).all()
    assert isinstance(exposure(np.empty((0, 3), np.int32), PLAYS), Exposure)
