"""What a refit process is asked to do."""

from dataclasses import dataclass
from pathlib import Path

from trainer.registry.journal import Step
from trainer.settings import TrainerSettings


@dataclass(frozen=True)
class Job:
    """One generation to make."""

    settings: TrainerSettings
    store_version: int
    generation: int
    registry: str
    token: int
    staged: Step
    """What is settled at that version."""
    artifact: Path
    """Where the model is; fitted and written there first if nothing is there yet."""
    start: Path | None = None
    """The artifact whose vectors a fit starts from; None: a cold fit."""
    live: Path | None = None
    """The live artifact, which a new fit is compared with; None: nothing is published."""
    force: bool = False
    """Publish even if that shrinks the lists by half."""
