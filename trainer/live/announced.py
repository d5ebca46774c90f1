"""Whether announced gigs were in the stored lists before: the hit rate of real bookings.

A gig is looked at when it is stated for the first time, before it changes any list. Its artist's
list and its venue's are those that apps got until then. A pair that never met is looked for in the
views `artist` and `venue`, one that did in those with returns. The popular list is looked at beside
them, as it would be shown: in the views of new pairs without those that the artist or venue met.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from consumer.table.schema import Side
from serving.contract import SIDES, View, has_returns
from serving.publisher.publish import Publisher, Seen
from trainer.live.following import Following
from trainer.plays.ids import Ids
from trainer.plays.interactions import StatedPlays
from trainer.plays.matrix import DAY_MS, Plays
from trainer.registry.hits import Hits, Look, Tally

BEST = 10
"""Entries of a list that count."""
PAST_DAYS = 7.0
"""A gig that took place longer than this before the lists' as-of is history, no announcement."""


class Booking(NamedTuple):
    """One announced gig, from the one side.

    Attributes:
        view: whose list is looked at.
        owner: id of the list.
        other: id that is looked for.
        met: ids that the owner has played with, before.
        at_ms: when the gig takes place.
    """

    view: View
    owner: str
    other: str
    met: frozenset[str]
    at_ms: int


class Announced:
    """Looks at new gigs.

    Args:
        publisher: of the lists.
        following: of the store.
        hits: takes the result.
    """

    def __init__(self, publisher: Publisher, following: Following, hits: Hits) -> None:
        self._publisher = publisher
        self._following = following
        self._hits = hits

    def look(self, now_s: float) -> Mapping[str, Tally]:
        """Look at all gigs that wait for it, and note it; returns what was found by view.

        Args:
            now_s: epoch seconds.

        Raises:
            ServingError: of the publisher; they wait for the next look.
        """
        arrivals, following = self._following.arrivals, self._following
        # Without a first line a restarted trainer could not tell which gigs came since.
        is_first = self._hits.positions is None and following.version is not None
        if not arrivals.is_waiting and not is_first:
            return {}
        asked = [*bookings(following, arrivals.waiting())]
        seen = self._publisher.seen(wanted(asked)) if asked else {}
        found = tallies(asked, seen)
        left_out = arrivals.left_out
        self._hits.add(Look(_week(now_s), _generation(seen), following.offsets, found, left_out))
        arrivals.clear()
        return found

    def report(self) -> dict[str, Any]:
        """See `trainer.registry.hits.report`."""
        return self._hits.report()


def bookings(following: Following, arrived: StatedPlays) -> Iterator[Booking]:
    """Each gig from both sides.

    Args:
        following: has settled them.
        arrived: the gigs.
    """
    known, plays = following.interactions, following.plays
    artists = known.merged_artists.mapped(arrived.artist)
    venues = known.merged_venues.mapped(arrived.venue)
    artist, venue = _Side("artist", known.artists, artists), _Side("venue", known.venues, venues)
    yield from _bookings(artist, venue, plays, arrived.at_ms)
    yield from _bookings(venue, artist, plays.transposed(), arrived.at_ms)


class _Side(NamedTuple):
    """One side of the gigs: their rows there."""

    name: Side
    ids: Ids
    rows: NDArray[np.int32]


def _bookings(
    own: _Side, other: _Side, plays: Plays, at_ms: NDArray[np.int64]
) -> Iterator[Booking]:
    """Of the one side; `plays` are own x other."""
    new_view, returns = SIDES[own.name]
    before = _met_before(plays, own.rows, other.rows)
    met = {row: frozenset(other.ids[each] for each in found) for row, found in before.items()}
    gigs = zip(own.rows.tolist(), other.rows.tolist(), at_ms.tolist(), strict=True)
    for row, column, when_ms in gigs:
        view = returns if other.ids[column] in met[row] else new_view
        yield Booking(view, own.ids[row], other.ids[column], met[row], when_ms)


def wanted(asked: Sequence[Booking]) -> Mapping[View, Sequence[str]]:
    """The ids whose lists are looked at, by view."""
    found: dict[View, dict[str, None]] = {}
    for each in asked:
        found.setdefault(each.view, {})[each.owner] = None
    return {view: [*owners] for view, owners in found.items()}


def tallies(asked: Sequence[Booking], seen: Mapping[View, Seen]) -> dict[str, Tally]:
    """Count by view; a view whose hash is missing is left out.

    Args:
        asked: the gigs.
        seen: the lists before them.
    """
    found: dict[str, Tally] = {}
    for each in asked:
        lists = seen[each.view]
        if lists.popular is None or each.at_ms < _since_ms(lists.popular.as_of):
            continue
        found[each.view] = found.get(each.view, Tally()).plus(_tally(each, lists))
    return found


def _week(now_s: float) -> str:
    year, week, _ = datetime.fromtimestamp(now_s, UTC).isocalendar()
    return f"{year}-W{week:02}"


def _generation(seen: Mapping[View, Seen]) -> int:
    return max((each.popular.generation for each in seen.values() if each.popular), default=0)


def _since_ms(as_of_s: int) -> float:
    return as_of_s * 1000 - PAST_DAYS * DAY_MS


def _tally(booking: Booking, seen: Seen) -> Tally:
    own = seen.lists.get(booking.owner)
    if own is None or not own.ids or seen.popular is None:
        return Tally(without=1)
    hit = booking.other in own.ids[:BEST]
    left_out = frozenset[str]() if has_returns(booking.view) else booking.met
    popular = [name for name in seen.popular.ids if name not in left_out]
    return Tally(1, int(hit), int(booking.other in popular[:BEST]))


def _met_before(
    plays: Plays, own: NDArray[np.int32], theirs: NDArray[np.int32]
) -> dict[int, list[int]]:
    """By row of `own`, the columns that it had plays with before these pairs were added."""
    rows, at = np.unique(own, return_inverse=True)
    counts = plays.for_artists(rows).counts.tocoo()
    left = {(r, c): n for r, c, n in zip(counts.row, counts.col, counts.data, strict=True)}
    for pair in zip(at.tolist(), theirs.tolist(), strict=True):
        left[pair] = left.get(pair, 0) - 1  # it may have been cancelled since
    found: dict[int, list[int]] = {row: [] for row in rows.tolist()}
    for (position, column), n in left.items():
        if n > 0:
            found[int(rows[position])].append(int(column))
    return found
