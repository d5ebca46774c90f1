"""Weights are tuned on the past alone, guarded against chance, and the same each time."""

import numpy as np
import pytest

from support.data.gigs import SMALL, world
from support.data.indistreet import EVENTS
from trainer.evaluation import tuning
from trainer.evaluation.ballot import Ballot, _pooled
from trainer.evaluation.evaluate import read_plays
from trainer.evaluation.splits import ordered
from trainer.evaluation.tuning import NO_GAIN, searched, tune
from trainer.evaluation.windows import past, windows
from trainer.plays.matrix import DAY_MS, Plays
from trainer.recipe import START, Recipe

PLAYS, ARTISTS, VENUES = world(n_artists=200, n_plays=3000)
NOW = 365 * DAY_MS


def ballot(seed: int = 1, useful: float = 0.0, n_rows: int = 200, n_cols: int = 40) -> Ballot:
    """One target a row; the term `good` knows it as far as `useful` says, `noise` does not."""
    rng = np.random.default_rng(seed)
    row, column = np.arange(n_rows), rng.integers(0, n_cols, n_rows)
    good, noise, other = rng.normal(size=(3, n_rows, n_cols)).astype(np.float32)
    good[row, column] += np.float32(useful)
    closed = np.zeros((n_rows, n_cols), np.bool_)
    terms = {"good": good, "noise": noise, "other": other}
    return Ballot(terms, closed, row, column, np.ones(n_rows))


def test_a_term_that_knows_gains_weight_and_the_gain_is_told():
    cells = [("known", ballot(seed, useful=2.0)) for seed in range(4)]

    found = searched(cells, {"good": 0.5, "noise": 1.0, "other": 1.0})

    assert found.weights["good"] > found.weights["noise"]
    assert found.gain.mean > 2 * found.gain.error > 0
    assert found.subjects == {"known": 800}
    assert found.steps[0][2].mean > 0


def test_by_chance_alone_weights_hardly_ever_move():
    start = {"good": 1.0, "noise": 1.0, "other": 1.0}
    moved = [searched([("known", ballot(seed))], start).weights != start for seed in range(20)]

    assert sum(moved) <= 6


def test_without_views_the_start_stays():
    found = searched([], START.artists)

    assert (found.weights, found.gain, found.steps) == (dict(START.artists), NO_GAIN, [])


def test_the_last_weight_that_is_not_zero_stays():
    found = searched([("known", ballot(useful=-3.0))], {"good": 1.0})

    assert found.weights["good"] > 0


def test_few_plays_keep_the_start():
    few, artists, venues = world()

    assert tune(few, artists, venues, NOW, SMALL).weights == START


def test_undated_plays_have_no_term_that_needs_dates_and_are_tuned_on_pairs_held_out():
    undated = Plays(PLAYS.artist, PLAYS.venue, np.zeros(len(PLAYS), np.int64), *PLAYS.shape)

    found = tune(undated, ARTISTS, VENUES, 0, SMALL)

    assert set(found.weights.artists) == {"popularity", "als", "own", "rp3"}
    assert set(found.weights.venues) == {"popularity", "als", "own"}
    assert set(found.artists.subjects) == {"known"}


def test_weights_do_not_depend_on_row_numbers_or_on_the_order_of_plays():
    rng = np.random.default_rng(3)
    order, rows = rng.permutation(len(PLAYS)), rng.permutation(len(ARTISTS))
    moved = Plays(
        np.argsort(rows)[PLAYS.artist][order].astype(np.int32),
        PLAYS.venue[order],
        PLAYS.at_ms[order],
        *PLAYS.shape,
    )

    one = tune(PLAYS, ARTISTS, VENUES, NOW, SMALL)
    other = tune(moved, [ARTISTS[row] for row in rows], VENUES, NOW, SMALL)

    assert one.report() == other.report()
    assert one.artists.subjects


def test_the_future_is_not_looked_at():
    cut = 200 * DAY_MS
    known = PLAYS.at_ms <= cut
    before = Plays(PLAYS.artist[known], PLAYS.venue[known], PLAYS.at_ms[known], *PLAYS.shape)

    one, other = (tune(each, ARTISTS, VENUES, cut, SMALL) for each in (PLAYS, before))

    assert one.report() == other.report()


def test_windows_lie_within_the_past_and_keep_days_whole():
    gigs = past(PLAYS, ARTISTS, VENUES, 300 * DAY_MS)

    found = list(windows(gigs))

    assert len(found) == 4
    for parts in found:
        assert parts.train.at_ms.max() == parts.cut_ms < parts.later.at_ms.min()
        assert parts.later.at_ms.max() <= 300 * DAY_MS
    assert gigs.plays.artist[0] == gigs.plays.venue[0] == 0


def test_only_the_most_recent_plays_are_used_of_many(monkeypatch):
    monkeypatch.setattr("trainer.evaluation.windows.MOST_PLAYS", 500)

    gigs = past(PLAYS, ARTISTS, VENUES, NOW)

    assert 500 <= len(gigs.plays) < 550
    assert gigs.plays.at_ms.min() >= np.sort(PLAYS.at_ms)[-550]


@pytest.mark.parametrize("weights", [{"good": 1.0, "noise": 0.2, "other": 0.1}, {"noise": 1.0}])
def test_a_pool_of_candidates_ranks_as_all_of_them_do(monkeypatch, weights):
    monkeypatch.setattr("trainer.evaluation.ballot.POOL", 60)
    whole = ballot(useful=1.0, n_cols=900)
    start = {"good": 1.0, "noise": 0.5, "other": 0.5}

    pooled = _pooled(whole, start)

    assert pooled.closed.shape[1] < 300
    every = whole.ndcg(whole.summed(weights))
    np.testing.assert_allclose(pooled.ndcg(pooled.summed(weights)), every, atol=1e-9)


def test_on_real_gigs_it_takes_seconds_and_says_what_it_did():
    gigs = ordered(read_plays(EVENTS))
    plays, as_of_ms = gigs.plays, int(gigs.plays.at_ms[-1])

    found = tune(plays, gigs.artist_ids, gigs.venue_ids, as_of_ms, Recipe())

    report = found.report()
    assert set(report) == {"artists", "venues"}
    assert report["artists"]["subjects"]["known"] == 4 * tuning.MOST
    assert set(report["artists"]["weights"]) == set(START.artists)
    for side in report.values():
        assert side["gain"] >= 0
        assert len(side["interval"]) == 2
