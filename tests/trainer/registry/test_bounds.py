"""Arrays that do not fit together are refused by the compiled settling, and nothing is read."""

import numpy as np
import pytest

from trainer.plays import _settle

I32, I64, U8 = np.int32, np.int64, np.uint8
NAMES = ("gigs", "bill_source", "bill_deleted", "chars", "ends", "places", "topics", "sources")


def gigs() -> "_settle.Gigs":
    ids, names = _settle.Interner(), _settle.Names()
    ids.add("a")
    return _settle.Gigs(ids, ids, names, names)


def saved(**changed) -> dict:
    """One gig of one bill, as `state` has it."""
    gig = np.zeros(64, U8)
    whole = {
        "gigs": gig,
        "bill_source": np.array([0], I32),
        "bill_deleted": np.array([0], U8),
        "chars": np.frombuffer(b"e1", U8),
        "ends": np.array([2], I64),
        "places": np.array([0, 0], I32),
        "topics": ["T"],
        "sources": ["s"],
    }
    return whole | changed


def test_what_fits_together_is_restored():
    found = gigs()
    found.restore(**saved())

    assert len(found) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"ends": np.zeros(0, I64)},
        {"ends": np.array([3], I64)},
        {"ends": np.array([-1], I64)},
        {"ends": np.array([2, 2], I64)},
        {"bill_deleted": np.zeros(0, U8)},
        {"gigs": np.zeros(63, U8)},
        {"gigs": np.full(64, 0xFF, U8)},
        {"gigs": np.zeros(65, U8)[1:]},
        {"places": np.array([0], I32)},
        {"places": np.array([1, 0], I32)},
        {"places": np.array([0, 0, 0, 0], I32)},
        {"places": np.zeros(0, I32)},
        {"topics": []},
        {"topics": ["T", "T"]},
        {"sources": ["s", "s"], "bill_source": np.array([1], I32)},
        {"bill_source": np.array([-1], I32)},
    ],
    ids=range(16),
)
def test_what_does_not_fit_together_is_refused(changed):
    with pytest.raises(ValueError, match="does not fit together"):
        gigs().restore(**saved(**changed))


def test_rows_that_there_cannot_be_are_refused():
    found, ids, names = gigs(), _settle.Interner(), _settle.Names()
    found.restore(**saved())
    ids.add("a")
    wrong, none = np.array([-1], I32), np.zeros(0, I32)

    for call in (
        lambda: found.plays_of("artist", wrong),
        lambda: found.affected_by(wrong, none),
        lambda: found.affected_by(none, wrong),
        lambda: found.counts(0, 0),
        lambda: ids.since(-1),
    ):
        with pytest.raises(ValueError, match=r"negative|more are there"):
            call()
    assert names.lookup(wrong) == [None]
    assert [len(each) for each in found.plays_of("venue", np.array([7], I32))] == [0, 0, 0]
