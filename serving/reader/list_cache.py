"""Lists that an app holds until a change event names them, and for a while without Redis.

A *position* is (generation, fold-in) of the live lists. Each poll reads the change events since
the last one, then the position. The cache keeps what no event names; it drops all where the
events do not lead to the position, because some are missing or Redis was set back.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

from ..contract import as_text
from .answers import Reply

MOST_EVENTS = 1000
"""Events per poll; after more of them all lists are read again."""
REST_S = 1.0
"""After a failed poll the next one waits this long: each may cost a timeout."""

_SIDES = {"artists": ("artist", "artist:returns"), "venues": ("venue",)}
"""The views whose lists a side's ids name."""


class Position(NamedTuple):
    """How far the live lists have come."""

    generation: int
    seq: int


class Poll(NamedTuple):
    """A poll that is under way."""

    number: int
    began: float
    last_id: str | None
    """Of the newest change event that was read before it."""


class Cache:
    """Settings and content of the cache of one `Lookup`; several threads may use it.

    Args:
        most: lists held; the one that was used longest ago goes first.
        fresh_s: an answer from the cache is at most this far behind Redis.
        stale_s: while Redis is away, or holds no lists, answers may be this far behind; 0: never.

    Raises:
        ValueError: a negative number.
    """

    def __init__(self, most: int = 10_000, *, fresh_s: float = 0.1, stale_s: float = 60.0) -> None:
        for name, value in (("most", most), ("fresh_s", fresh_s), ("stale_s", stale_s)):
            if value < 0:
                raise ValueError(f"{name}: {value} is negative; give 0 or more")
        self._most, self._fresh_s, self._stale_s = most, fresh_s, max(fresh_s, stale_s)
        self._held: OrderedDict[tuple[str, str], Reply] = OrderedDict()
        self._position: Position | None = None
        self._version: int | None = None
        self._seen_at = float("-inf")
        self._failed_at = float("-inf")
        self._last_id: str | None = None
        self._polls = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._held)

    def begin(self, now: float) -> Poll | None:
        """The poll to make before anything is given; None: none is due.

        Args:
            now: seconds of a monotonic clock, here and in all other methods.
        """
        with self._lock:
            if now - self._seen_at < self._fresh_s or now - self._failed_at < REST_S:
                return None
            return Poll(self._polls, now, self._last_id)

    def give(self, view: str, ids: Sequence[str], now: float) -> list[Reply] | None:
        """The lists of these ids; None where one is not held, or all are too old.

        Args:
            view: which lists.
            ids: whose.
            now: see `begin`.
        """
        with self._lock:
            if now - self._seen_at > self._stale_s:
                return None
            found = [self._held.get((view, identity)) for identity in ids]
            if None in found:
                return None
            for identity in ids:
                self._held.move_to_end((view, identity))
            return [self._current(reply) for reply in found if reply is not None]

    def behind_s(self, now: float) -> float:
        """Seconds since Redis last confirmed what is held."""
        return max(0.0, now - self._seen_at)

    def keep(self, view: str, ids: Sequence[str], found: Sequence[Reply]) -> None:
        """Hold lists that were just read, unless a poll has seen later ones meanwhile.

        Args:
            view: which lists.
            ids: whose.
            found: the list of each.
        """
        with self._lock:
            for identity, reply in zip(ids, found, strict=True):
                if self._is_current(reply):
                    self._held[view, identity] = reply
                    self._held.move_to_end((view, identity))
            while len(self._held) > self._most:
                self._held.popitem(last=False)

    def follow(
        self, poll: Poll, events: Sequence[tuple[Any, dict[Any, Any]]], state: Sequence[Any]
    ) -> bool:
        """Take in what a poll found. Returns False where another one was taken in meanwhile.

        Args:
            poll: of `begin`.
            events: of the stream from `poll.last_id` on, newest first.
            state: `_gen`, `_seq` and `_version`, read after the events.
        """
        # The last event of the poll before comes again, unless the stream was cut or begun again.
        oldest = as_text(events[-1][0]) if events else None
        missed = oldest != poll.last_id
        changes = [_change(fields) for _, fields in events if not missed][:-1]
        with self._lock:
            # The other one may have read later than this: going back would keep old lists.
            if poll.number != self._polls:
                return False
            self._polls += 1
            self._last_id = as_text(events[0][0]) if events else None
            position = Position(int(state[0]), int(state[1] or 0))
            known = {self._position, *(change.position for change in changes)}
            # Otherwise lists were changed of which no event tells.
            if missed or position not in known:
                self._held.clear()
            for change in changes:
                self._drop(change)
            self._position, self._version = position, _number(state[2])
            self._seen_at = poll.began
            return True

    def failed(self, now: float) -> None:
        """Note a poll that Redis did not answer."""
        self._failed_at = now

    def _is_current(self, reply: Reply) -> bool:
        at = self._position
        return at is not None and (
            reply.entry.generation == at.generation and (reply.seq or 0) >= at.seq
        )

    def _current(self, reply: Reply) -> Reply:
        """A list that no event has named is right up to the position of the last poll."""
        at = self._position
        if at is None or (reply.seq or 0) >= at.seq:
            return reply
        return reply._replace(seq=at.seq, version=self._version)

    def _drop(self, change: "_Change") -> None:
        for side, views in _SIDES.items():
            if side in change.ids:
                gone = [(view, identity) for view in views for identity in change.ids[side]]
            else:  # any list of the side may have changed
                gone = [key for key in self._held if key[0] in views]
            for key in gone:
                self._held.pop(key, None)


class _Change(NamedTuple):
    position: Position
    ids: dict[str, list[str]]
    """By side, the ids that it names."""


def _change(fields: dict[Any, Any]) -> _Change:
    said = {as_text(name): as_text(value) for name, value in fields.items()}
    position = Position(int(said["generation"]), int(said["seq"]))
    return _Change(position, {side: json.loads(said[side]) for side in _SIDES if side in said})


def _number(value: bytes | str | None) -> int | None:
    return int(value) if value else None
