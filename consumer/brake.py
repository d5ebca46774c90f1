"""The brake: when most of the latest messages are bad, the consumer stops before it stores them.

Dead letters are for exceptions. Where a producer or a decoder went wrong, a whole topic would
become dead letters within minutes, and bringing them back is work. So the consumer ends instead,
loudly, with nothing of what waits stored; a mended one reads it again.

What it had seen when it stopped is kept in a file of the store: a restart stops again until the
cause is mended or the setting is changed, however slowly messages come.
"""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from consumer.errors import ConsumerError

FILE = ".brake.json"


@dataclass(frozen=True)
class BrakePolicy:
    """When to stop.

    Attributes:
        share: of bad ones among the latest messages, beyond which it stops; 0 or 1: never.
        window: how many messages are the latest; with fewer it never stops.
    """

    share: float
    window: int

    @property
    def is_on(self) -> bool:
        """Whether it can stop at all."""
        return 0 < self.share < 1

    def stops(self, seen: "Seen") -> bool:
        """Whether so many bad ones are too many."""
        return self.is_on and seen.messages >= self.window and self._exceeds(seen)

    def is_well(self, seen: "Seen") -> bool:
        """Whether enough messages were seen to say that few enough are bad."""
        return seen.messages >= self.window and not self._exceeds(seen)

    def _exceeds(self, seen: "Seen") -> bool:
        return seen.dead > self.share * seen.messages


class Seen(msgspec.Struct, frozen=True):
    """So many messages, and how many of them were bad."""

    messages: int
    dead: int

    def less(self, other: "Seen") -> "Seen":
        """What is left without the other."""
        return Seen(self.messages - other.messages, self.dead - other.dead)


NOTHING_SEEN = Seen(0, 0)


class MostlyBad(ConsumerError):
    """Most of the latest messages break the contract; what waits of them was not stored."""

    exit_code = 4

    def __init__(self, seen: Seen, field: str, number: int, reason: str) -> None:
        super().__init__(
            f"{seen.dead:,} of the latest {seen.messages:,} messages break the event contract, "
            f"{number:,} of those at hand by {field!r}, such as: {reason}. Stopped before storing "
            "them: mend the producer or the consumer and start again, or set "
            "dead_letter_brake_share=1 to make dead letters of them"
        )


class Brake:
    """Counts messages; one consumer's.

    Args:
        policy: when to stop.
        store: the store's folder, where the file lies that outlives a stop.

    Attributes:
        is_resumed: it stopped a consumer before, and too few good messages came since.
    """

    def __init__(self, *, policy: BrakePolicy, store: Path) -> None:
        self._policy = policy
        self._file = store / FILE
        self._latest: deque[Seen] = deque()
        self._seen = self._stored = NOTHING_SEEN
        self.is_resumed = False
        self._resume()

    @property
    def seen(self) -> Seen:
        """What was noted of the latest messages so far."""
        return self._seen

    def note(self, messages: int, dead: int) -> bool:
        """So many more were read; whether that is a reason to stop."""
        if not messages:
            return False
        self._add(Seen(messages, dead))
        while self._seen.messages - self._latest[0].messages >= self._policy.window:
            self._seen = self._seen.less(self._latest.popleft())
        return dead > 0 and self._policy.stops(self._seen)

    def _add(self, seen: Seen) -> None:
        self._latest.append(seen)
        self._seen = Seen(self._seen.messages + seen.messages, self._seen.dead + seen.dead)

    def stop(self, waiting: pa.Table) -> MostlyBad:
        """What to end with, ``waiting`` being the rows that are not stored."""
        self._keep()
        return MostlyBad(self._seen, *_most_common(waiting))

    def stored(self, seen: Seen) -> None:
        """What was noted until ``seen`` is stored; what was since may not be."""
        self._stored = seen
        if self.is_resumed:
            (self._forget if self._policy.is_well(self._seen) else self._keep)()

    def _resume(self) -> None:
        if not self._policy.is_on:
            self._forget()
            return
        with suppress(OSError, msgspec.DecodeError):
            self._add(msgspec.json.decode(self._file.read_bytes(), type=Seen))
            self._stored = self._seen
            self.is_resumed = True

    def _keep(self) -> None:
        # Of what is stored only: the rest will be read, and counted, again.
        unfinished = self._file.with_suffix(".new")
        with suppress(OSError):  # then a restart needs as many messages as the first time
            unfinished.write_bytes(msgspec.json.encode(self._stored))
            unfinished.replace(self._file)

    def _forget(self) -> None:
        self.is_resumed = False
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def _most_common(rows: pa.Table) -> tuple[str, int, str]:
    """The field that most of the dead rows broke, how many did, and the reason of one."""
    dead = rows.filter(pc.field("kind") == "dead")
    most = max(pc.value_counts(dead["field"]).to_pylist(), key=lambda each: int(each["counts"]))
    reasons = dead.filter(pc.field("field") == most["values"])["reason"]
    return most["values"], most["counts"], reasons[0].as_py()
