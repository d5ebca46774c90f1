"""Lists: exact, complete, without fillers, ties by id."""

import numpy as np
import pytest

from serving.contract import VIEWS
from support.gigs import SMALL, world
from trainer import score
from trainer.ids import Ids
from trainer.lists import Lists
from trainer.matrix import DAY_MS, Plays, counts
from trainer.model import fit

NOW = 365 * DAY_MS


def made(size: int = 5, plays: Plays | None = None) -> Lists:
    given, artists, venues = world()
    model = fit(given, artists, venues, NOW, SMALL)
    return Lists(
        model=model,
        plays=plays or given,
        artists=Ids(artists),
        venues=Ids(venues),
        generation=3,
        size=size,
    )


def best(values: np.ndarray, allowed: np.ndarray, n: int) -> list[int]:
    """The oracle: sort everything."""
    order = sorted(np.flatnonzero(allowed).tolist(), key=lambda column: -values[column])
    return order[:n]


@pytest.mark.parametrize("view", VIEWS)
def test_every_list_is_what_sorting_all_scores_gives(view):
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)
    counted = counts(plays).toarray()
    seen, own, others = (
        (counted.T, venues, artists) if view == "venue" else (counted, artists, venues)
    )
    formula = score.artists_for_venues if view == "venue" else score.venues_for_artists
    linear = formula(model, counts(plays), np.arange(len(own)), np.arange(len(others)))
    values = linear.rows @ linear.cols.T + linear.bias

    lists = dict(made().complete(view))

    assert set(lists) == set(own)
    for row, name in enumerate(own):
        allowed = np.ones(len(others), bool) if view == "artist:returns" else seen[row] == 0
        expected = [others[column] for column in best(values[row], allowed, 5)]
        assert list(lists[name].ids) == expected
        if view == "artist:returns":
            assert lists[name].plays == [counted[row][others.index(v)] for v in expected]


def test_an_artist_who_played_everywhere_has_an_empty_list_of_new_venues_and_no_fillers():
    everywhere = Plays(
        np.zeros(15, np.int32), np.arange(15, dtype=np.int32), np.zeros(15, np.int64), 40, 15
    )
    lists = made(size=20, plays=everywhere)

    assert dict(lists.complete("artist"))["a0"].ids == []
    assert len(dict(lists.complete("artist:returns"))["a0"].ids) == 15


def test_venues_without_plays_are_no_candidates_and_get_no_list():
    plays, *_ = world()
    kept = plays.venue != 4
    lists = made(
        size=20,
        plays=Plays(plays.artist[kept], plays.venue[kept], plays.at_ms[kept], *plays.shape),
    )

    assert "v4" not in dict(lists.complete("venue"))
    assert all("v4" not in entry.ids for _, entry in lists.complete("artist:returns"))
    assert "v4" not in lists.default("artist").ids


def test_changes_hold_none_for_those_without_plays_and_count_as_fold_ins():
    plays, *_ = world()
    kept = plays.artist != 7
    lists = made(
        plays=Plays(plays.artist[kept], plays.venue[kept], plays.at_ms[kept], *plays.shape)
    )

    changes = lists.changes("artist", np.array([6, 7], np.int32))

    assert changes["a7"] is None
    assert changes["a6"].kind == "foldin"
    assert changes["a6"].generation == 3


def test_the_default_is_the_popular_list_and_what_an_artist_of_no_history_would_get():
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)

    listed = made().default("artist")

    assert listed.kind == "popular"
    expected = np.argsort(-model.venues.bias, kind="stable")[:5]
    assert listed.ids[0] == venues[expected[0]]
    assert list(listed.scores) == sorted(listed.scores, reverse=True)


def test_row_numbers_do_not_change_a_list():
    plays, artists, venues = world()
    order = np.random.default_rng(3).permutation(len(venues))
    moved = Plays(
        plays.artist, np.argsort(order)[plays.venue].astype(np.int32), plays.at_ms, *plays.shape
    )
    moved_venues = [venues[row] for row in order]
    lists = Lists(
        model=fit(moved, artists, moved_venues, NOW, SMALL),
        plays=moved,
        artists=Ids(artists),
        venues=Ids(moved_venues),
        generation=3,
        size=5,
    )

    for view in VIEWS:
        assert dict(lists.complete(view)) == dict(made().complete(view))
