"""Batches on their way into the store: one append at a time, beside the loop that reads on.

The append has a thread of its own, and with it the store's handle. Whoever wants the store asks
here for it, and gets it only while nothing is under way.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from consumer.batch import Handed
from consumer.store import Span, Store


@dataclass(frozen=True)
class Stored:
    """An append that has ended well.

    Attributes:
        version: of the commit.
        took_s: seconds from its begin to its end.
        ended_s: monotonic time of its end.
    """

    version: int
    took_s: float
    ended_s: float


class Append:
    """One append under way.

    Attributes:
        handed: what is being stored.
    """

    def __init__(
        self, store: Store, handed: Handed, spans: Mapping[str, Span], *, patience_s: float
    ) -> None:
        self.handed = handed
        self._store = store
        self._spans = spans
        self._patience_s = patience_s
        self._stored: Stored | None = None
        self._error: BaseException | None = None
        # A daemon: where a disk hangs, the process leaves without it. A commit is whole or not.
        self._thread = threading.Thread(target=self._work, name="append", daemon=True)
        self._thread.start()

    def ended(self, wait_s: float = 0.0) -> bool:
        """Whether it has ended, within so many seconds."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def result(self) -> Stored:
        """What came of it, once it has ended; raises what ``Store.append`` raised."""
        if self._stored is None:
            raise self._error or RuntimeError("the append is still under way")
        return self._stored

    def _work(self) -> None:
        began_s = time.monotonic()
        try:
            version = self._store.append(self.handed.rows, self._spans, patience_s=self._patience_s)
        except BaseException as error:  # noqa: BLE001 - a thread's edge: the loop raises it again
            self._error = error
        else:
            now_s = time.monotonic()
            self._stored = Stored(version, now_s - began_s, now_s)


class Storing:
    """Gives one batch at a time to the store.

    Args:
        store: ours from here on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._append: Append | None = None

    @property
    def busy(self) -> bool:
        """Whether an append was begun whose outcome was not taken yet."""
        return self._append is not None

    @property
    def store(self) -> Store:
        """The store, while no append is under way."""
        if self._append is not None:
            raise RuntimeError("an append has the store's handle")
        return self._store

    def begin(self, handed: Handed, spans: Mapping[str, Span], *, patience_s: float) -> None:
        """Store this.

        Args:
            handed: rows, and what they cover by partition.
            spans: the same by app id.
            patience_s: how long to try again when other writers win.
        """
        self._append = Append(self.store, handed, spans, patience_s=patience_s)

    def ended(self, wait_s: float = 0.0) -> Append | None:
        """The append under way where it ends within so many seconds: it is the caller's now."""
        append = self._append
        if append is None or not append.ended(wait_s):
            return None
        self._append = None
        return append
