"""When to refit, in the time of the argument `now`."""

from dataclasses import replace

import pytest

from trainer.live.plan import Known, Policy, refit_due, warm

POLICY = Policy(interval_s=3600, share=0.1, quiet_s=1, patience_s=30, warm_refits=3)


def known(**changes: float | None) -> Known:
    values = {
        "plays": 1000,
        "changed": 0,
        "fitted_plays": 1000,
        "fitted_at_s": 0,
        "recipe_changed": False,
        "warm_fits": 0,
        "first_change_s": 100,
        "last_change_s": 100,
    }
    return Known(**values | changes)


@pytest.mark.parametrize(
    ("state", "now_s", "due", "why"),
    [
        (known(), 1e9, False, "nothing new was said, however old the model"),
        (known(changed=99), 200, False, "too little, too early"),
        (known(changed=100), 200, True, "a tenth has changed"),
        (known(changed=1), 3599, False, "the clock has not struck"),
        (known(changed=1), 3600, True, "the clock has struck and one gig is new"),
        (known(changed=100), 100.5, False, "an import may be under way"),
        (known(changed=100, last_change_s=129.5), 130, True, "patience is over"),
        (known(fitted_plays=None), 200, True, "there is no model yet"),
        (known(fitted_plays=None, plays=0), 200, False, "there is nothing to fit"),
        (known(recipe_changed=True), 200, True, "the settings are not those it was fitted by"),
        (known(recipe_changed=True, plays=0), 200, False, "no settings fit nothing"),
        (known(recounted=True, last_change_s=200), 200, True, "a quarantine needs no pause"),
        (known(recounted=True, plays=0), 200, False, "every source is quarantined"),
        (known(changed=500, plays=0), 200, False, "everything was cancelled"),
    ],
)
def test_a_refit_is_due_by_clock_and_volume_and_never_for_nothing(state, now_s, due, why):
    assert refit_due(state, POLICY, now_s) is due, why


@pytest.mark.parametrize(
    ("state", "is_warm", "why"),
    [
        (known(changed=100), True, "most of what it was fitted on still holds"),
        (known(changed=500), True, "half has changed"),
        (known(changed=501), False, "more than half has changed"),
        (known(changed=100, warm_fits=2), True, "the third in a row"),
        (known(changed=100, warm_fits=3), False, "three warm ones are enough"),
        (known(changed=100, fitted_plays=None), False, "there is no model yet"),
        (known(changed=100, recipe_changed=True), False, "another recipe has other vectors"),
        (known(recounted=True), False, "its vectors know what does not count"),
    ],
)
def test_a_refit_is_warm_while_its_start_is_worth_it(state, is_warm, why):
    assert warm(state, POLICY) is is_warm, why


def test_no_refit_is_warm_where_the_settings_want_none():
    assert not warm(known(changed=1), replace(POLICY, warm_refits=0))
