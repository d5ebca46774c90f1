"""What a cold fit depends on, besides plays and date; and whether this install is compiled."""

import importlib
import logging
from collections.abc import Mapping
from functools import cache
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

logger = logging.getLogger(__name__)

ONE_LAMBDA = "the engine 'implicit' has one lambda for all rows; use 'local', or exponent 0"
BY_COUNT = (
    "the engine 'spark' weighs lambda by count alone; set 1, and lower regularization to 1 or so"
)


class Weights(NamedTuple):
    """Weights of the terms of the score, by name; a term without one counts 0."""

    artists: Mapping[str, float]
    """Of venues ranked for artists."""
    venues: Mapping[str, float]
    """Of artists ranked for venues."""


START = Weights(
    artists={
        "popularity": 0.7,
        "yearly": 0,
        "liveness": 0.7,
        "mates": 1,
        "als": 0.7,
        "own": 0.7,
        "rp3": 0.3,
    },
    venues={"popularity": 0.7, "liveness": 0.7, "als": 1.4, "own": 1},
)
"""Where tuning begins, and what counts where the data are too few to tune on. A term of weight 0
counts only where tuning finds that it gains."""

UNDATED = Weights(
    artists={"popularity": 1, "als": 1, "own": 1, "rp3": 0.3},
    venues={"popularity": 1, "als": 1, "own": 1},
)
"""The same for plays that all have one date: nothing is recent, and one date makes no bill."""

PRESETS: Mapping[str, Mapping[str, float]] = {
    "dated": {},
    "undated": {
        "factors": 512,
        "alpha": 43.3,
        "regularization": 20.0,
        "regularization_exponent": 0.5,
    },
}
"""Settings of the fit by kind of plays; the other settings have their defaults."""


class Recipe(BaseModel):
    """Everything that a cold fit depends on besides the plays and the date."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    engine: Literal["local", "implicit", "spark"] = "local"
    """Which ALS solver fits the factors: our own, the library `implicit`, or Spark (docs/spark.md).
    Default: `local`; without compiled code the trainer takes `implicit` and logs a warning."""

    factors: int = Field(default=64, ge=1, le=512)
    """Length of an artist's or venue's vector. Default: 64."""

    regularization: float = Field(default=30.0, gt=0)
    """Weight of the squared length of all vectors against the misfit. Default: 30; raise it
    together with `alpha`, since both scale against each other."""

    regularization_exponent: float = Field(default=0.0, ge=0, le=1, validate_default=True)
    """A row's own lambda is `regularization` * n ** this, n being the number of its pairs: 0 gives
    all rows the same, 1 weighs by count; then lower `regularization`. The engine `implicit` has
    only 0, and `spark` only 1. Default: 0."""

    alpha: float = Field(default=10.0, gt=0)
    """Confidence in one play today, times log(2): c = alpha * log(1 + decayed plays), where a
    pair that never met has c = 1. Default: 10."""

    iterations: int = Field(default=15, ge=1)
    """Sweeps over artists and venues in a cold fit. `local` extrapolates: it runs at most 1 / 1.4
    as many, and stops when a sweep lowers the objective by less than 0.0015 %. Default: 15."""

    als_half_life_days: float = Field(default=365.0, gt=0)
    """After how many days a play weighs half in the factors. Default: 365."""

    popularity_half_life_days: float = Field(default=60.0, gt=0)
    """After how many days a play weighs half in popularity. Default: 60."""

    seed: int = Field(default=1, ge=0, lt=2**63)
    """Seed of the initial vectors of a cold fit. Default: 1."""

    threads: int = Field(default=0, ge=0)
    """Threads of the fit; 0 means all cores. Default: 0."""

    @field_validator("regularization_exponent")
    @classmethod
    def _known_to_the_engine(cls, exponent: float, others: ValidationInfo) -> float:
        if exponent and others.data.get("engine") == "implicit":
            raise ValueError(ONE_LAMBDA)
        if exponent != 1 and others.data.get("engine") == "spark":
            raise ValueError(BY_COUNT)
        return exponent


@cache
def built() -> bool:
    """Whether the trainer's compiled code is installed and loads; logs once where it is not."""
    try:
        importlib.import_module("trainer.als._als")
        importlib.import_module("trainer.plays._settle")
    except ImportError as error:
        logger.warning(
            "gigstream is not compiled here (%s): implicit fits, and Python settles, folds in "
            "and ranks, many times slower. Install a C++ compiler and reinstall gigstream.",
            error,
        )
        return False
    return True


def usable(engine: str) -> str:
    """That engine, or `implicit` in place of a `local` that is not built."""
    return engine if engine != "local" or built() else "implicit"
