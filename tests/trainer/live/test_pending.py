"""Rows wait in the order in which they changed, and wait again where Redis lost them."""

import numpy as np

from trainer.live.pending import Pending


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def pending(*changes: tuple[int, int, tuple[int, ...]]) -> Pending:
    """Of (version before, version after, rows)."""
    found = Pending()
    for before, now, changed in changes:
        found.note(rows(*changed), before, now)
    return found


def test_new_rows_do_not_starve_behind_known_ones_that_change_again_and_again():
    found = pending((1, 2, (0, 1, 2)), (2, 3, (9,)))
    for version in range(3, 8):
        block = found.first(2)
        found.done(block.tolist())
        found.note(rows(0, 1, 2), version, version + 1)
        if 9 in block:
            break

    assert version == 4


def test_lists_are_right_up_to_where_the_oldest_row_still_waits():
    found = pending((4, 6, (3, 1)), (6, 7, (2, 3)))

    assert found.right_without(rows()) == 4
    assert found.right_without(rows(1, 3)) == 6
    assert found.right_without(rows(1, 2, 3)) is None


def test_what_changed_since_a_version_waits_again_and_what_waits_anyway_stays():
    found = pending((1, 2, (0,)), (2, 3, (1,)), (3, 4, (2,)), (4, 5, (3,)))
    found.done([0, 1, 2])
    found.rewind(2)

    assert found.first(9).tolist() == [1, 2, 3]
    assert found.right_without(rows()) == 2
    assert found.changed_since(3).tolist() == [2, 3]


def test_a_row_that_was_published_with_newer_plays_does_not_wait_for_an_older_version():
    found = pending((1, 2, (0,)))
    found.clear()
    found.rewind(2)

    assert not len(found.first(9))
