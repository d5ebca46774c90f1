"""Reasons: shares add up to the score of each entry, term by term; causes are the greatest."""

from dataclasses import replace

import numpy as np
import pytest

from serving.contract import VIEWS, side_of
from support.data.gigs import SMALL, world
from trainer.model.fit import Model, fit
from trainer.model.foldin import folded
from trainer.plays.ids import Ids
from trainer.plays.matrix import DAY_MS, Plays, confidence, decayed
from trainer.ranking import score
from trainer.ranking.contributions import NO_CAUSE
from trainer.ranking.history import History
from trainer.ranking.lists import Lists
from trainer.ranking.reasons import Explainer
from trainer.recipe import Weights

NOW = 365 * DAY_MS
SIDES = ("artist", "venue")
FORMULAS = {"artists": score.venues_for_artists, "venues": score.artists_for_venues}
EPSILON = float(np.finfo(np.float32).eps)


def seen_from(subjects: str, plays: Plays) -> Plays:
    return plays if subjects == "artists" else plays.transposed()


def weighted(model: Model, seed: int) -> Model:
    """Random weights; one term of each side has none."""
    rng = np.random.default_rng(seed)
    sides = []
    for terms in (score.TERMS["artists"], score.TERMS["venues"]):
        weights = dict(zip(terms, rng.uniform(0.1, 3, len(terms)).tolist(), strict=True))
        weights[list(terms)[seed % len(terms)]] = 0.0
        sides.append(weights)
    return replace(model, weights=Weights(*sides))


def alone(model: Model, name: str, weight: float) -> Model:
    return replace(model, weights=Weights({name: weight}, {name: weight}))


def lists_of(model: Model, plays: Plays, size: int = 12) -> Lists:
    return Lists(
        model=model,
        plays=plays,
        artists=Ids(model.artist_ids),
        venues=Ids(model.venue_ids),
        generation=1,
        size=size,
    )


def assert_exact(lists: Lists, model: Model) -> int:
    """Every entry of every list: the shares add up to its score. Returns how many there were."""
    checked = 0
    for view in VIEWS:
        side = side_of(view)
        own, other = (
            (model.artist_ids, model.venue_ids)
            if side == "artist"
            else (model.venue_ids, model.artist_ids)
        )
        explainer = lists.explainer(side)
        for identity, entry in lists.complete(view):
            listed = np.array([other.index(each) for each in entry.ids], np.int64)
            reasons = explainer.explain(own.index(identity), listed)
            sizes = np.sum(np.abs(list(reasons.shares.values())), axis=0)
            assert (np.abs(reasons.scores - entry.scores) <= 16 * EPSILON * (1 + sizes)).all()
            checked += len(listed)
    return checked


# Shares


@pytest.mark.parametrize("seed", range(6))
def test_the_shares_of_an_entry_add_up_to_its_score(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(10, 60)), int(rng.integers(5, 30)), int(rng.integers(50, 600))
    plays, artists, venues = world(*size, seed=seed)
    model = weighted(fit(plays, artists, venues, NOW, SMALL), seed)

    assert assert_exact(lists_of(model, plays), model) > 100


@pytest.mark.parametrize("seed", range(3))
def test_they_do_for_artists_and_venues_that_came_after_the_fit(seed):
    plays, artists, venues = world(seed=seed)
    # The last five artists and two venues are new: neither the fit nor the walk knows them.
    old = (plays.artist < 35) & (plays.venue < 13)
    before = Plays(plays.artist[old], plays.venue[old], plays.at_ms[old], *plays.shape)
    model = weighted(fit(before, artists, venues, NOW, SMALL), seed)

    now = folded(model, plays, np.arange(40), np.arange(15))

    assert not model.artists.fitted[35:].any()
    assert (now.venues.walk_row[13:] == -1).all()
    assert assert_exact(lists_of(now, plays), now) > 500


def test_they_do_where_most_venues_are_no_candidates():
    plays, artists, venues = world()
    model = weighted(fit(plays, artists, venues, NOW, SMALL), 1)
    kept = plays.venue < 4
    few = Plays(plays.artist[kept], plays.venue[kept], plays.at_ms[kept], *plays.shape)

    assert assert_exact(lists_of(model, few), model) > 100


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("subjects", ["artists", "venues"])
def test_each_share_is_the_weighted_term_alone(subjects, whole):
    plays, artists, venues = world()
    model = weighted(fit(plays, artists, venues, NOW, SMALL), 1)
    seen = seen_from(subjects, plays)
    candidates = np.arange(seen.n_venues)
    explainer = Explainer(subjects, model, History(seen, NOW, whole=whole), candidates)

    for row in range(seen.n_artists):
        shares = explainer.explain(row, candidates).shares
        for name, weight in getattr(model.weights, subjects).items():
            if not weight:
                assert name not in shares
                continue
            one = FORMULAS[subjects](alone(model, name, weight), plays, np.array([row]), candidates)
            expected = one.rows.astype(float) @ one.cols.T + one.bias + one.shift[:, None]
            added = 0 if one.additions is None else one.additions.toarray()
            np.testing.assert_allclose(shares[name], (expected + added)[0], atol=2e-5)


