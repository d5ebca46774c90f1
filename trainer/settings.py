"""What a fit depends on, and how the trainer runs."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from consumer.settings import StoreSettings
from serving.settings import ServingSettings
from trainer.cluster import ClusterSettings
from trainer.kernel import usable
from trainer.plan import Policy

ONE_LAMBDA = "the engine 'implicit' has one lambda for all rows; use 'local', or exponent 0"
BY_COUNT = (
    "the engine 'spark' weighs lambda by count alone; set 1, and lower regularization to 1 or so"
)


class Recipe(BaseModel):
    """Everything that a cold fit depends on, besides the plays and the date."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    engine: Literal["local", "implicit", "spark"] = "local"
    """Which ALS solver fits the factors: our own, the library `implicit`, or Spark (docs/spark.md).
    Default: `local`; where that was not built, the trainer takes `implicit` and says so once."""

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
    """Sweeps over artists and venues in a cold fit. `local`, whose sweeps gain more, does at most
    1 / 1.3 as many, and ends when one lowers the objective by less than 0.006 %. Default: 15."""

    als_half_life_days: float = Field(default=365.0, gt=0)
    """After how many days a play weighs half in the factors. Default: 365."""

    popularity_half_life_days: float = Field(default=60.0, gt=0)
    """After how many days a play weighs half in popularity. Default: 60."""

    seed: int = Field(default=1, ge=0, lt=2**63)
    """Of the vectors that a cold fit starts from. Default: 1."""

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


class TrainerSettings(StoreSettings, ServingSettings, ClusterSettings, Recipe):
    """Settings of the trainer: where plays come from, where lists go, and when to fit anew."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # an error would else repeat the Redis URL, password and all
    )

    poll_interval_s: float = Field(default=0.05, gt=0, le=60)
    """Seconds between two looks for new commits in the store: part of the time from event to
    list. Default: 0.05."""

    refit_interval_s: float = Field(default=3600.0, gt=0)
    """Seconds after which a model is fitted anew, if anything new was said since. Default: 3600."""

    refit_share: float = Field(default=0.1, gt=0)
    """So many new statements, as a share of the plays fitted on, make a refit due before
    `refit_interval_s`. Default: 0.1."""

    refit_quiet_s: float = Field(default=1.0, ge=0)
    """A refit that is due waits until nothing was said for so many seconds, as in the midst of an
    import it would only be repeated. Default: 1."""

    refit_patience_s: float = Field(default=30.0, ge=0)
    """A refit that is due waits for quiet at most so many seconds. Default: 30."""

    warm_refits: int = Field(default=20, ge=0)
    """So many refits in a row start from the last model's vectors, which takes a sweep or two and
    leaves lists calmer; the next one starts anew, against drift. Default: 20; 0: all start anew."""

    connect_timeout_s: float = Field(default=15, gt=0)
    """Seconds a process waits at its start for a server that does not answer, before it ends with
    code 3. Default: 15."""

    @property
    def models(self) -> Path:
        """Folder of the registry and the artifacts."""
        return self.home / "models"

    def recipe(self) -> Recipe:
        """What a cold fit depends on, alone; its engine is one that this install has."""
        given = {name: getattr(self, name) for name in Recipe.model_fields}
        # implicit cannot stand in for a lambda per row: then the missing engine is named.
        engine = self.engine if self.regularization_exponent else usable(self.engine)
        return Recipe(**(given | {"engine": engine}))

    def policy(self) -> Policy:
        """When to refit."""
        return Policy(
            interval_s=self.refit_interval_s,
            share=self.refit_share,
            quiet_s=self.refit_quiet_s,
            patience_s=self.refit_patience_s,
            # Spark takes no vectors to start from.
            warm_refits=0 if self.engine == "spark" else self.warm_refits,
        )
