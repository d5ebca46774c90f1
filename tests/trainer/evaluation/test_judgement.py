"""A recipe beside the live one, on the plays that came last."""

import numpy as np
import pytest

from support.data.worlds import gigs
from trainer.evaluation.judgement import DRAWS, Judgement, Setting, _figures, gain, judge
from trainer.evaluation.splits import Gigs
from trainer.recipe import START, Recipe, Weights

RECIPE = Recipe(factors=8, threads=1)
BAD = Weights(
    dict.fromkeys(START.artists, 0.0) | {"own": 1.0},
    dict.fromkeys(START.venues, 0.0) | {"own": 1.0},
)


@pytest.fixture(scope="module")
def world() -> Gigs:
    return gigs(3000)


def test_the_same_setting_loses_nothing_and_beats_the_popular_list(world):
    found = judge(world, Setting(RECIPE, START), Setting(RECIPE, START))

    assert found
    assert found.gains["live"] == (0, 0, 0)
    assert found.gains["popular"].low > 0
    assert found.reasons == []
    assert found.as_json()["plays"] == 3000
    assert min(found.subjects.values()) >= 50


def test_worse_weights_are_a_reason_and_better_ones_are_not(world):
    worse = judge(world, Setting(RECIPE, BAD), Setting(RECIPE, START))
    better = judge(world, Setting(RECIPE, START), Setting(RECIPE, BAD))

    assert worse
    assert better
    assert "that of the live recipe and weights" in worse.reasons[0]
    assert better.reasons == []
    assert better.gains["live"].mean == pytest.approx(-worse.gains["live"].mean)


def test_a_row_that_does_not_rank_every_cell_has_no_figure_beside_the_others(world):
    artists, venues = np.full(5, 0.2), np.full(5, 0.4)
    both = [{"judged": artists, "rp3": artists}, {"judged": venues}]

    assert _figures(both) == {"judged": pytest.approx(0.3)}
    assert _figures(both[:1]) == {"judged": pytest.approx(0.2), "rp3": pytest.approx(0.2)}
    # Its difference is paired, cell by cell, and stays.
    found = judge(world, Setting(RECIPE, START), Setting(RECIPE, START))
    assert found
    assert set(found.gains) == {"live", "popular", "recent", "rp3"}


@pytest.mark.parametrize("given", [gigs(100), gigs(1000, dated=False)], ids=["few", "undated"])
def test_too_few_or_undated_plays_are_not_judged(given):
    assert judge(given, Setting(RECIPE, START), Setting(RECIPE, BAD)) is None


def test_a_clear_loss_alone_is_a_reason(world):
    found = judge(world, Setting(RECIPE, START), Setting(RECIPE, START))
    assert found
    low, high = -0.003, -0.001
    slight = found.gains["live"]._replace(mean=-0.002, low=low, high=high)
    figures = {**found.figures, "live": 0.3}
    given = {**vars(found), "figures": figures, "gains": {"live": slight}}

    assert Judgement(**given).reasons == []
    clear = slight._replace(mean=-0.02, low=-0.03)
    assert Judgement(**given | {"gains": {"live": clear}}).reasons != []


def test_an_interval_draws_the_subjects_of_a_direction_once_for_all_views(world):
    found = judge(world, Setting(RECIPE, START), Setting(RECIPE, START))
    assert found

    class Same:
        direction, subjects = "artist_to_venue", np.arange(200, dtype=np.int32)

    draw = np.random.default_rng(1)
    values = draw.normal(0.1, 1, 200)
    one, twice = gain([Same], [values]), gain([Same, Same], [values, values])

    assert twice.mean == one.mean == pytest.approx(values.mean())
    assert (twice.high - twice.low) == pytest.approx(one.high - one.low, rel=0.1)
    assert one.high - one.low == pytest.approx(4 * values.std() / 200**0.5, rel=0.15)
    assert DRAWS >= 1000
