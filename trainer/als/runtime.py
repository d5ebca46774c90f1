"""What computes: the instruction set of the kernel, and BLAS with one thread."""

import importlib
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def best_isa() -> str:
    """The best instruction set that this machine and the kernel, which must be built, both have."""
    isas: list[str] = importlib.import_module("trainer.als._als").isas()
    return isas[-1]


def one_thread() -> AbstractContextManager[Any]:
    """Let BLAS compute on one thread: for many small products, or inside parallel threads."""
    limiter: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limiter


@cache
def _controller() -> ThreadpoolController:
    """Finds the loaded BLAS libraries, which takes milliseconds; cached."""
    return ThreadpoolController()
