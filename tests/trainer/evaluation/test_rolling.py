"""The near horizon: 60 days at a time, each ranked by a fit on what came before."""

import numpy as np
import pytest

from support.data.gigs import SMALL, world
from trainer.evaluation import rolling as near_horizon
from trainer.evaluation.rolling import rolling
from trainer.evaluation.splits import Gigs, split, until
from trainer.evaluation.windows import past
from trainer.model.fit import fit
from trainer.plays.matrix import DAY_MS


@pytest.fixture(scope="module")
def gigs() -> Gigs:
    return past(*world(n_artists=200, n_plays=3000), 365 * DAY_MS)


def rolled(gigs: Gigs) -> dict:
    parts = split(gigs, 0.5)
    model = fit(parts.train, parts.artist_ids, parts.venue_ids, parts.cut_ms, SMALL)
    return rolling(gigs, parts, model)


def test_each_step_ends_where_the_next_begins(gigs):
    found = rolled(gigs)

    days = [np.datetime64(each) for each in found["cuts"]]
    assert len(days) == 3
    assert set(np.diff(days).astype(int)) == {60}


def test_rows_views_and_differences_have_intervals(gigs):
    found = rolled(gigs)

    forward = {row: each["artist_to_venue"] for row, each in found["models"].items()}
    assert set(forward) == {"live", "start", "two", "rp3", "popular", "recent"}
    low, high = forward["live"]["known"]["interval"]["ndcg10"]
    assert 0 <= low <= forward["live"]["known"]["ndcg10"] <= high <= 1
    gained = found["differences"]["live - popular"]["artist_to_venue"]["returns"]
    assert gained["ndcg10"] == pytest.approx(
        forward["live"]["returns"]["ndcg10"] - forward["popular"]["returns"]["ndcg10"]
    )
    assert "venue_to_artist" not in found["models"]["rp3"]


def test_many_steps_are_thinned(gigs, monkeypatch):
    monkeypatch.setattr(near_horizon, "MOST_STEPS", 2)

    assert len(rolled(gigs)["cuts"]) == 2


def test_a_step_has_the_plays_of_its_days_alone(gigs):
    parts = until(gigs, 100 * DAY_MS, 160 * DAY_MS)

    assert parts.train.at_ms.max() == 100 * DAY_MS
    assert parts.later.at_ms.min() > 100 * DAY_MS
    assert parts.later.at_ms.max() == 160 * DAY_MS
