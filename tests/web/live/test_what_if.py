"""A described artist or venue gets the list that it would get if it were folded in."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.data.gigs import rows, world
from support.data.pools import World
from trainer.model.foldin import folded
from trainer.model.online import OnlineModel
from trainer.plays.ids import Ids
from trainer.plays.matrix import DAY_MS, Plays
from trainer.ranking.lists import Lists
from web.errors import UnknownId
from web.live.ranking import Asked, popular, ranked
from web.live.what_if import Play, described
from web.live.why import described_reasons

DAYS = 365
ROUNDED = 1e-4
"""Of scores that are rounded to five digits, after sums in float32."""
GIGS = {"artist": [(3, 300), (3, 364), (7, 200), (9, 11)], "venue": [(3, 300), (30, 1), (8, 90)]}
LETTER = {"artist": "v", "venue": "a"}


def day(number: int):
    return datetime.fromtimestamp(number * DAY_MS / 1000, UTC).date()


@pytest.fixture(scope="module")
def small() -> World:
    plays, artists, venues = world()
    # Some nights of others, so that the described artist has mates.
    shared = [(row, venue, at) for row, (venue, at) in enumerate(GIGS["artist"][:2])]
    artist, venue, at = (np.array(each, np.int64) for each in zip(*shared, strict=True))
    more = Plays(
        np.append(plays.artist, artist).astype(np.int32),
        np.append(plays.venue, venue).astype(np.int32),
        np.append(plays.at_ms, at * DAY_MS),
        *plays.shape,
    )
    return World(more, artists, venues, DAYS * DAY_MS)


def with_one_more(small: World, side: str) -> Lists:
    """What would be published, were it real and folded in."""
    plays, new = small.plays, small.plays.shape[side == "venue"]
    other, at = (np.array(each, np.int64) for each in zip(*GIGS[side], strict=True))
    own = np.full(len(other), new)
    artist, venue = (own, other) if side == "artist" else (other, own)
    sizes = plays.n_artists + (side == "artist"), plays.n_venues + (side == "venue")
    grown = Plays(
        np.append(plays.artist, artist).astype(np.int32),
        np.append(plays.venue, venue).astype(np.int32),
        np.append(plays.at_ms, at * DAY_MS),
        *sizes,
    )
    artists, venues = list(small.artists.ids), list(small.venues.ids)
    (artists if side == "artist" else venues).append("new")
    touched = (rows(new), rows()) if side == "artist" else (rows(), rows(new))
    model = folded(small.model.aligned(artists, venues), grown, *touched)
    ids = Ids(artists), Ids(venues)
    return Lists(model=model, plays=grown, artists=ids[0], venues=ids[1], generation=1, size=100)


@pytest.mark.parametrize("side", ["artist", "venue"])
def test_its_list_is_that_of_a_real_one(small, side):
    new = small.plays.shape[side == "venue"]
    (entry,) = with_one_more(small, side).changes(side, rows(new)).values()
    plays = [Play(f"{LETTER[side]}{row}", day(at)) for row, at in GIGS[side]]
    pool = small.pool(side)
    subject = described(pool, OnlineModel(small.model), plays)
    found = ranked(pool, subject, Asked(100), lambda _: pytest.fail("no facts"))

    ids, scores = [item.id for item in found], [item.score for item in found]
    assert ids == list(entry.ids)
    assert scores == pytest.approx(entry.scores, abs=2e-4)


def test_its_mates_matter(small):
    pool, current = small.pool("artist"), OnlineModel(small.model)
    alone = described(pool, current, [Play("v3", day(299)), Play("v7", day(199))])
    shared = described(pool, current, [Play("v3", day(300)), Play("v7", day(199))])
    lists = [ranked(pool, each, Asked(15), lambda _: None) for each in (alone, shared)]

    assert [item.score for item in lists[0]] != [item.score for item in lists[1]]


def test_a_play_of_an_unknown_id_names_its_field(small):
    plays = [Play("v1", None), Play("v99", None)]
    with pytest.raises(UnknownId) as refusal:
        described(small.pool("artist"), OnlineModel(small.model), plays)

    assert refusal.value.field == "plays[1].venue_id"
    assert "v99" in refusal.value.problem


SOME_GIGS = st.lists(st.tuples(st.integers(0, 14), st.integers(0, DAYS)), min_size=1, max_size=30)


@pytest.mark.parametrize("side", ["artist", "venue"])
@settings(max_examples=60, deadline=None)
@given(gigs=SOME_GIGS, returns=st.booleans())
def test_its_shares_add_up_to_its_scores(small, side, gigs, returns):
    plays = [Play(f"{LETTER[side]}{row}", day(at)) for row, at in gigs]
    pool = small.pool(side)
    subject = described(pool, OnlineModel(small.model), plays)
    found = ranked(pool, subject, Asked(50, returns=returns), lambda _: pytest.fail("no facts"))
    reasons = [*described_reasons(pool, subject, found)]

    assert len(reasons) == len(found)
    for item, entry in zip(found, reasons, strict=True):
        shares = [each.share for each in entry]
        size = 1 + sum(map(abs, shares))
        assert sum(shares) == pytest.approx(item.score, abs=ROUNDED * size)
        assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("side", ["artist", "venue"])
def test_its_reasons_are_those_of_a_real_one(small, side):
    lists, new = with_one_more(small, side), small.plays.shape[side == "venue"]
    plays = [Play(f"{LETTER[side]}{row}", day(at)) for row, at in GIGS[side]]
    pool = small.pool(side)
    subject = described(pool, OnlineModel(small.model), plays)
    found = ranked(pool, subject, Asked(10), lambda _: pytest.fail("no facts"))
    listed = np.array(pool.targets.ids.rows(item.id for item in found))
    real = lists.explainer(side).explain(new, listed)

    for at, entry in enumerate(described_reasons(pool, subject, found)):
        assert {each.term for each in entry} == set(real.shares)
        for each in entry:
            assert each.share == pytest.approx(real.shares[each.term][at], abs=2e-4)
            ids = small.artists if each.cause_of == "artist" else small.venues
            row = int(real.causes[each.term][at]) if each.term in real.causes else -1
            assert each.cause == (ids[row] if row >= 0 else None)


@pytest.mark.parametrize("side", ["artist", "venue"])
def test_without_gigs_the_popular_list_is_explained(small, side):
    pool = small.pool(side)
    found = popular(pool, Asked(10), lambda _: pytest.fail("no facts"))

    for item, entry in zip(found, described_reasons(pool, None, found), strict=True):
        assert sum(each.share for each in entry) == pytest.approx(item.score, abs=ROUNDED)
