"""The live model with all fold-ins applied, for commands that read factors instead of lists."""

from gigstream.errors import WrongUse
from gigstream.settings import Settings
from trainer.live.following import Following
from trainer.live.generation import Generation
from trainer.registry.state import Registry


def published(settings: Settings) -> tuple[Generation, Following]:
    """Load the live generation and fold in everything stored since.

    Raises:
        WrongUse: No model was published from this home.
    """
    registry = Registry(settings.models)
    artifact = registry.load_live()
    if artifact is None:
        raise WrongUse(f"{settings.models} has no model yet; run `gigstream train --once` first")
    following = Following(settings.store)
    # Settles the store and marks what differs from the plays that the model was fitted on.
    following.listen(0.0)
    generation = Generation.before_foldin(int(artifact.manifest["generation"]), artifact)
    # All of it at once: this process publishes nothing, so there is no tick to keep short.
    generation.fold(following, following.differing(artifact))
    return generation, following
