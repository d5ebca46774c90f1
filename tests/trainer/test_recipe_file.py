"""A recipe file is read whole or refused with the remedy."""

import json
from datetime import date

import pytest

from trainer.errors import BadRecipe
from trainer.recipe_file import Data, Evidence, OnSlice, OnWindows, Range, RecipeFile, lead, read


def evidence(**changes) -> Evidence:
    """Of a small search."""
    day, none = date(2026, 1, 1), Range(0.0, 0.0, 0.0)
    facts = {
        "won": True,
        "reason": "better",
        "found": {"alpha": 20.0},
        "start": {"alpha": 10.0},
        "seed": 1,
        "data": Data(plays=1000, artists=10, venues=5, first=day, last=day, digest="0"),
        "windows": OnWindows(trials=3, cuts=(day,), start=0.3, found=0.31, gain=none),
        "slice": OnSlice(cut=day, figures={"judged": 0.3, "live": 0.29}, gain=none),
        "lead": 1.5,
    }
    return Evidence(**facts | changes)


def test_what_is_written_is_read(tmp_path):
    found = RecipeFile(recipe={"alpha": 20.0, "factors": 32}, evidence=evidence())
    (tmp_path / "r.json").write_text(found.model_dump_json())

    assert read(tmp_path / "r.json") == found


def test_a_missing_file_is_named_with_the_remedy(tmp_path):
    with pytest.raises(BadRecipe, match=r"recipe_file: .*gone\.json cannot be read .* --out"):
        read(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipe": {"alfa": 1}}, "recipe: .*alfa is no setting of the fit"),
        ({"recipe": {"alpha": "much"}}, r"recipe\.alpha: "),
        ({"format": 2}, "format: "),
        ({"evidence": {}}, r"evidence\.won: "),
    ],
)
def test_another_content_is_refused_by_field(tmp_path, change, said):
    whole = RecipeFile(recipe={}, evidence=evidence()).model_dump(mode="json")
    (tmp_path / "r.json").write_text(json.dumps(whole | change))

    with pytest.raises(BadRecipe, match=said):
        read(tmp_path / "r.json")


def test_no_json_is_refused(tmp_path):
    (tmp_path / "r.json").write_text("alpha = 3")

    with pytest.raises(BadRecipe, match=r"r\.json: its JSON: .* make it again"):
        read(tmp_path / "r.json")


def test_the_lead_is_over_the_best_baseline():
    assert lead({"judged": 0.3, "popular": 0.1, "recent": 0.2}) == pytest.approx(1.5)
    assert lead({"judged": 0.3}) is None
