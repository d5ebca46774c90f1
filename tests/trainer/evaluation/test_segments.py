"""Figures by segment: each subject and each target pair is in one band."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from trainer.evaluation.metrics import marks
from trainer.evaluation.segments import BANDS, bands, by_history, by_popularity
from trainer.evaluation.splits import View, ordered, split, views


def view(rows: list[tuple[str, str, int]], name: str = "known") -> View:
    """Of (artist, venue, day), cut in the middle."""
    artists, venues, days = zip(*rows, strict=True)
    dates = [date(2020, 1, 1) + timedelta(days=day) for day in days]
    table = pa.table({"artist_id": artists, "venue_id": venues, "date": dates})
    found = views(split(ordered(table), 0.5), "artist_to_venue")
    return next(each for each in found if each.name == name)


# a has 3 known plays, b 1; later a plays at y, b at v and w.
ROWS = [
    *(("a", "v", 0), ("a", "w", 1), ("a", "v", 2), ("b", "x", 3), ("c", "y", 4)),
    *(("a", "y", 5), ("b", "v", 6), ("b", "w", 7)),
]
LISTS = np.array([[3, 2], [0, 3]], np.int32)  # v 0, w 1, x 2, y 3
FOUND = {"a": 1.0, "b": 0.5}


@pytest.fixture
def known() -> View:
    return view(ROWS)


def test_ndcg_is_divided_by_known_plays(known):
    marked = marks(LISTS, known.targets)
    found = by_history(known, marked)

    assert [(each.name, each.number) for each in found] == [("1", 1), ("2-4", 1)]
    assert [each.figure.mean for each in found] == pytest.approx(marked.ndcg[::-1])


def test_recall_is_divided_by_the_plays_of_the_targets(known):
    found = {each.name: each for each in by_popularity(known, LISTS)}

    # Plays before the cut: v 2 of 5 (head), w, x and y 1 each.
    assert sum(each.number for each in found.values()) == 3
    assert found["head"].number == 1
    assert found["head"].figure.mean == 1
    total = sum(each.number * each.figure.mean for each in found.values())
    assert total == pytest.approx(2)


def test_each_band_holds_about_a_third_of_the_plays():
    counts = np.random.default_rng(2).integers(1, 50, 300)
    band = bands(counts)

    shares = [counts[band == number].sum() / counts.sum() for number in range(len(BANDS))]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
    assert counts[band == 0].min() >= counts[band == 2].max()


def test_a_first_night_is_history_as_a_whole():
    later = [("n", "v", 6), ("n", "w", 6), ("n", "x", 7), ("n", "y", 8)]
    rows = [*(("a", name, day) for day, name in enumerate("vwxyv")), *later]
    night = view(rows, "night")

    assert night.plays.artist.tolist().count(1) == 2
    assert sorted(night.targets.indices.tolist()) == [2, 3]
    assert sorted(night.masked.indices.tolist()) == [0, 1]
