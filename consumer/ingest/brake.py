"""The brake, off by default: end the consumer where most messages of a source are bad.

Dead letters lose nothing, so the stream normally continues and the alarm reports them
(`consumer.dead_letters.alarm`). With `dead_letter_brake_share` set the consumer ends instead,
before it stores the batch; the next start reads the batch again. It begins with what the store
holds of the latest messages, so a restart stops again until the cause is corrected, however slowly
messages come.
"""

from collections.abc import Mapping

import pyarrow as pa

from consumer.errors import ConsumerError
from consumer.ingest import tallies
from consumer.ingest.tallies import NONE, Source, Tally
from consumer.settings import ConsumerSettings
from consumer.store.recent import recent


class MostlyBad(ConsumerError):
    """Most of the latest messages of a source break the contract; the batch was not stored."""

    exit_code = 4

    def __init__(self, source: Source, seen: Tally, field: str, reason: str) -> None:
        of = "" if source is None else f" of source {source!r}"
        super().__init__(
            f"{seen.dead:,} of the latest {seen.messages:,} messages{of} break the event contract, "
            f"most of those at hand by {field!r}, such as: {reason}. Stopped before storing them: "
            "correct the producer or the consumer, start again, or set dead_letter_brake_share=0 "
            "to make dead letters of them"
        )


class Brake:
    """Counts messages by source; one consumer's.

    Args:
        share: of bad ones among a source's latest messages, beyond which it stops.
        window: how many are the latest; with fewer of a source it never stops.
        stored: what the store holds of the latest messages.
    """

    def __init__(
        self, *, share: float, window: int, stored: Mapping[Source, Tally] | None = None
    ) -> None:
        self._share = share
        self._window = window
        self._seen = dict(stored or {})

    @classmethod
    def from_settings(cls, settings: ConsumerSettings) -> "Brake | None":
        """The one that the settings ask for; None where it is off.

        Raises:
            StoreDamaged, StoreNewer: the store cannot be read.
        """
        share, window = settings.dead_letter_brake_share, settings.dead_letter_brake_window
        if not 0 < share < 1:
            return None
        stored = tallies.by_source(recent(settings.store, window))
        return cls(share=share, window=window, stored=stored)

    def judge(self, rows: pa.Table) -> None:
        """Look at a batch that is about to be stored.

        Raises:
            MostlyBad: it holds dead letters of a source most of whose latest messages are such.
        """
        for source, tally in tallies.by_source(rows).items():
            seen = self._seen.get(source, NONE).plus(tally)
            # Good messages alone always pass: after a correction they bring the share down again.
            if tally.dead and self.stops(seen):
                raise MostlyBad(source, seen, *tallies.most_common(rows, source))
            self._seen[source] = self._latest(seen)

    def stops(self, seen: Tally) -> bool:
        """Whether these are enough messages, and too many of them bad."""
        return seen.messages >= self._window and seen.dead > self._share * seen.messages

    def _latest(self, seen: Tally) -> Tally:
        """Counts that forget: of more than two windows the older half."""
        while seen.messages > 2 * self._window:
            seen = Tally(seen.messages // 2, seen.dead // 2)
        return seen
