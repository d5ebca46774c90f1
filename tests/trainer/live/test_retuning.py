"""Tuning is asked for again when the plays have doubled, or the lead has shrunk."""

from datetime import date

from trainer.live.refit import _ask_to_tune
from trainer.live.retuning import why_tune
from trainer.recipe_file import Data, Evidence, OnSlice, OnWindows, Range, RecipeFile

DAY, NONE = date(2026, 1, 1), Range(0.0, 0.0, 0.0)
THEN = {"judged": 0.3, "live": 0.25, "popular": 0.1, "recent": 0.2}
EVIDENCE = Evidence(
    won=True,
    reason="better",
    found={},
    start={},
    seed=1,
    data=Data(plays=1000, artists=10, venues=5, first=DAY, last=DAY, digest="0"),
    windows=OnWindows(trials=3, cuts=(DAY,), start=0.3, found=0.31, gain=NONE),
    slice=OnSlice(cut=DAY, figures=THEN, gain=NONE),
    lead=1.5,
)


def quality(judged: float) -> dict:
    return {"judged": {"figures": {"judged": judged, "popular": 0.1, "recent": 0.2}}}


def test_the_plays_have_doubled():
    assert why_tune(EVIDENCE, 1999, None) == ""
    assert why_tune(EVIDENCE, 2000, None) == "2,000 plays count now, 1,000 did when it was tuned"


def test_the_lead_has_shrunk():
    assert why_tune(EVIDENCE, 1000, quality(0.28)) == ""
    assert "1.30 times" in why_tune(EVIDENCE, 1000, quality(0.26))


def test_the_lead_of_an_older_file_is_over_today_s_baselines():
    """It counted rp3 among them, beside which the recipe hardly led."""
    older = OnSlice(cut=DAY, figures=THEN | {"rp3": 0.29}, gain=NONE)
    evidence = EVIDENCE.model_copy(update={"slice": older, "lead": 0.3 / 0.29})

    said = why_tune(evidence, 1000, quality(0.26))
    assert said.endswith("1.30 times as well as the best baseline, 1.50 times when it was tuned")


def test_the_lead_of_a_recipe_that_did_not_win_is_the_start_s():
    kept = EVIDENCE.model_copy(update={"won": False})

    assert why_tune(kept, 1000, quality(0.24)) == ""
    assert "1.25 times" in why_tune(kept, 1000, quality(0.22))


def test_a_refit_logs_it_and_a_file_that_is_gone_ends_nothing(tmp_path, caplog):
    path = tmp_path / "recipe.json"
    path.write_text(RecipeFile(recipe={}, evidence=EVIDENCE).model_dump_json())

    _ask_to_tune(str(path), 1500, None)
    assert not caplog.messages
    _ask_to_tune(str(path), 2500, None)
    path.unlink()
    _ask_to_tune(str(path), 2500, None)

    assert "Run `gigstream tune` again: 2,500 plays count now" in caplog.messages[0]
    assert "cannot be read" in caplog.messages[1]


def test_without_figures_then_or_now_only_the_volume_counts():
    unknown = EVIDENCE.model_copy(update={"slice": None, "lead": None})

    assert why_tune(unknown, 1000, quality(0.01)) == ""
    assert why_tune(EVIDENCE, 1000, {"verdict": "published"}) == ""
    assert why_tune(EVIDENCE, 1000, {"judged": None}) == ""
