"""Plays become matrices: right, and equal to the last bit in whatever order they came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.data.gigs import SMALL, world
from trainer.errors import TooLarge
from trainer.plays.matrix import (
    DAY_MS,
    Plays,
    activity,
    confidence,
    counts,
    decay,
    decayed,
    popularities,
)

NOW = 365 * DAY_MS


def plays(triples: list[tuple[int, int, int]], n_artists: int = 3, n_venues: int = 2) -> Plays:
    """Of (artist, venue, day)."""
    artist, venue, day = np.array(triples, np.int64).reshape(-1, 3).T
    return Plays(artist.astype(np.int32), venue.astype(np.int32), day * DAY_MS, n_artists, n_venues)


def shuffled(given_plays: Plays, seed: int) -> Plays:
    order = np.random.default_rng(seed).permutation(len(given_plays))
    columns = given_plays.artist, given_plays.venue, given_plays.at_ms
    return Plays(*(column[order] for column in columns), *given_plays.shape)


def test_counts_are_plays_per_pair():
    matrix = counts(plays([(0, 1, 5), (2, 0, 1), (0, 1, 9), (0, 0, 2)]))

    assert matrix.dtype == np.int32
    assert matrix.toarray().tolist() == [[1, 2], [0, 0], [1, 0]]


def test_a_play_weighs_one_today_and_in_the_future_and_half_a_half_life_ago():
    at_ms = np.array([10, 12, 8, 6], np.int64) * DAY_MS

    assert decay(at_ms, 10 * DAY_MS, 2).tolist() == [1.0, 1.0, 0.5, 0.25]


def test_decayed_plays_are_summed_by_pair():
    matrix = decayed(plays([(0, 1, 10), (0, 1, 8), (1, 0, 6)]), 10 * DAY_MS, 2)

    assert matrix.toarray().tolist() == [[0, 1.5], [0.25, 0], [0, 0]]


def test_confidence_is_alpha_times_log_of_one_plus_decayed_plays():
    recipe = SMALL.model_copy(update={"alpha": 7.0, "als_half_life_days": 2})

    matrix = confidence(plays([(0, 1, 10), (0, 1, 8)]), 10 * DAY_MS, recipe)

    assert matrix.dtype == np.float32
    assert matrix[0, 1] == np.float32(7 * np.log(2.5))


def test_one_artist_adds_at_most_one_to_a_venue_s_popularity():
    resident = [(0, 0, 10)] * 50
    visitors = [(1, 1, 10), (2, 1, 8)]
    elsewhere = [(artist, 2, 10) for artist in range(3)]

    given_plays = plays(resident + visitors + elsewhere, n_venues=3)
    found = popularities(given_plays, 10 * DAY_MS, 2).venues

    assert found.tolist() == [0.5, 0.75, 1.5]


def test_artists_who_played_nowhere_else_do_not_make_a_venue_popular():
    made_up = [(artist, 0, 10) for artist in range(60)]
    known = [(60, 1, 10), (60, 2, 10), (60, 3, 10)]

    found = popularities(plays(made_up + known, 61, 4), 10 * DAY_MS, 2).venues

    assert found.tolist() == pytest.approx([0, 2 / 3, 2 / 3, 2 / 3])


def test_artists_are_as_popular_as_venues_would_be_in_mirrored_plays_to_the_bit():
    given_plays, *_ = world(n_artists=5, n_venues=40, n_plays=2000)
    artists, venues, _ = popularities(given_plays, NOW, 60)

    transposed = popularities(given_plays.transposed(), NOW, 60)

    assert np.array_equal(artists, transposed.venues)
    assert np.array_equal(venues, transposed.artists)
    partners = np.diff(counts(given_plays.transposed()).indptr)
    assert np.array_equal(artists, activity(given_plays, NOW, 60, partners))


@given(seed=st.integers(0, 2**32))
def test_no_bit_depends_on_the_order_of_plays(seed):
    given_plays, *_ = world(n_artists=5, n_venues=4, n_plays=2000)
    other = shuffled(given_plays, seed)

    for name in ("data", "indices", "indptr"):
        ours, theirs = (getattr(decayed(each, NOW, 60), name) for each in (given_plays, other))
        assert np.array_equal(ours, theirs)
    assert np.array_equal(
        popularities(given_plays, NOW, 1).venues, popularities(other, NOW, 1).venues
    )


def test_a_row_has_the_same_sums_alone_and_among_others():
    given_plays, *_ = world(n_plays=3000)
    rows = np.array([31, 2, 17])

    alone = confidence(given_plays.for_artists(rows), NOW, SMALL)

    assert np.array_equal(alone.toarray(), confidence(given_plays, NOW, SMALL)[rows].toarray())


def test_columns_are_sorted_and_int32_as_implicit_s_kernels_want_them():
    matrix = confidence(shuffled(world()[0], 1), NOW, SMALL)

    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    assert all(
        np.all(np.diff(matrix.indices[start:end]) > 0)
        for start, end in zip(matrix.indptr, matrix.indptr[1:], strict=False)
    )


def test_no_plays_make_an_empty_matrix():
    matrix = confidence(plays([]), NOW, SMALL)

    assert matrix.shape == (3, 2)
    assert matrix.nnz == 0
    assert popularities(plays([]), NOW, 60).venues.tolist() == [0, 0]


def test_plays_per_row_count_everybody():
    given_plays = plays([(0, 1, 5), (2, 1, 1), (0, 1, 9)])

    assert given_plays.per_artist.tolist() == [2, 0, 1]
    assert given_plays.per_venue.tolist() == [0, 3]


def test_lengths_that_differ_are_named():
    with pytest.raises(ValueError, match=r"artist, venue, at_ms: lengths \(2, 1, 2\) differ"):
        Plays(np.zeros(2, np.int32), np.zeros(1, np.int32), np.zeros(2, np.int64), 3, 3)


@pytest.mark.parametrize("row", [-1, 3])
def test_a_row_outside_the_matrix_is_named(row):
    with pytest.raises(ValueError, match=f"artist: rows from {row} to {row} do not fit"):
        plays([(row, 0, 0)])


def test_more_rows_than_32_bits_number_are_refused_before_any_memory_is_asked_for():
    none = np.empty(0, np.int32)

    with pytest.raises(TooLarge, match="n_venues: 2147483648 exceeds 2147483647; split"):
        Plays(none, none, np.empty(0, np.int64), 1, 2**31)
