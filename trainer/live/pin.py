"""The pinned model: it stays live, whatever is stored, until another is pinned or none is."""

import logging
from collections.abc import Collection
from pathlib import Path

from consumer.ids.erasures import Erasures
from trainer.errors import ErasedInside
from trainer.live.roll_back import held, target
from trainer.registry.artifact import load
from trainer.registry.generations import Generations
from trainer.registry.requests import Request
from trainer.registry.state import Registry, holding

logger = logging.getLogger(__name__)


class Pin:
    """Which model is pinned, as the registry has it.

    Args:
        registry: of the folder that this process has the lease on: no other one pins there.
        models: that folder.
    """

    def __init__(self, registry: Registry, models: Path) -> None:
        self._registry = registry
        self._generations = Generations(models)
        self.path: Path | None = registry.pinned()
        """Folder of the pinned artifact; None: refits replace models."""

    def set(self, artifact: Path | None) -> None:
        """Pin an artifact; None: let refits replace models."""
        self._registry.pin(artifact)
        self.path = artifact
        logger.info("Pinned: %s.", artifact.name if artifact else "nothing")

    def drop_unpublished(self, newest: Path) -> None:
        """Remove the artifacts of earlier fits that were refused or held.

        Args:
            newest: of the last such fit, which stays: it tells the reasons.
        """
        # They would count among the models that are kept, and push out those to roll back to.
        records = self._generations.records()
        # One that was held may have been accepted since.
        kept = {newest.name, *(each.artifact for each in records if each.is_published)}
        names = {each.artifact for each in records} - kept
        self._registry.remove([path for path in self._registry.artifacts() if path.name in names])

    def removed(self, artifacts: Collection[Path]) -> None:
        """Artifacts were removed since they hold an erased id: one of them is pinned no longer."""
        if self.path in artifacts:
            logger.warning("The pinned model held an erased id: it is gone, refits replace it.")
            self.path = None

    def chosen(self, live: Path, request: Request, erasures: Erasures) -> Path:
        """The artifact to roll back to, or the held one to accept, checked.

        Args:
            live: the live one.
            request: which of both, and the generation whose model is asked for.
            erasures: ids that must not be published.

        Raises:
            NoSuchGeneration: there is none, or its files are gone.
            BadArtifact: its files are damaged.
            ErasedInside: it holds an erased id.
        """
        folders = {path.name: path for path in self._registry.artifacts()}
        records = self._generations.records()
        if request.action == "accept":
            name = held(records, folders, request.generation)
        else:
            name = target(records, folders, live.name, request.generation)
        path = folders[name]
        # Before it is pinned: a damaged model must not become the one that stays.
        load(path)
        if holding([path], erasures):
            raise ErasedInside(path.name)
        return path
