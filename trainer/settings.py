"""How the trainer runs."""

from pathlib import Path

from pydantic import ConfigDict, Field

from consumer.settings import StoreSettings
from serving.settings import ServingSettings
from trainer.recipe import Recipe, usable
from trainer.spark.settings import ClusterSettings


class TrainerSettings(StoreSettings, ServingSettings, ClusterSettings, Recipe):
    """Settings of the trainer: where plays come from, where lists go, and when to refit."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # an error would else repeat the Redis URL, password and all
    )

    recipe_file: str = ""
    """File of `gigstream tune` with settings of the fit, read at the start. A setting that the
    environment or `gigstream.toml` names wins over it. Default: none."""

    poll_interval_s: float = Field(default=0.05, gt=0, le=60)
    """Seconds between two looks for new commits in the store: part of the time from event to
    list. Default: 0.05."""

    refit_interval_s: float = Field(default=3600.0, gt=0)
    """Seconds after which a model is refitted, if anything new was stated since. Default: 3600."""

    refit_share: float = Field(default=0.1, gt=0)
    """This share of new statements, of the plays fitted on, makes a refit due before
    `refit_interval_s`. Default: 0.1."""

    refit_quiet_s: float = Field(default=1.0, ge=0)
    """A refit that is due waits until nothing was stated for this many seconds: during an import
    it would only be repeated. Default: 1."""

    refit_patience_s: float = Field(default=30.0, ge=0)
    """A refit that is due waits for quiet at most this many seconds. Default: 30."""

    warm_refits: int = Field(default=20, ge=0)
    """This many refits in a row start from the last model's vectors, which takes a sweep or two and
    leaves lists calmer; the next is a cold one, against drift. Default: 20; 0: all are cold."""

    variant: str = Field(default="", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$|^$")
    """Name of a second trainer of the same store, for another recipe beside the first: its models
    are in `models-<variant>`. Give it a `redis_prefix` of its own. Default: none."""

    models_kept: int = Field(default=5, ge=1)
    """Models kept on disk to roll back to, besides the live and the pinned one. Default: 5."""

    trainer_metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port of the trainer's metrics and health (docs/metrics.md). Default: 0, none. A trainer that
    stands by on the same machine serves its own once the port is free."""

    connect_timeout_s: float = Field(default=15, gt=0)
    """Seconds a process waits at its start for a server that does not answer, before it ends with
    code 3. Default: 15."""

    @property
    def models(self) -> Path:
        """Folder of the registry and the artifacts."""
        return self.home / (f"models-{self.variant}" if self.variant else "models")

    def recipe(self) -> Recipe:
        """What a cold fit depends on, alone; its engine is one that this install has."""
        given = {name: getattr(self, name) for name in Recipe.model_fields}
        # implicit cannot stand in for a lambda per row: then the missing engine is named.
        engine = self.engine if self.regularization_exponent else usable(self.engine)
        return Recipe(**(given | {"engine": engine}))
