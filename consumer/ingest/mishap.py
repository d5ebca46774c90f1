"""Unforeseen exceptions while a record is judged: they cost the record, never the stream."""

import logging
import traceback

from consumer.events.invalid import InvalidEvent

logger = logging.getLogger(__name__)


class Mishaps:
    """Makes dead letters of exceptions, and logs the traceback of each kind once.

    A kind is an exception's type and the line of code that raised it.
    """

    def __init__(self) -> None:
        self._kinds: set[str] = set()

    def note(self, error: Exception) -> str:
        """The kind of an exception; the first of a kind goes to the log."""
        *_, last = traceback.extract_tb(error.__traceback__)
        kind = f"{type(error).__name__} at {last.filename.rpartition('/')[2]}:{last.lineno}"
        if kind not in self._kinds:
            self._kinds.add(kind)
            logger.error("A record could not be judged: %s", kind, exc_info=error)
        return kind

    def dead(self, error: Exception, value: bytes | None) -> InvalidEvent:
        """Why the record that raised this is a dead letter."""
        problem = f"could not be judged ({self.note(error)})"
        remedy = "report it with this record, then replay the dead letter"
        return InvalidEvent("value", value, problem, remedy)
