"""What operators ask, in threads of its own: lists do not wait for it."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from weakref import WeakSet

from operations.settings import OperationSettings
from operations.stream import Tail
from web.errors import TooMany

T = TypeVar("T")

LOOKS, ACTIONS = 3, 3
"""How many run at a time; others wait."""
WATCHERS = 20
"""How many may watch the stream at a time."""


class Watcher:
    """One who watches the stream."""


class Operations:
    """Runs functions of the package `operations`.

    Args:
        settings: of the installation.
        origins: where the value of each setting comes from, by name.
    """

    def __init__(self, settings: OperationSettings, origins: Mapping[str, str]) -> None:
        self.settings = settings
        self.origins = origins
        # Two pools: actions may wait minutes for the trainer, and looks must not wait for them.
        self._lookers = ThreadPoolExecutor(LOOKS, "look")
        self._actors = ThreadPoolExecutor(ACTIONS, "action")
        self.tail = Tail(settings.store)
        self._watchers: WeakSet[Watcher] = WeakSet()

    def watch(self) -> Watcher:
        """One more watches the stream, as long as what is returned is kept.

        Raises:
            TooMany: too many do already.
        """
        if len(self._watchers) >= WATCHERS:
            raise TooMany(f"{WATCHERS} watch the stream already; close one of them")
        # Counted by references: a watcher that leaves in the middle of an answer calls nothing.
        made = Watcher()
        self._watchers.add(made)
        return made

    async def look(self, function: Callable[..., T], *given: Any, **more: Any) -> T:  # noqa: ANN401
        """Run a function that only reads."""
        return await _run(self._lookers, partial(function, *given, **more))

    async def act(self, function: Callable[..., T], *given: Any, **more: Any) -> T:  # noqa: ANN401
        """Run a function that changes something."""
        return await _run(self._actors, partial(function, *given, **more))


async def _run(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work)
