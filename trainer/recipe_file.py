"""The recipe file: settings of the fit that `gigstream tune` chose, and the evidence for them.

The settings are used where the setting `recipe_file` names it. The evidence is for people, and
tells later when to tune again.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from trainer.errors import BadRecipe
from trainer.recipe import Recipe

BASELINES = ("popular", "recent")
"""Rows of the gate's comparison that need no fit and rank both sides."""


class Range(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


class Data(BaseModel):
    """Which plays were tuned on."""

    model_config = ConfigDict(frozen=True)

    plays: int
    artists: int
    venues: int
    first: date
    last: date
    digest: str
    """The same for the same plays, whatever their order."""


class OnWindows(BaseModel):
    """The search: mean NDCG@10 over past windows and views."""

    model_config = ConfigDict(frozen=True)

    trials: int
    cuts: tuple[date, ...]
    """The windows: each ranks the fifth of the plays after its cut."""
    start: float
    """Of the recipe that the search began with."""
    found: float
    """Of the best one."""
    gain: Range
    """Of the best one over the start, paired by subject."""


class OnSlice(BaseModel):
    """The gate's comparison, on the latest plays, which the search has not seen."""

    model_config = ConfigDict(frozen=True)

    cut: date
    figures: dict[str, float]
    """Mean NDCG@10: `judged` is the found recipe, `live` the start, the others are baselines."""
    gain: Range
    """Of the found recipe over the start, paired by subject."""


class Evidence(BaseModel):
    """How the settings were chosen."""

    model_config = ConfigDict(frozen=True)

    won: bool
    """Whether the best recipe is better than the start on the windows and on the slice."""
    reason: str
    found: dict[str, float]
    """The best recipe of the search; it is the file's where it won."""
    start: dict[str, float]
    """The recipe that the search began with; it is the file's where the best one did not win."""
    seed: int
    data: Data
    windows: OnWindows
    slice: OnSlice | None
    """None: the latest plays are too few to compare on."""
    lead: float | None
    """The figure of the file's recipe on the slice / that of the best baseline then."""

    @property
    def lead_now(self) -> float | None:
        """The lead over today's baselines: an older file counted others, such as rp3."""
        if self.slice is None:
            return None
        figures = self.slice.figures
        return lead(figures if self.won else figures | {"judged": figures["live"]})


def _settings(given: dict[str, float]) -> dict[str, float]:
    unknown = sorted(given.keys() - Recipe.model_fields.keys())
    if unknown:
        raise ValueError(f"{unknown[0]} is no setting of the fit")
    return given


class RecipeFile(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    recipe: Annotated[dict[str, float], AfterValidator(_settings)]
    """Settings of the fit by name; those that are not named stay as they are."""
    evidence: Evidence


def lead(figures: Mapping[str, float]) -> float | None:
    """How a recipe ranks the latest plays, as a multiple of the best baseline.

    Args:
        figures: of the gate's comparison, `judged` being the recipe.
    """
    best = max((figures[name] for name in BASELINES if name in figures), default=0.0)
    return figures["judged"] / best if best > 0 else None


def read(path: Path) -> RecipeFile:
    """The file's content.

    Raises:
        BadRecipe: it is missing or no recipe file.
    """
    try:
        return RecipeFile.model_validate_json(path.read_bytes())
    except OSError as error:
        told = f"cannot be read ({error.strerror}); make it with `gigstream tune --out {path}`"
        raise BadRecipe(f"recipe_file: {path} {told}, or unset it") from None
    except ValidationError as error:
        # The first problem names the field; a file of another kind has dozens.
        problem = error.errors(include_url=False)[0]
        field = ".".join(map(str, problem["loc"])) or "its JSON"
        told = f"{field}: {problem['msg']}; make it again with `gigstream tune`"
        raise BadRecipe(f"recipe_file: {path}: {told}") from None
