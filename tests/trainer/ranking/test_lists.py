"""Lists: exact, complete, without fillers, ties by id."""

import numpy as np
import pytest

from consumer.ids.merges import Merge
from serving.contract import SIDES, VIEWS, has_returns, side_of
from support.data.gigs import SMALL, world
from support.data.indistreet import EVENTS
from trainer.evaluation.evaluate import read_plays
from trainer.evaluation.splits import ordered
from trainer.model.fit import fit
from trainer.model.foldin import folded
from trainer.plays.ids import Ids
from trainer.plays.interactions import Hidden
from trainer.plays.matrix import DAY_MS, Plays, counts
from trainer.plays.merged_rows import Merged
from trainer.ranking import score
from trainer.ranking.listed import Listed
from trainer.ranking.lists import Lists
from trainer.ranking.topn import TopN
from trainer.recipe import Recipe

NOW = 365 * DAY_MS


def made(size: int = 5, plays: Plays | None = None, hidden: Hidden | None = None) -> Lists:
    given, artists, venues = world()
    model = fit(given, artists, venues, NOW, SMALL)
    return Lists(
        model=model,
        plays=plays or given,
        artists=Ids(artists),
        venues=Ids(venues),
        generation=3,
        size=size,
        hidden=hidden,
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
        (counted.T, venues, artists) if side_of(view) == "venue" else (counted, artists, venues)
    )
    formula = score.artists_for_venues if side_of(view) == "venue" else score.venues_for_artists
    linear = formula(model, plays, np.arange(len(own)), np.arange(len(others)))
    values = linear.rows @ linear.cols.T + linear.bias + linear.additions.toarray()

    lists = dict(made().complete(view))

    assert set(lists) == set(own)
    for row, name in enumerate(own):
        allowed = np.ones(len(others), bool) if has_returns(view) else seen[row] == 0
        expected = [others[column] for column in best(values[row], allowed, 5)]
        assert list(lists[name].ids) == expected
        if has_returns(view):
            assert lists[name].plays == [seen[row][others.index(v)] for v in expected]


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
    shared = model.venues.bias + model.venues.liveness
    expected = np.argsort(-shared, kind="stable")[:5]
    assert listed.ids[0] == venues[expected[0]]
    assert list(listed.scores) == sorted(listed.scores, reverse=True)


@pytest.mark.parametrize("view", VIEWS)
def test_a_list_is_the_same_alone_and_among_all(view):
    lists = dict(made().complete(view))
    rows = np.arange(15 if side_of(view) == "venue" else 40, dtype=np.int32)

    for row in rows:
        ((name, one),) = made().changes(view, rows[row : row + 1]).items()
        assert one.ids == lists[name].ids
        np.testing.assert_allclose(one.scores, lists[name].scores, rtol=1e-5)


def test_the_views_of_a_side_share_one_score(monkeypatch):
    asked = []

    def counted(*given):
        asked.append(given)
        return formula(*given)

    formula = score.venues_for_artists
    monkeypatch.setattr(score, "venues_for_artists", counted)
    monkeypatch.setattr("trainer.ranking.lists._BLOCK", 16)
    lists = made()
    apart = {view: dict(made().complete(view)) for view in SIDES["artist"]}
    asked.clear()

    together: dict[str, dict] = {view: {} for view in SIDES["artist"]}
    for block in lists.blocks(SIDES["artist"]):
        for view, ranked in block.items():
            together[view] |= dict(ranked)

    assert together == apart
    assert len(asked) == 3


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", [5, 1000])
def test_encoded_lists_are_the_encoded_entries(side, size, monkeypatch):
    monkeypatch.setattr("trainer.ranking.lists._BLOCK", 16)
    plays, artists, venues = world()
    odd = [f'{name} "né"\n\x00' for name in venues]
    model = fit(plays, artists, odd, NOW, SMALL)
    ids = Ids(artists), Ids(odd)
    # A row that is merged into another has a list of its own, and one side has hidden ids.
    merged = Merged("artist", ids[0])
    merged.add([Merge(1, artists[1], artists[0], "artist")])
    lists = Lists(
        model=model,
        plays=plays,
        artists=ids[0],
        venues=ids[1],
        generation=3,
        size=size,
        merged_artists=merged,
        hidden={"venue": frozenset(odd[:2])},
    )
    told: dict[str, dict[str, str]] = {view: {} for view in SIDES[side]}
    for block in lists.encoded(SIDES[side]):
        for view, encoded in block.items():
            told[view] |= encoded

    for view in SIDES[side]:
        made = {name: entry.encode() for name, entry in lists.complete(view)}
        assert told[view] == made
        assert list(told[view]) == list(made)
        assert len(made) == lists.sizes[view]


