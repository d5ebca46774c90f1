"""BLAS with one thread, where its own threads would only be in the way."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Within it, BLAS computes on the calling thread.

    For many small products, or beside threads that somebody else started.
    """
    limiter: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limiter


@cache
def _controller() -> ThreadpoolController:
    """Looks up the loaded libraries, which takes milliseconds: once is enough."""
    return ThreadpoolController()
