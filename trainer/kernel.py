"""Whether the compiled ALS kernel is here, and which engine fits where it is not."""

import importlib
import logging
from functools import cache

logger = logging.getLogger(__name__)


@cache
def built() -> bool:
    """Whether this install has the kernel, and it loads."""
    try:
        importlib.import_module("trainer.engines._als")
    except ImportError:
        return False
    return True


@cache
def best_isa() -> str:
    """The best instruction set that this machine and the kernel, which must be built, both have."""
    isas: list[str] = importlib.import_module("trainer.engines._als").isas()
    return isas[-1]


@cache
def usable(engine: str) -> str:
    """That engine, or `implicit` in place of a `local` that was not built: said once."""
    if engine != "local" or built():
        return engine
    logger.warning(
        "The ALS kernel is not built here, so implicit fits, several times slower: "
        "reinstall with a C++ compiler."
    )
    return "implicit"
