"""The live model as its lists have it: for commands that look at vectors, not at Redis."""

import sys
import time
from typing import TYPE_CHECKING

from gigstream.errors import WrongUse

if TYPE_CHECKING:
    from gigstream.settings import Settings
    from trainer.following import Following
    from trainer.generation import Generation


def published(settings: "Settings") -> "tuple[Generation, Following]":
    """The live generation with everything folded in that was stored since.

    Raises:
        WrongUse: Nothing was published from this home.
    """
    from trainer.following import Following
    from trainer.generation import Generation
    from trainer.registry import Registry

    registry = Registry(settings.models)
    artifact = registry.load_live()
    if artifact is None:
        raise WrongUse(f"{settings.models} has no model yet; run `gigstream train --once` first")
    following = Following(settings.store)
    following.listen(time.time(), artifact)
    generation = Generation.of(int(artifact.manifest["generation"]), artifact)
    generation.fold(following, following.pending(sys.maxsize))
    return generation, following