@pytest.mark.parametrize("subjects", ["artists", "venues"])
def test_the_popular_list_is_explained_by_what_holds_for_everybody(subjects):
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)
    side = model.venues if subjects == "artists" else model.artists
    history = History(seen_from(subjects, plays), NOW)
    listed = np.array([3, 1, 4])

    for weights in (model.weights, Weights({"als": 1}, {"als": 1})):
        known = replace(model, weights=weights)
        found = Explainer(subjects, known, history, np.arange(len(side))).explain_popular(listed)
        expected = score.everywhere(side, getattr(weights, subjects))[listed]
        np.testing.assert_allclose(found.scores, expected, atol=1e-6)
        assert found.causes == {}


def test_a_subject_without_plays_has_no_causes_and_the_shares_of_everybody():
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)
    kept = plays.artist != 3
    without = Plays(plays.artist[kept], plays.venue[kept], plays.at_ms[kept], *plays.shape)
    listed = np.arange(15)

    found = Explainer("artists", model, History(without, NOW), listed).explain(3, listed)

    expected = score.everywhere(model.venues, model.weights.artists)
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)
    assert all((causes == NO_CAUSE).all() for causes in found.causes.values())


# Causes


def causes_of(subjects: str, model: Model, plays: Plays, row: int) -> dict[str, np.ndarray]:
    seen = seen_from(subjects, plays)
    candidates = np.arange(seen.n_venues)
    return dict(
        Explainer(subjects, model, History(seen, NOW), candidates).explain(row, candidates).causes
    )


def assert_greatest(causes: np.ndarray, parts: np.ndarray) -> None:
    """Parts: by source, by candidate. Sources that tie but for rounding are as good."""
    for column, cause in enumerate(causes.tolist()):
        greatest = parts[:, column].max()
        if cause == NO_CAUSE:
            assert greatest <= 1e-9
        else:
            assert parts[cause, column] == pytest.approx(greatest, rel=1e-5)


@pytest.mark.parametrize("subjects", ["artists", "venues"])
def test_the_cause_of_als_is_the_play_that_contributes_most_to_the_product(subjects):
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)
    seen = seen_from(subjects, plays)
    model = folded(model, plays, np.arange(40), np.empty(0, np.int32))
    own, other = (
        (model.artists, model.venues) if subjects == "artists" else (model.venues, model.artists)
    )
    fixed = other.factors.astype(float)
    weights = confidence(seen, NOW, SMALL).toarray().astype(float)
    for row in range(seen.n_artists):
        weight, played = weights[row], weights[row] > 0
        left = fixed.T @ fixed + SMALL.regularization * np.eye(8)
        left += (fixed[played].T * (weight[played] - 1)) @ fixed[played]
        parts = weight[:, None] * (fixed @ np.linalg.inv(left) @ fixed.T)

        assert_greatest(causes_of(subjects, model, plays, row)["als"], parts)
        if subjects == "artists":  # solved exactly above: the parts add up to the product
            np.testing.assert_allclose(parts.sum(axis=0), fixed @ own.factors[row], atol=1e-4)


def test_the_cause_of_item_item_is_the_venue_from_which_the_walk_leads_there_most():
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)
    near = model.walk.toarray()[model.venues.walk_row][:, model.venues.walk_row]
    visits = np.log1p(decayed(plays, NOW, 180).toarray())

    for row in range(40):
        parts = visits[row][:, None] * near
        assert_greatest(causes_of("artists", model, plays, row)["rp3"], parts)


def test_the_cause_of_mates_is_the_mate_who_weighs_most_there():
    plays, artists, venues = world()
    model = fit(plays, artists, venues, NOW, SMALL)
    recent = np.log1p(decayed(plays, NOW, 120).toarray())
    recent /= np.sqrt(recent.sum(axis=1, keepdims=True))
    bills: dict[tuple[int, int], set[int]] = {}
    for artist, venue, at_ms in zip(plays.artist, plays.venue, plays.at_ms, strict=True):
        bills.setdefault((venue, at_ms // DAY_MS), set()).add(artist)
    shared = np.zeros((40, 40))
    for (_, day), bill in bills.items():
        for one in bill:
            for mate in bill - {one}:
                shared[one, mate] += 0.5 ** ((365 - day) / 365) / (len(bill) - 1)

    for row in range(40):
        parts = shared[row][:, None] * recent
        assert_greatest(causes_of("artists", model, plays, row)["mates"], parts)
