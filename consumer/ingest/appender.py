"""Stores one batch at a time on a thread of its own, while the loop continues to read.

The thread has the store's handle: it is handed out only while no append is under way.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from consumer.ingest.batch import Flush
from consumer.store.writer import Store
from consumer.table.delta_log import Span


@dataclass
class Append:
    """One append: what is stored, and the outcome once it has ended.

    Attributes:
        flush: what is stored.
        began_s: monotonic time of its begin.
        ended_s: monotonic time of its end.
        version: of the commit; None: none was made.
        error: what ``Store.append`` raised.
    """

    flush: Flush
    began_s: float
    ended_s: float = 0.0
    version: int | None = None
    error: BaseException | None = None


class Appender:
    """Gives one batch at a time to the store.

    Args:
        store: ours from here on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._append: Append | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether an append was begun whose outcome was not collected yet."""
        return self._append is not None

    @property
    def spans(self) -> Mapping[int, Span]:
        """What the append under way covers of each partition."""
        return self._append.flush.spans if self._append else {}

    @property
    def store(self) -> Store:
        """The store, while no append is under way."""
        if self.busy:
            raise RuntimeError("an append has the store's handle")
        return self._store

    def begin(self, flush: Flush, spans: Mapping[str, Span], *, patience_s: float) -> None:
        """Begin to store a batch.

        Args:
            flush: the batch.
            spans: what it covers, by app id.
            patience_s: how long to try again when other writers win.
        """
        append, store = Append(flush, time.monotonic()), self.store

        def work() -> None:
            try:
                append.version = store.append(flush.rows, spans, patience_s=patience_s)
            except BaseException as error:  # noqa: BLE001 - a thread's edge: the loop raises it again
                append.error = error
            append.ended_s = time.monotonic()

        self._append = append
        # A daemon: where a disk hangs, the process leaves without it. A commit is whole or not.
        self._thread = threading.Thread(target=work, name="append", daemon=True)
        self._thread.start()

    def collect(self, wait_s: float = 0.0) -> Append | None:
        """The append under way, handed over to the caller, if it ends within `wait_s` seconds."""
        if self._append is None or self._thread is None:
            return None
        self._thread.join(wait_s)
        if self._thread.is_alive():
            return None
        # Only now: until its end the thread writes the outcome into it.
        append, self._append = self._append, None
        return append
