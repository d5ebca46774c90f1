"""What becomes of a fit, and what is gone without a decision."""

import pytest

from trainer.gate.loss import Volume, lost
from trainer.gate.verdict import Verdict, decide, is_asked
from trainer.plays.matrix import DAY_MS

LIVE = Volume(stated=1000, as_of_ms=100 * DAY_MS, decisions=2, quarantined={})


@pytest.mark.parametrize(
    ("now", "reasons", "why"),
    [
        (LIVE, 0, "nothing changed"),
        (LIVE._replace(stated=2000), 0, "it grew"),
        (LIVE._replace(stated=701), 0, "some are gone"),
        (LIVE._replace(stated=699), 1, "a third is gone"),
        (LIVE._replace(stated=699, as_of_ms=0), 2, "and the clock fell"),
        (LIVE._replace(stated=999, as_of_ms=69 * DAY_MS), 1, "an older copy"),
        (LIVE._replace(stated=999, as_of_ms=71 * DAY_MS), 0, "somewhat older"),
        (LIVE._replace(stated=1000, as_of_ms=0), 0, "a date was corrected"),
        (LIVE._replace(stated=10, decisions=3), 0, "erased or merged"),
        (LIVE._replace(stated=10, quarantined={"s": 0}), 0, "quarantined"),
    ],
)
def test_plays_that_are_gone_without_a_decision_are_a_reason(now, reasons, why):
    assert len([*lost(LIVE, now)]) == reasons, why


def test_an_artifact_of_an_earlier_version_has_a_volume():
    manifest = {"counts": {"plays": 7, "cancelled": 3}, "as_of_ms": 5}

    assert Volume.from_manifest(manifest) == (10, 5, 0, {})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (([], [], [], []), "published"),
        ((["a"], [], [], []), "refused"),
        (([], ["a"], [], []), "refused"),
        (([], [], ["a"], []), "held"),
        (([], [], [], ["a"]), "held"),
        ((["a"], [], [], ["b"]), "refused"),
    ],
)
def test_a_refusal_goes_before_a_hold(found, expected):
    verdict = decide(*found)

    assert verdict.verdict == expected
    assert verdict.is_published == (expected == "published")
    assert bool(verdict.summary) == (expected != "published")


def test_a_verdict_names_the_remedy_and_its_summary_no_id():
    held = decide([], [], [], ["venue 'secret' takes over"])

    assert "gigstream accept" in str(held)
    assert "secret" in str(held)
    assert "secret" not in held.summary
    assert "--force" in str(decide(["worse"], [], [], []))
    assert Verdict(**held.as_json()) == Verdict("held", list(held.reasons), held.summary)


@pytest.mark.parametrize(
    ("judged", "plays", "is_same", "asked"),
    [
        (None, 100, True, True),
        ({"plays": 100}, 110, True, False),
        ({"plays": 100}, 111, True, True),
        ({"plays": 100}, 100, False, True),
    ],
)
def test_a_recipe_is_judged_again_where_it_or_the_volume_changed(judged, plays, is_same, asked):
    assert is_asked(judged, plays, is_same=is_same) is asked
