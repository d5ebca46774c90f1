"""Gigs that were stated for the first time, and count, since they were last looked at.

A reset tells nothing of what is new: its gigs are left out. After a restart, statements below the
positions of the last look are left out too, so that no gig is looked at twice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer.plays.interactions import Interactions, StatedPlays

MOST = 1000
"""Gigs of one look; more are an import, and no announcement."""

_NAMED = ["source", "event_id", "artist_id", "venue_id"]
_MOST_STATEMENTS = 10 * MOST
_NOTHING = StatedPlays(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64))


class Arrivals:
    """What waits for the next look.

    Args:
        seen: by app id, the offset below which an earlier process looked; None: none did.
        kept: False: nothing is kept, as there is no look.
    """

    def __init__(self, seen: Mapping[str, int] | None = None, *, kept: bool = True) -> None:
        self._seen = seen
        self._kept = kept
        self._resumed: _Resumed | None = None  # while resuming
        self._waiting: list[StatedPlays] = []
        self.left_out = 0
        """Gigs that were too many to be looked at."""

    def __len__(self) -> int:
        return sum(len(each.artist) for each in self._waiting)

    @contextmanager
    def resuming(self) -> Iterator[None]:
        """What is settled meanwhile may have been seen by an earlier process."""
        # Without positions nothing is known of what was seen: all of it may have been.
        self._resumed = _Resumed({} if self._seen is None else self._seen)
        try:
            yield
        finally:
            self._resumed = None

    def read(self, events: pa.Table) -> None:
        """These statements are about to be settled."""
        if self._resumed is not None and self._seen is not None:
            self._resumed.read(events)

    def settled(self, known: Interactions, before: int) -> None:
        """Statements were settled.

        Args:
            known: all that is settled now.
            before: `Interactions.gig_count` before.
        """
        found = known.plays_since(before) if self._kept else _NOTHING
        if self._resumed is not None:
            found = _among(found, known, self._resumed.pairs())
        if len(self) + len(found.artist) > MOST:
            self.left_out += len(self) + len(found.artist)
            self._waiting = []
        elif len(found.artist):
            self._waiting.append(found)

    @property
    def is_waiting(self) -> bool:
        """Whether anything is to be noted."""
        return bool(self._waiting or self.left_out)

    def waiting(self) -> StatedPlays:
        """All that wait."""
        columns = zip(_NOTHING, *self._waiting, strict=True)
        return StatedPlays(*(np.concatenate(parts) for parts in columns))

    def clear(self) -> None:
        """They were looked at."""
        self._waiting, self.left_out = [], 0


class _Resumed:
    """Which of the statements that a new process reads again are of gigs not seen before.

    Args:
        seen: by app id, the offset below which all were seen.
    """

    def __init__(self, seen: Mapping[str, int]) -> None:
        self._seen = seen
        self._before: list[pa.Table] = []
        self._since: list[pa.Table] = []

    def read(self, events: pa.Table) -> None:
        beyond, rows = pa.array(is_beyond(events, self._seen)), events.select(_NAMED)
        self._before.append(rows.filter(pc.invert(beyond)))
        self._since.append(rows.filter(beyond))

    def pairs(self) -> Counter[tuple[str, str]]:
        """By artist and venue, the gigs stated since and not before; none where too many are."""
        if sum(map(len, self._since)) > _MOST_STATEMENTS:
            return Counter()
        since = [row for table in self._since for row in table.to_pylist()]
        events = pa.array([row["event_id"] for row in since], pa.string())
        before = {
            _gig(row)
            for table in self._before
            for row in table.filter(pc.is_in(table["event_id"], value_set=events)).to_pylist()
        }
        # The last statement of each gig says where it is.
        new = {_gig(row): row for row in since if _gig(row) not in before}
        return Counter((row["artist_id"], row["venue_id"]) for row in new.values())


def _gig(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["source"], row["event_id"], row["artist_id"]


def is_beyond(events: pa.Table, positions: Mapping[str, int]) -> NDArray[np.bool_]:
    """Which rows are at or after the position of their partition; all of an unknown one are.

    Args:
        events: with the columns `topic_id`, `partition` and `offset`.
        positions: by app id.
    """
    topics, offsets = events["topic_id"].cast(pa.string()), events["offset"].to_numpy()
    partitions, topic_ids = events["partition"].to_numpy(), np.array(topics.to_pylist(), object)
    beyond = np.ones(len(events), np.bool_)
    for name, position in positions.items():
        topic_id, _, partition = name.partition("/")[2].rpartition("/")
        own = (topic_ids == topic_id) & (partitions == int(partition))
        beyond &= ~own | (offsets >= position)
    return beyond


def _among(found: StatedPlays, known: Interactions, pairs: Counter[tuple[str, str]]) -> StatedPlays:
    """The last gigs of each pair, as many as were counted of it."""
    left, kept = pairs.copy(), []
    for at in reversed(range(len(found.artist))):
        pair = known.artists[int(found.artist[at])], known.venues[int(found.venue[at])]
        if left[pair] > 0:
            left[pair] -= 1
            kept.append(at)
    rows = np.array(kept[::-1], np.int64)
    return StatedPlays(found.artist[rows], found.venue[rows], found.at_ms[rows])
