"""Fingerprints: equal plays, equal numbers; a changed play changes both of its sides."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from support.data.gigs import world
from trainer.plays.fingerprints import differing, fingerprints
from trainer.plays.ids import Ids
from trainer.plays.matrix import Plays

plays_lists = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(-3, 3)), max_size=20
)


def as_plays(rows: list[tuple[int, int, int]]) -> Plays:
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    return Plays(columns[0].astype(np.int32), columns[1].astype(np.int32), columns[2], 5, 4)


ARTISTS, VENUES = Ids("abcde"), Ids("wxyz")


@given(plays_lists, plays_lists)
def test_rows_differ_exactly_where_their_plays_do(first, second):
    ours = fingerprints(as_plays(first), ARTISTS, VENUES)
    theirs = fingerprints(as_plays(second), ARTISTS, VENUES)

    rows = differing(ARTISTS, ours.artists, ARTISTS.ids, theirs.artists)

    def of(history, row):
        return sorted(play for play in history if play[0] == row)

    assert rows.tolist() == [row for row in range(5) if of(first, row) != of(second, row)]


def test_row_numbers_and_the_order_of_plays_do_not_matter():
    plays, artist_ids, venue_ids = world()
    rng = np.random.default_rng(1)
    artist_order, order = rng.permutation(plays.n_artists), rng.permutation(len(plays))
    moved = Plays(
        np.argsort(artist_order)[plays.artist][order].astype(np.int32),
        plays.venue[order],
        plays.at_ms[order],
        *plays.shape,
    )
    moved_ids = [artist_ids[row] for row in artist_order]

    ours = fingerprints(plays, Ids(artist_ids), Ids(venue_ids))
    theirs = fingerprints(moved, Ids(moved_ids), Ids(venue_ids))

    assert len(differing(Ids(artist_ids), ours.artists, moved_ids, theirs.artists)) == 0
    np.testing.assert_array_equal(ours.venues, theirs.venues)


def test_an_id_that_only_one_side_knows_differs_if_it_has_plays():
    prints = fingerprints(as_plays([(0, 0, 0)]), ARTISTS, VENUES)

    assert differing(ARTISTS, prints.artists, [], np.empty(0, np.uint64)).tolist() == [0]
