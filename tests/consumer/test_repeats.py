"""The counter of equal rows, against a plain dictionary."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.repeats import Repeats

BATCHES = st.lists(st.lists(st.integers(0, 30) | st.integers(0, 2**64 - 1), max_size=40))


@settings(deadline=None)
@given(BATCHES)
def test_each_row_gets_the_number_of_equal_rows_before_it(batches):
    repeats, seen = Repeats(), Counter()
    for batch in batches:
        numbers = repeats.number(np.array(batch, np.uint64))

        for row, number in zip(batch, numbers.tolist(), strict=True):
            assert number == seen[row]
            seen[row] += 1
    assert len(repeats) == len(seen)


def test_a_distinct_row_takes_twelve_bytes():
    repeats, rng = Repeats(), np.random.default_rng(1)
    for _ in range(20):
        repeats.number(rng.integers(0, 2**63, 50_000).astype(np.uint64))

    assert repeats.nbytes == 12 * len(repeats)
    assert len(repeats) > 999_000


def test_long_runs_are_merged_slice_by_slice():
    repeats = Repeats()
    evens, all_numbers = np.arange(0, 400_000, 2), np.arange(400_000)
    repeats.number(evens.astype(np.uint64))
    numbers = repeats.number(all_numbers.astype(np.uint64)[::-1])

    assert (numbers == (all_numbers[::-1] % 2 == 0)).all()
    assert (repeats.number(all_numbers.astype(np.uint64)) == 1 + (all_numbers % 2 == 0)).all()
