"""The counter of equal rows, against a plain dictionary."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.imports.row_counter import RowCounter

BATCHES = st.lists(st.lists(st.integers(0, 30) | st.integers(0, 2**64 - 1), max_size=40))


def distinct(counter) -> int:
    return sum(len(hashes) for hashes, _ in counter._runs)


@settings(deadline=None)
@given(BATCHES)
def test_each_row_gets_the_number_of_equal_rows_before_it(batches):
    counter, seen = RowCounter(), Counter()
    for batch in batches:
        numbers = counter.number(np.array(batch, np.uint64))

        for row, number in zip(batch, numbers.tolist(), strict=True):
            assert number == seen[row]
            seen[row] += 1
    assert distinct(counter) == len(seen)


def test_a_distinct_row_takes_twelve_bytes():
    counter, rng = RowCounter(), np.random.default_rng(1)
    for _ in range(20):
        counter.number(rng.integers(0, 2**63, 50_000).astype(np.uint64))

    held = sum(hashes.nbytes + counts.nbytes for hashes, counts in counter._runs)
    assert held == 12 * distinct(counter)
    assert distinct(counter) > 999_000


def test_long_runs_are_merged():
    counter = RowCounter()
    evens, all_numbers = np.arange(0, 400_000, 2), np.arange(400_000)
    counter.number(evens.astype(np.uint64))
    numbers = counter.number(all_numbers.astype(np.uint64)[::-1])

    assert (numbers == (all_numbers[::-1] % 2 == 0)).all()
    assert (counter.number(all_numbers.astype(np.uint64)) == 1 + (all_numbers % 2 == 0)).all()
