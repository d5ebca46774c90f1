"""The view of nearby venues: candidates and targets within reach of what was played."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from trainer.errors import BadPlaces
from trainer.evaluation.places import near, read_places
from trainer.evaluation.splits import View
from trainer.plays.matrix import Plays

# b is 33 km from a, c 400 km; d has no place.
PLACES = {"a": (52.0, 13.0), "b": (52.3, 13.0), "c": (52.0, 19.0)}
VENUES = ["a", "b", "c", "d"]


def view(targets: list[list[int]]) -> View:
    """Two artists, who have played a and c."""
    plays = Plays(
        np.array([0, 1], np.int32), np.array([0, 2], np.int32), np.zeros(2, np.int64), 2, 4
    )
    played = csr_matrix(plays.counts.astype(bool))
    asked, candidates = np.arange(2, dtype=np.int32), np.arange(4, dtype=np.int32)
    return View(
        "known",
        "artist_to_venue",
        asked,
        candidates,
        plays,
        csr_matrix(targets, dtype=bool),
        played,
    )


def test_far_and_unplaced_venues_are_no_candidates_and_no_targets():
    found = near(view([[0, 1, 1, 1], [0, 1, 0, 1]]), VENUES, PLACES)

    assert found.name == "near"
    assert found.subjects.tolist() == [0]  # nothing is near what the other one played
    assert found.targets.toarray().tolist() == [[False, True, False, False]]
    assert found.masked.toarray().tolist() == [[True, False, True, True]]


def test_without_places_nothing_is_asked():
    assert len(near(view([[0, 1, 0, 0], [0, 1, 0, 0]]), VENUES, {}).subjects) == 0


def test_the_distance_is_right_on_both_sides_of_fifty_kilometres():
    degrees = 49.9 / 6371 * 180 / np.pi
    inside, outside = ({"a": (0.0, 0.0), "b": (0.0, degrees * by)} for by in (1.0, 1.01))

    assert len(near(view([[0, 1, 0, 0], [0, 0, 0, 0]]), VENUES, inside).subjects) == 1
    assert len(near(view([[0, 1, 0, 0], [0, 0, 0, 0]]), VENUES, outside).subjects) == 0


def test_columns_are_found_by_name_and_rows_without_numbers_left_out(tmp_path):
    path = tmp_path / "places.tsv"
    path.write_text("id\tname\tLatitude\tlon\n7\tx\t52.5\t13.4\n8\ty\t\t13\n9\tz\tnorth\t1\n")

    assert read_places(path) == {"7": (52.5, 13.4)}


def test_a_missing_column_or_file_is_named_with_the_remedy(tmp_path):
    (tmp_path / "p.csv").write_text("venue_id,city\n1,Berlin\n")

    with pytest.raises(BadPlaces, match=r"p\.csv has no column 'lat' .*venue_id, lat and lng"):
        read_places(tmp_path / "p.csv")
    with pytest.raises(BadPlaces, match="cannot be read"):
        read_places(tmp_path / "gone.csv")
