"""The alarm: a source most of whose latest messages break the event contract.

The stream continues: bad records are kept as dead letters and can be replayed, and good records of
other sources do not wait for them. But somebody must look. The maintenance process writes an
alarm to the log, `gigstream status` shows it, and `gigstream check` fails while it lasts.

It lasts until the source's latest messages are good again, or the bad ones were replayed.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from consumer.dead_letters.letters import addresses
from consumer.ingest import tallies
from consumer.ingest.tallies import Source
from consumer.metrics import UNKNOWN
from consumer.settings import ConsumerSettings
from consumer.store.recent import recent
from consumer.table import delta_log

logger = logging.getLogger(__name__)

FEWEST = 10
"""Dead letters of a source; with fewer there is no alarm."""

_AGAIN_S = 600.0


@dataclass(frozen=True)
class Alarm:
    """One source.

    Attributes:
        source: None: it cannot be read from the records.
        dead: its dead letters among its latest messages that were not replayed since.
        messages: its latest messages; all sources' where its own cannot be told.
        field: what most of its dead letters broke.
        reason: of one of these.
    """

    source: Source
    dead: int
    messages: int
    field: str
    reason: str

    def __str__(self) -> str:
        of = "" if self.source is None else f" of source {self.source!r}"
        unread = ", from a source that cannot be read" if self.source is None else ""
        return (
            f"dead letters: {self.dead:,} of the latest {self.messages:,} messages{of} break the "
            f"event contract{unread}, most by {self.field!r}, such as: {self.reason}. They are "
            "kept; correct the producer, then see `gigstream dead-letters list`"
        )


def alarms(settings: ConsumerSettings) -> list[Alarm]:
    """The alarms of the store as it is now, the worst first.

    Raises:
        StoreDamaged, StoreNewer: the store cannot be read.
    """
    share = settings.dead_letter_alarm_share
    if not 0 < share < 1:
        return []
    found = _judged(recent(settings.store, settings.dead_letter_brake_window), share)
    return sorted(found, key=lambda alarm: -alarm.dead)


def _judged(rows: pa.Table, share: float) -> Iterator[Alarm]:
    replayed = rows["replay_of"].drop_null()
    is_open = pc.invert(pc.is_in(addresses(rows), replayed.combine_chunks()))
    rows = rows.filter(pc.or_(pc.equal(rows["kind"], "event"), is_open))
    found = tallies.by_source(rows)
    for source, tally in found.items():
        messages = (tallies.total(found) if source is None else tally).messages
        if tally.dead >= FEWEST and tally.dead > share * messages:
            yield Alarm(source, tally.dead, messages, *tallies.most_common(rows, source))


class AlarmLog:
    """Writes alarms to the log as they come up, and again every ten minutes while letters come.

    Args:
        settings: of the store.
        now_s: a monotonic clock.
    """

    def __init__(
        self, settings: ConsumerSettings, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._now_s = now_s
        self._snapshot: delta_log.Snapshot | None = None
        self._dead = 0
        self._said_s: dict[tuple[Source, str], float] = {}
        self._standing: list[Alarm] = []

    @property
    def shares(self) -> dict[str, float]:
        """Shares of dead letters of the sources in alarm, as of the last look, the worst first."""
        return {each.source or UNKNOWN: each.dead / each.messages for each in self._standing}

    def look(self) -> None:
        """Look whether dead letters came, and what they come to.

        Raises:
            StoreDamaged, StoreNewer: the store cannot be read.
        """
        self._snapshot = delta_log.newest(self._settings.store, self._snapshot)
        files = self._snapshot.files.values() if self._snapshot else ()
        dead = sum(file.rows for file in files if file.kind == "dead")
        # An alarm also ends while no dead letters come.
        if dead > self._dead or self._standing:
            self._standing = alarms(self._settings)
        if dead > self._dead:
            for alarm in self._standing:
                self._say(alarm)
        # Only now: where the store could not be read, the next look finds them again.
        self._dead = dead

    def _say(self, alarm: Alarm) -> None:
        what, now_s = (alarm.source, alarm.field), self._now_s()
        if now_s - self._said_s.get(what, -_AGAIN_S) >= _AGAIN_S:
            self._said_s[what] = now_s
            logger.error("ALARM: %s", alarm)
