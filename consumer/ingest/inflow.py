"""Inflow: what was stored, in one line of the log a minute, and each new kind of dead letter."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from consumer.ingest import tallies
from consumer.metrics import Meters

logger = logging.getLogger(__name__)

EVERY_S = 60.0
_MOST_KINDS = 1_000

Kind = tuple[str | None, str]
"""The source of a dead letter, and the field that breaks the contract."""


class Inflow:
    """Counts the rows that were stored.

    Args:
        now_s: a monotonic clock, in seconds.
        meters: count them too.
    """

    def __init__(
        self, now_s: Callable[[], float] = time.monotonic, meters: Meters | None = None
    ) -> None:
        self._meters = meters or Meters()
        self._now_s = now_s
        self._since_s: float | None = None
        self._events = self._dead = self._commits = 0
        self._kinds: set[Kind] = set()

    def stored(self, rows: pa.Table) -> None:
        """Count the rows of a commit; the columns are those of the store."""
        dead = rows.filter(pc.field("kind") == "dead")
        events, kinds = rows.num_rows - dead.num_rows, _kinds(dead)
        self._meters.stored(events, Counter(kinds))
        self._events += events
        self._dead += dead.num_rows
        self._commits += 1
        # The minute begins with its first commit: a quiet hour is no part of a rate.
        if self._since_s is None:
            self._since_s = self._now_s()
        if dead.num_rows:
            self._log_new_kinds(dead, kinds)

    def look(self) -> None:
        """Log what a minute stored; a minute in which nothing came is silent."""
        if self._since_s is None or self._now_s() - self._since_s < EVERY_S:
            return
        logger.info(
            "Stored %d events and %d dead letters in %d commits within %.0f s",
            *(self._events, self._dead, self._commits, self._now_s() - self._since_s),
        )
        self._since_s = None
        self._events = self._dead = self._commits = 0

    def _log_new_kinds(self, dead: pa.Table, kinds: Sequence[Kind]) -> None:
        first: dict[Kind, int] = {}
        for row, kind in enumerate(kinds):
            # Bounded: a sender may name a new source in every record.
            if kind not in self._kinds and len(self._kinds) < _MOST_KINDS:
                self._kinds.add(kind)
                first[kind] = row
        for (source, field), row in first.items():
            logger.warning(
                "A new kind of dead letter: source %r, field %r: %s",
                *(source, field, dead["reason"][row].as_py()),
            )


def _kinds(dead: pa.Table) -> list[Kind]:
    """The kind of each dead row."""
    return [*zip(tallies.sources(dead), dead["field"].to_pylist(), strict=True)]