def test_a_score_that_is_not_finite_is_not_encoded():
    best = TopN(np.array([[0, -1]], np.int32), np.array([[np.inf, np.nan]], np.float32))
    with pytest.raises(ValueError, match="not finite"):
        list(Listed(["a"], best, None).texts("{", ["v"]))


@pytest.mark.parametrize("made_by", ["fit", "fold-in"])
def test_a_made_up_venue_of_made_up_artists_is_in_nobody_else_s_list(made_by):
    gigs = ordered(read_plays(EVENTS))
    plays, as_of_ms = gigs.plays, int(gigs.plays.at_ms[-1])
    artists = [*gigs.artist_ids, *(f"new{number}" for number in range(60))]
    venues = [*gigs.venue_ids, "made up"]
    grown = Plays(
        np.append(plays.artist, plays.n_artists + np.arange(60)).astype(np.int32),
        np.append(plays.venue, np.full(60, plays.n_venues)).astype(np.int32),
        np.append(plays.at_ms, np.full(60, as_of_ms)),
        len(artists),
        len(venues),
    )
    recipe = Recipe(factors=16, iterations=3)
    if made_by == "fit":
        model = fit(grown, artists, venues, as_of_ms, recipe)
    else:
        model = fit(plays, gigs.artist_ids, gigs.venue_ids, as_of_ms, recipe)
        touched = np.arange(plays.n_artists, len(artists)), np.array([plays.n_venues])
        model = folded(model.aligned(artists, venues), grown, *touched)

    lists = Lists(
        model=model,
        plays=grown,
        artists=Ids(artists),
        venues=Ids(venues),
        generation=3,
        size=10,
    )

    for view in ("artist", "artist:returns"):
        told = dict(lists.complete(view))
        assert not [name for name in gigs.artist_ids if "made up" in told[name].ids]
    assert "made up" not in lists.default("artist").ids


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


@pytest.mark.parametrize("view", VIEWS)
def test_hidden_ids_are_in_no_list_and_the_others_keep_order_and_scores(view):
    side = "artist" if side_of(view) == "venue" else "venue"
    hidden = {"artist": {"a3", "a21", "unknown"}, "venue": {"v4", "v9"}}
    shown, all_of = made(30, hidden=hidden), made(40)

    after, before = dict(shown.complete(view)), dict(all_of.complete(view))

    assert after.keys() == before.keys()
    for name, entry in {**after, None: shown.default(view)}.items():
        whole = all_of.default(view) if name is None else before[name]
        kept = [
            pair
            for pair in zip(whole.ids, whole.scores, strict=True)
            if pair[0] not in hidden[side]
        ]
        assert list(zip(entry.ids, entry.scores, strict=True)) == kept[:30]
    row = np.array([5], np.int32)
    assert not set(next(iter(shown.changes(view, row).values())).ids) & hidden[side]


def test_with_every_venue_hidden_lists_are_empty():
    lists = made(hidden={"venue": {f"v{number}" for number in range(15)}})

    assert all(entry.ids == [] for _, entry in lists.complete("artist:returns"))
    assert lists.default("artist").ids == []
    assert dict(lists.complete("venue")) == dict(made().complete("venue"))
