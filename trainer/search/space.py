"""What is searched: settings of the fit, with the range of each."""

from typing import Any, NamedTuple, Protocol

from trainer.recipe import Recipe

MOST_FACTORS = 128
FACTORS_STEP = 16


class Span(NamedTuple):
    """Bounds of a number."""

    low: float
    high: float
    log: bool = True
    """Whether ratios count, not differences."""


SPANS = {
    "alpha": Span(1, 100),
    "regularization": Span(0.3, 300),
    "regularization_exponent": Span(0, 1, log=False),
    "als_half_life_days": Span(60, 3000),
    "popularity_half_life_days": Span(14, 720),
}
_BY_DATE = ("als_half_life_days", "popularity_half_life_days")


class Trial(Protocol):
    """Chooses values, as a trial of Optuna does."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number within bounds.

        Args:
            name: of the setting.
            low: the least.
            high: the greatest.
            log: whether ratios count, not differences.
        """

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1) -> int:
        """A whole number within bounds.

        Args:
            name: of the setting.
            low: the least.
            high: the greatest.
            step: between two that may be chosen.
        """


def searched(recipe: Recipe, *, dated: bool) -> list[str]:
    """The names of the settings that are searched.

    Args:
        recipe: whose engine may have no lambda by row.
        dated: whether the plays have dates.
    """
    left_out = set() if dated else set(_BY_DATE)
    if recipe.engine != "local":
        left_out.add("regularization_exponent")
    return ["factors", *(name for name in SPANS if name not in left_out)]


def suggested(trial: Trial, recipe: Recipe, *, dated: bool) -> Recipe:
    """The recipe with values that the trial chooses.

    Args:
        trial: the chooser.
        recipe: for what is not searched.
        dated: whether the plays have dates.
    """
    # A start beyond the bounds is kept within reach.
    most = max(MOST_FACTORS, recipe.factors // FACTORS_STEP * FACTORS_STEP)
    chosen: dict[str, Any] = {
        "factors": trial.suggest_int("factors", FACTORS_STEP, most, step=FACTORS_STEP)
    }
    for name in searched(recipe, dated=dated)[1:]:
        low, high, log = SPANS[name]
        chosen[name] = trial.suggest_float(name, low, high, log=log)
    # Not `model_copy`, which checks nothing.
    return Recipe.model_validate(recipe.model_dump() | chosen)


def is_inside(recipe: Recipe, *, dated: bool) -> bool:
    """Whether the search could choose this recipe.

    Args:
        recipe: to look at.
        dated: whether the plays have dates.
    """
    names = searched(recipe, dated=dated)[1:]
    near = all(SPANS[name].low <= getattr(recipe, name) <= SPANS[name].high for name in names)
    return near and recipe.factors % FACTORS_STEP == 0
