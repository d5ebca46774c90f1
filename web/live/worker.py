"""A thread of this process that works while a context lasts."""

from abc import ABC, abstractmethod
from threading import Event, Thread
from types import TracebackType
from typing import Self


class Worker(ABC):
    """Runs `run` in a thread of its own, from the start of the context to its end.

    Args:
        name: of the thread.
        leave_s: how long the end waits for `run` to return; None: until it has.
    """

    def __init__(self, name: str, leave_s: float | None = None) -> None:
        self._leave_s = leave_s
        self.stop = Event()
        """Set at the end of the context; `run` returns soon after."""
        # A daemon: a look that a dead disk or server blocks must not keep a stopped process.
        self._thread = Thread(target=self.run, name=name, daemon=True)

    @abstractmethod
    def run(self) -> None:
        """Work until `stop` is set."""

    @property
    def is_alive(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop.set()
        self._thread.join(self._leave_s)
