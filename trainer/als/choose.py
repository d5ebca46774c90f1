"""Which solver fits: by the name in the recipe."""

from trainer.als.engine import Engine
from trainer.errors import EngineMissing, EngineUnfit
from trainer.recipe import built


def engine(name: str) -> Engine:
    """The engine of that name: see `Recipe.engine`.

    Raises:
        ValueError: there is none.
        EngineMissing: it was not built.
        EngineUnfit: it fits a whole store only.
    """
    # Only the chosen solver is imported: implicit loads slowly, and the kernel may be missing.
    if name == "implicit":
        from trainer.als.implicit import Implicit  # noqa: PLC0415

        return Implicit()
    if name == "spark":
        raise EngineUnfit(
            "engine: 'spark' fits the whole store, and no part of it; for all else use 'local', "
            "which minimises the same with regularization_exponent = 1"
        )
    if name != "local":
        raise ValueError(f"engine: {name!r} is unknown; use 'local', 'implicit' or 'spark'")
    if not built():
        raise EngineMissing(
            "engine: 'local' was not built here; reinstall with a C++ compiler or use 'implicit'"
        )
    from trainer.als.local import Local  # noqa: PLC0415

    return Local()
