"""The trainer's settings hold a recipe and a policy."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from trainer.live.plan import Policy
from trainer.recipe import Recipe
from trainer.settings import TrainerSettings


def test_the_recipe_is_what_a_cold_fit_depends_on_and_nothing_else():
    settings = TrainerSettings(factors=8, seed=7, redis_prefix="other")

    assert settings.recipe() == Recipe(factors=8, seed=7)
    assert type(settings.recipe()) is Recipe


def test_the_policy_is_made_of_the_refit_settings():
    settings = TrainerSettings(
        refit_interval_s=60,
        refit_share=0.2,
        refit_quiet_s=3,
        refit_patience_s=4,
        warm_refits=5,
    )

    assert Policy.from_settings(settings) == Policy(
        interval_s=60, share=0.2, quiet_s=3, patience_s=4, warm_refits=5
    )


def test_models_lie_beside_the_store():
    settings = TrainerSettings(home=Path("somewhere"))

    assert settings.models == Path("somewhere/models")
    assert settings.store == Path("somewhere/store")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("engine", "spork"),
        ("factors", 0),
        ("regularization", 0),
        ("alpha", -1),
        ("iterations", 0),
        ("als_half_life_days", 0),
        ("popularity_half_life_days", -5),
        ("seed", -1),
        ("threads", -1),
        ("poll_interval_s", 0),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(name, value):
    with pytest.raises(ValidationError, match=name):
        TrainerSettings(**{name: value})
