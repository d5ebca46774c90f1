"""A search is the same in one part or two, and its recipe is taken only where it wins."""

import numpy as np
import pytest

from support.data.gigs import world
from trainer.errors import NothingToFit
from trainer.evaluation.judgement import Judgement
from trainer.evaluation.metrics import Interval
from trainer.evaluation.splits import Gigs
from trainer.evaluation.tuning import Gain
from trainer.evaluation.windows import past
from trainer.plays.matrix import DAY_MS
from trainer.recipe import Recipe
from trainer.recipe_file import RecipeFile
from trainer.search.search import Search, digest, why_not
from trainer.search.space import SPANS, searched, suggested
from trainer.search.study import Budget

START = Recipe(factors=16, iterations=2, threads=1)
SURE, UNSURE = Gain(0.01, 0.001), Gain(0.01, 0.02)


@pytest.fixture(scope="module")
def gigs() -> Gigs:
    return past(*world(n_artists=200, n_plays=3000), 365 * DAY_MS)


def search(gigs: Gigs, path, trials: int, **given) -> Search:
    return Search(gigs, START, path / "trials", Budget(trials, **given))


def compared(gain: float) -> Judgement:
    return Judgement(0, 1, {}, {}, {"live": Interval(gain, gain, gain)}, None, None)


def test_a_search_in_two_parts_is_that_in_one(gigs, tmp_path):
    whole = search(gigs, tmp_path / "one", 4).run()
    tried: list[int] = []
    search(gigs, tmp_path / "two", 2).run()

    again = search(gigs, tmp_path / "two", 4).run(
        lambda _recipe, _figure, number: tried.append(number)
    )

    assert tried == [3, 4]
    assert again == whole


def test_the_first_trial_is_the_start_and_the_evidence_is_whole(gigs, tmp_path):
    tried: list[Recipe] = []

    found = search(gigs, tmp_path, 1).run(lambda recipe, _figure, _number: tried.append(recipe))

    assert tried == [START]
    evidence = found.evidence
    assert (evidence.won, evidence.reason) == (False, "no trial was better than the start")
    assert found.recipe == {name: getattr(START, name) for name in searched(START, dated=True)}
    assert evidence.windows.start == evidence.windows.found > 0
    assert evidence.data.plays == len(gigs.plays)
    assert evidence.slice.figures["judged"] == evidence.slice.figures["live"]
    assert RecipeFile.model_validate_json(found.model_dump_json()) == found


def test_other_plays_or_another_start_begin_a_study_of_their_own(gigs, tmp_path):
    search(gigs, tmp_path, 2).run()
    half = past(*world(n_artists=200, n_plays=2500), 365 * DAY_MS)
    tried: list[int] = []

    search(half, tmp_path, 1).run(lambda _recipe, _figure, number: tried.append(number))

    assert tried == [1]


def test_time_ends_a_search_after_the_first_trial(gigs, tmp_path):
    tried: list[int] = []

    search(gigs, tmp_path, 50, seconds=1e-9).run(lambda _r, _f, number: tried.append(number))

    assert tried == [1]


def test_the_budget_is_used_by_trials_or_by_time():
    assert Budget(4).used(1, 1000.0) == 0.25
    assert Budget(4, 100.0).used(1, 50.0) == 0.5
    assert Budget(4, 100.0).used(1, 500.0) == 1.0


def test_a_recipe_wins_only_if_it_is_better_on_the_windows_and_on_the_latest_plays():
    assert why_not(False, SURE, compared(0.001)) == ""
    assert "no trial" in why_not(True, SURE, compared(0.001))
    assert "interval" in why_not(False, UNSURE, compared(0.001))
    assert "too few" in why_not(False, SURE, None)
    assert "not better" in why_not(False, SURE, compared(-0.001))


def test_the_digest_tells_plays_apart_but_not_their_order(gigs):
    plays, artists, venues = world(n_artists=200, n_plays=3000)
    order = np.random.default_rng(1).permutation(len(plays))
    shuffled = type(plays)(
        plays.artist[order], plays.venue[order], plays.at_ms[order], *plays.shape
    )

    assert digest(Gigs(shuffled, artists, venues)) == digest(Gigs(plays, artists, venues))
    assert digest(Gigs(plays, artists, venues)) == digest(gigs)
    assert digest(Gigs(plays, [*artists[:-1], "x"], venues)) != digest(gigs)


def test_too_few_plays_are_refused_with_the_remedy(tmp_path):
    few = past(*world(n_artists=20, n_plays=100), 365 * DAY_MS)

    with pytest.raises(NothingToFit, match=r"no past window has 50 .* tune on more plays"):
        search(few, tmp_path, 1).run()


class Highest:
    """A trial that takes the highest value of each range."""

    def suggest_int(self, _name, _low, high, **_given):
        return high

    def suggest_float(self, _name, _low, high, **_given):
        return high


def test_an_engine_with_one_lambda_and_plays_without_dates_leave_settings_out():
    implicit = Recipe(engine="implicit")

    assert suggested(Highest(), implicit, dated=True).regularization_exponent == 0
    assert "als_half_life_days" not in searched(Recipe(), dated=False)
    assert suggested(Highest(), Recipe(), dated=True).regularization == SPANS["regularization"].high
